"""A loss put on many by one number that they all follow (RULEBOOK 8, 15.8; Drift v2).

Not the default: an index moves by a whole step for every lot or unit, so the step is rounded up and what is charged
passes the loss; the surplus goes to the fund. Section 9 charges the loss to the unit, and gives each payer a receipt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.numbers import div_down, div_up


def index_step(loss_units: int, total: int, scale: int) -> int:
    """`ceil(loss * scale / total)`: how far the index moves, in 1/scale units for each of `total` lots.

    Rounded up: the payers bear less than `total / scale` units together, and the fund gets it. `total` is above zero.
    """
    return div_up(loss_units * scale, total)


@dataclass(frozen=True, slots=True)
class Charged:
    """An open-interest charge: how far the index moves, what each position pays, and what that is above the loss."""

    step: int
    charges_units: list[int]
    surplus_units: int

    def index_after(self, index: int, side: int) -> int:
        """The index that a side follows: up for longs (1), down for shorts (-1), so that both pay."""
        return index + side * self.step


def interest_charge(loss_units: int, positions_lots: Sequence[int], scale: int) -> Charged:
    """Both sides by lots: each pays `ceil(|q| * step / scale)`. Nobody holds anything: nobody pays, the loss is left.

    Rounding: up for each, payers bear it, to the fund.
    """
    total = sum(abs(lots) for lots in positions_lots)
    step = index_step(loss_units, total, scale) if total else 0
    charges = [div_up(abs(lots) * step, scale) for lots in positions_lots]
    return Charged(step, charges, sum(charges) - loss_units if total else 0)


@dataclass(frozen=True, slots=True)
class DepositLoss:
    """Deposits at a lower index."""

    cut: int
    index_after: int
    deposits_after_units: int


def deposit_loss(index: int, loss_units: int, deposits_units: int) -> DepositLoss:
    """The index of deposits loses `ceil(index * loss / deposits)`, at most all of itself.

    Rounding: depositors bear less than one step of the index, and the fraction of a unit. Deposits are above zero.
    """
    cut = min(index, div_up(index * loss_units, deposits_units))
    return DepositLoss(cut, index - cut, div_down(deposits_units * (index - cut), index))
