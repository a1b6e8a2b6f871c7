"""Equal slices of all positions (RULEBOOK 15.3, Paradex): each shrinks by one share, the least that is enough.

Not the default: it closes sound positions with the bad one, where 6.2 closes what frees most margin.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.margin.statement import Statement
from engine.numbers import PPM, div_down, div_up

Ratio = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Slice:
    """What stands after closing `share_ppm` of everything at the mark: `penalty = ceil(share fee MM)` paid, the rest

    of the equity, and the margin that is left over it (`ratio`, None when no equity is left).
    """

    share_ppm: int
    penalty_units: int
    equity_units: int
    ratio: Ratio | None


def slices(own: Statement, step_ppm: int, fee_ppm: int) -> list[Slice]:
    """One row for each share below the whole, by steps."""
    found = []
    for share in range(step_ppm, PPM, step_ppm):
        penalty = div_up(share * fee_ppm * own.mm, PPM * PPM)
        left = own.equity - penalty
        ratio = (own.mm * (PPM - share), PPM * left) if left > 0 else None
        found.append(Slice(share, penalty, left, ratio))
    return found


def chosen(rows: list[Slice], target_ppm: int) -> Slice | None:
    """The least share with a margin strictly below the target share of equity; None: only the whole is enough."""
    return next((row for row in rows if row.ratio and row.ratio[0] * PPM < target_ppm * row.ratio[1]), None)


def sliced_lots(position: int, share_ppm: int) -> int:
    """Lots of a position that its slice closes, rounded down: whole lots, what is missing waits for the next slice."""
    return div_down(abs(position) * share_ppm, PPM)
