"""The tiers of one batch (RULEBOOK 6.7, 17.22): accounts in liquidation, then in profit by the rule, then all others.

What one tier has no room for goes on to the next. Only profit is ordered or weighted by the version's rule; the other
two give pro rata to lots.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.allocation import allocate
from engine.deleveraging import draw
from engine.level import Column
from schemas.rows import Batch, Candidate

LIQUIDATED, IN_PROFIT, OTHERS = 1, 2, 3
RULES = ("queue", "pro_rata", "capped_pro_rata", "risk_aware")


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """What one tier gives, row by row as the candidates stand; a queue has no level, weight or remainders."""

    tier: int
    rule: str
    amount: int
    rows: list[Candidate]
    shares: Column
    rooms: Column
    weights: Column
    ranks: Column
    level: int = 0
    level_weight: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Tiers:
    """All tiers that were come to, the lots that none had room for, and who in profit would have given by each rule."""

    given: list[Given]
    left: int
    otherwise: dict[str, dict[str, int]]


def give(lots: int, candidates: list[Candidate], batch: Batch) -> Tiers:
    """Candidates stand by (member, account), each with room for at least one lot."""
    given: list[Given] = []
    otherwise: dict[str, dict[str, int]] = {}
    for tier in (LIQUIDATED, IN_PROFIT, OTHERS):
        rows = [one for one in candidates if one.tier == tier]
        if not rows or not lots:
            continue
        rooms, held = draw.column([row.room for row in rows]), abs(draw.column([row.lots for row in rows]))
        given.append(_give(lots, rows, rooms, held, batch, batch.draw if tier == IN_PROFIT else "pro_rata"))
        if tier == IN_PROFIT:
            others = (_give(lots, rows, rooms, held, batch, rule) for rule in RULES if rule != batch.draw)
            otherwise = {one.rule: by_account(one) for one in others}
        lots -= int(given[-1].shares.sum())
    return Tiers(given, lots, otherwise)


def by_account(given: Given) -> dict[str, int]:
    """Who gives anything."""
    places = np.flatnonzero(given.shares)
    return {
        given.rows[at].account: lots for at, lots in zip(places.tolist(), given.shares[places].tolist(), strict=True)
    }


def _give(lots: int, rows: list[Candidate], rooms: Column, held: Column, batch: Batch, rule: str) -> Given:
    tier = rows[0].tier
    if rule == "queue":
        shares = draw.queue(lots, draw.column([row.score_ppm for row in rows]), rooms)
        return Given(tier, rule, lots, rows, shares, rooms, held, np.zeros(len(rows), np.int64))
    weights = draw.column([row.weight for row in rows]) if rule == "risk_aware" else held
    if rule == "capped_pro_rata":
        rooms = draw.capped(rooms, held, batch.most_ppm)
    found = allocate(lots, weights, rooms)
    level = found.level_units, found.level_weight
    return Given(tier, rule, lots, rows, found.shares, rooms, weights, found.remainder_ranks, *level)
