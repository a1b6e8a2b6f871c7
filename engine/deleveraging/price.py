"""At what money a line is deleveraged (RULEBOOK 6.7, 15.5): one total for the whole line, an exact ratio in units.

Slices of it pay `execution.bankruptcy_cash`, differences of ceilings: they telescope to the total, who is deleveraged
gains the unit of rounding, and the counterparty bears it. 6.7's own price is `B` while equity >= 0; below, the mark for
the lots of `lots_at_mark`, and `B` for the others. The other prices are venues', named in 15.5. `b` is `B`, `worth` is
`V_floor` of the line at the mark, `size` its notional.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from engine.execution import bankruptcy_cash
from engine.layers import Deleveraging
from engine.numbers import PPM, div_down, div_up, most_that_holds

Ratio = tuple[int, int]


def total(rule: Deleveraging, b: Ratio, worth: int, size: int) -> Ratio:
    """What the whole line pays by the price of a rule; `reserve` is told apart by who asks, line by line."""
    if rule.price == "mark":
        return at_mark(worth)
    if rule.price == "blend":
        return at_blend(b, worth)
    return at_band(b, worth, size, rule.band_ppm) if rule.price == "band" else b


def at_mark(worth: int) -> Ratio:
    """`V_floor` (OKX): the account keeps what it has, or its hole. Not the default: the fund bears the whole loss."""
    return worth, 1


def at_blend(b: Ratio, worth: int) -> Ratio:
    """`2/3 B + 1/3 V` (FTX): the account and the counterparties share. Not the default: it leaves a hole in part."""
    return 2 * b[0] + worth * b[1], 3 * b[1]


def at_band(b: Ratio, worth: int, size: int, band_ppm: int) -> Ratio:
    """`B`, but the mark when `|B - V| > band N` (Bybit; on a linear contract the distance of the two prices).

    Not the default: where it matters most, far from bankruptcy, it gives back to the account what 6.7 shares out.
    """
    is_far = abs(b[0] - worth * b[1]) * PPM > band_ppm * size * b[1]
    return at_mark(worth) if is_far else b


def loss_at_mark(b: Ratio, worth: int, position: int, lots: int) -> int:
    """`max(0, ceil((B - V) k / |q|))`: what closing lots at the mark leaves of the hole of an account below zero.

    Nothing when the mark has come back above `B` since the plan: the line pays more than the hole then.
    """
    return max(0, div_up((b[0] - worth * b[1]) * lots, b[1] * abs(position)))


def lots_at_mark(b: Ratio, worth: int, position: int, lots: int, payable_units: int) -> int:
    """Most of `lots` whose loss at the mark the earlier layers can pay (6.7); none when they can pay nothing."""
    return most_that_holds(lots, lambda k: loss_at_mark(b, worth, position, k) <= payable_units)


def slices(b: Ratio, position: int, shares: Sequence[int], first: int = 0) -> list[int]:
    """What closing each share of the position in turn pays it, in units: together, what closing their sum pays."""
    ends = list(accumulate(shares, initial=first))
    return [bankruptcy_cash(*b, position, share, start) for share, start in zip(shares, ends, strict=False)]


def least_cash(a_lot: Ratio, lots: int) -> int:
    """The least that who gives lots against this money of a lot can be paid, wherever the slice lies."""
    return -(div_down(a_lot[0] * lots, a_lot[1]) + 1) if lots else 0
