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
    """The greatest score first, each up to its room, until the lots are gone; ties to the lower row.

    Whole numbers: lots and rooms below 2^61 (listing bounds), scores within 2^62 either way. Nothing is sorted: the
    score at which the lots end is found by halving, among ever fewer rows.
    """
    score, room = np.asarray(scores, np.int64), np.minimum(np.asarray(rooms, np.int64), lots)
    if exact_sum(room) <= lots:
        return room
    last, left = _last_score(lots, score, room)
    shares: Ints = np.where(score > last, room, 0)
    tied = np.flatnonzero(score == last)
    ends = np.cumsum(room[tied].astype(np.int64 if exact_sum(room[tied]) < 2**63 else object))
    shares[tied] = np.clip(left - (ends - room[tied]), 0, room[tied]).astype(np.int64)
    return shares


def _last_score(lots: int, score: Ints, room: Ints) -> tuple[int, int]:
    """The score of the last rows that get anything, and the lots that those above it leave for them."""
    low, high = int(score.min()), int(score.max())
    while low < high:
        middle = (low + high + 1) // 2
        above = score >= middle
        taken = exact_sum(room[above])
        if taken >= lots:
            low = middle
        else:
            high, lots, above = middle - 1, lots - taken, ~above
        score, room = score[above], room[above]
    return low, lots


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
