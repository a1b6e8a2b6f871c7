"""Who gives how many lots (RULEBOOK 6.7, 15.5): a queue by score; a division by weights is section 9 (`allocation`).

Rows stand by (member, account), so nothing depends on arrival. What all rooms together refuse stays with the caller.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.level import Column
from engine.numbers import PPM

Ints = NDArray[np.int64]


def queue(lots: int, scores: Sequence[int] | Ints, rooms: Sequence[int] | Ints) -> Ints:
    """The greatest score first, each up to its room, until the lots are gone; ties to the lower row. O(n log n).

    Whole numbers: lots and rooms below 2^61 (listing bounds), scores within int64. The sum of the rooms may pass int64,
    so a room counts at most for the lots, in Python integers where even that could not be added up.
    """
    score, room = np.asarray(scores, np.int64), np.minimum(np.asarray(rooms, np.int64), lots)
    order = np.argsort(-score, kind="stable")
    wide: type = np.int64 if (room.size + 1) * max(1, lots) < 2**63 else object
    ahead: Column = np.cumsum(room[order].astype(wide)) - room[order]
    shares = np.zeros(room.size, np.int64)
    shares[order] = np.clip(lots - ahead, 0, room[order]).astype(np.int64)
    return shares


def capped(rooms: Sequence[int] | Ints, held: Sequence[int] | Ints, cap_ppm: int) -> list[int]:
    """Rooms of which nobody gives more than a share of its position, rounded down: capped pro rata."""
    return [min(room, lots * cap_ppm // PPM) for room, lots in zip(map(int, rooms), map(int, held), strict=True)]
