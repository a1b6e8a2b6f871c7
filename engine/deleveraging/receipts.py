"""Receipts of lots given (RULEBOOK 12, 17.22): as for money, but that a queue is proved by its scores.

A leaf is sha256 over `account|score|weight|room|lots|rank|before|after`; before and after are lots without sign.
"""

from __future__ import annotations

from engine.deleveraging.tiers import Given
from engine.receipts import digest, merkle_root
from schemas.events import LotDraw, LotShare


def lot_draw(given: Given) -> LotDraw:
    """One tier as it is told: everybody who had room, and a root over all of them."""
    columns = (one.tolist() for one in (given.weights, given.rooms, given.shares, given.ranks))
    shares = []
    for row, weight, room, lots, rank in zip(given.rows, *columns, strict=True):
        before = abs(row.lots)
        shares.append(LotShare(row.account, row.score_ppm, weight, room, lots, rank, before, before - lots))
    root = merkle_root([lot_leaf(one) for one in shares])
    total = sum(one.weight for one in shares)
    return LotDraw(given.tier, given.rule, given.amount, total, given.level, given.level_weight, root, shares)


def lot_leaf(share: LotShare) -> str:
    """The hash of one receipt."""
    s = share
    fields = (
        s.account, s.score_ppm, s.weight, s.room_lots, s.lots, s.remainder_rank, s.before_lots, s.after_lots,
    )  # fmt: skip
    return digest("|".join(map(str, fields)))
