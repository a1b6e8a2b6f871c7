"""Who gives how many lots (RULEBOOK 6.7, 15.5): a queue by score; a division by weights is section 9 (`allocation`).

Rows stand by (member, account), so nothing depends on arrival. What all rooms together refuse stays with the caller.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.level import Column, exact_sum
from engine.numbers import PPM

Ints = NDArray[np.int64]


def queue(lots: int, scores: Sequence[int] | Ints, rooms: Sequence[int] | Ints) -> Ints:
    """The greatest score first, each up to its room, until the lots are gone; ties to the lower row. O(n log n).

    Whole numbers: lots and rooms below 2^61 (listing bounds), scores within int64. Where the sum of the rooms passes
    int64, it is made of Python integers.
    """
    score, room = np.asarray(scores, np.int64), np.minimum(np.asarray(rooms, np.int64), lots)
    order = np.argsort(-score, kind="stable")
    wide: type = np.int64 if exact_sum(room) < 2**63 else object
    ahead: Column = np.cumsum(room[order].astype(wide)) - room[order]
    shares = np.zeros(room.size, np.int64)
    shares[order] = np.clip(lots - ahead, 0, room[order]).astype(np.int64)
    return shares


def capped(rooms: Column, held: Column, most_ppm: int) -> Column:
    """Rooms of which nobody gives more than a share of its position, rounded down: capped pro rata.

    `floor(lots most / 10^6)`, in two parts, so that no product of int64 passes it.
    """
    whole, rest = held // PPM, held % PPM
    most: Column = np.minimum(rooms, whole * most_ppm + rest * most_ppm // PPM)
    return most


def column(values: Sequence[int]) -> Column:
    """Whole numbers as int64 where they fit, else as Python integers."""
    try:
        return np.array(values, np.int64)
    except OverflowError:
        return np.array(values, object)
