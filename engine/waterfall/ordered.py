"""Losses and gains one after the other (RULEBOOK 15.8; Vega): a pool drawn loser by loser, gains floored, rest last.

Not the default: who stands first in an order that a venue fixes gets more of the pool, and the last winner all the
remainders. Section 9 gives every unit to the largest remainder, and a window pools its losses (8).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from engine.numbers import div_down


def floor_last(amount_units: int, weights: Sequence[int]) -> list[int]:
    """`floor(amount * w / W)` for each, what that leaves to the last one with weight; no weights: nobody gets anything.

    The sum is the amount. Rounding: all but the last bear less than a unit each.
    """
    total = sum(weights)
    if total == 0:
        return [0] * len(weights)
    shares = [div_down(amount_units * weight, total) for weight in weights]
    last = max(place for place, weight in enumerate(weights) if weight)
    shares[last] += amount_units - sum(shares)
    return shares


def draw_in_order(due_units: Sequence[int], pool_units: int) -> list[int]:
    """Each takes from the pool what it lacks, while it lasts, in the order given: `min(due, what is left)`."""
    upto = [min(total, pool_units) for total in accumulate(due_units, initial=0)]
    return [after - before for before, after in pairwise(upto)]


@dataclass(frozen=True, slots=True)
class Collected:
    """One settlement: what losers paid of their own, what the pool added, what winners got and lack."""

    own_units: list[int]
    drawn_units: list[int]
    paid_units: list[int]
    pool_after_units: int
    payouts_units: list[int]
    charges_units: list[int]
    owed_units: int
    collected_units: int
    socialised_units: int


def settle_in_order(
    losses_units: Sequence[int], balances_units: Sequence[int], gains_units: Sequence[int], pool_units: int
) -> Collected:
    """Losers pay from their balances, the pool what they lack, in order; winners share it by `floor_last`.

    Gains sum to the losses, so what was not collected is what the winners lack.
    """
    own = [min(loss, max(0, balance)) for loss, balance in zip(losses_units, balances_units, strict=True)]
    drawn = draw_in_order([loss - paid for loss, paid in zip(losses_units, own, strict=True)], pool_units)
    paid = [mine + pool for mine, pool in zip(own, drawn, strict=True)]
    owed, collected = sum(gains_units), sum(paid)
    payouts = floor_last(min(owed, collected), gains_units)
    charges = [gain - payout for gain, payout in zip(gains_units, payouts, strict=True)]
    return Collected(
        own, drawn, paid, pool_units - sum(drawn), payouts, charges, owed, collected, max(0, owed - collected)
    )
