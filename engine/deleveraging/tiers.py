"""The tiers of one batch (RULEBOOK 6.7, 17.22): accounts in liquidation, then in profit by the rule, then all others.

What one tier has no room for goes on to the next. Only profit is ordered or weighted by the version's rule; the other
two give pro rata to lots.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.allocation import allocate
from engine.deleveraging import draw
from schemas.rows import Batch, Candidate

LIQUIDATED, IN_PROFIT, OTHERS = 1, 2, 3
RULES = ("queue", "pro_rata", "capped_pro_rata", "risk_aware")


@dataclass(frozen=True, slots=True)
class Given:
    """What one tier gives, row by row as the candidates stand; a queue has no level, weight or remainders."""

    tier: int
    rule: str
    amount: int
    rows: list[Candidate]
    shares: list[int]
    rooms: list[int]
    ranks: list[int]
    level: int = 0
    level_weight: int = 0


@dataclass(frozen=True, slots=True)
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
        is_ruled = tier == IN_PROFIT
        given.append(_give(lots, rows, batch, batch.draw if is_ruled else "pro_rata", tier))
        if is_ruled:
            others = [_give(lots, rows, batch, rule, tier) for rule in RULES if rule != batch.draw]
            otherwise = {one.rule: by_account(one) for one in others}
        lots -= sum(given[-1].shares)
    return Tiers(given, lots, otherwise)


def by_account(given: Given) -> dict[str, int]:
    """Who gives anything."""
    return {row.account: share for row, share in zip(given.rows, given.shares, strict=True) if share}


def weight_of(row: Candidate, rule: str) -> int:
    """What a division is by: lots held, or the risk-aware weight (15.5)."""
    return row.weight if rule == "risk_aware" else abs(row.lots)


def _give(lots: int, rows: list[Candidate], batch: Batch, rule: str, tier: int) -> Given:
    rooms = [row.room for row in rows]
    if rule == "queue":
        shares = draw.queue(lots, [row.score_ppm for row in rows], rooms).tolist()
        return Given(tier, rule, lots, rows, shares, rooms, [0] * len(rows))
    if rule == "capped_pro_rata":
        rooms = draw.capped(rooms, [abs(row.lots) for row in rows], batch.most_ppm)
    found = allocate(lots, [weight_of(row, rule) for row in rows], rooms)
    ranks = found.remainder_ranks.tolist()
    return Given(tier, rule, lots, rows, found.shares.tolist(), rooms, ranks, found.level_units, found.level_weight)
