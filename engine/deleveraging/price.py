"""At what money a line is deleveraged (RULEBOOK 6.7, 15.5): one total for the whole line, an exact ratio in units.

Slices of it pay `execution.bankruptcy_cash`, differences of ceilings: they telescope to the total, who is deleveraged
gains the unit of rounding, and the counterparty bears it. 6.7's own price is `bankruptcy` while equity >= 0; below, the
mark for the lots of `lots_at_mark`, and `bankruptcy` for the others. The other prices are venues', named in 15.5.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from engine.execution import bankruptcy_cash, bankruptcy_value
from engine.margin.statement import Line, Statement
from engine.numbers import PPM, div_up, most_that_holds

Ratio = tuple[int, int]


def at_bankruptcy(own: Statement, line: Line) -> Ratio:
    """`B`: all that the account has, or owes, goes to the counterparties (BitMEX, Binance, dYdX)."""
    return bankruptcy_value(own, line)


def at_mark(line: Line) -> Ratio:
    """`V_floor` (OKX): the account keeps what it has, or its hole. Not the default: the fund bears the whole loss."""
    return line.value, 1


def at_blend(own: Statement, line: Line) -> Ratio:
    """`2/3 B + 1/3 V` (FTX): the account and the counterparties share. Not the default: it leaves a hole in part."""
    b_num, b_den = bankruptcy_value(own, line)
    return 2 * b_num + line.value * b_den, 3 * b_den


def at_band(own: Statement, line: Line, band_ppm: int) -> Ratio:
    """`B`, but the mark when `|B - V| > band N` (Bybit; on a linear contract the distance of the two prices).

    Not the default: where it matters most, far from bankruptcy, it gives back to the account what 6.7 shares out.
    """
    b_num, b_den = bankruptcy_value(own, line)
    is_far = abs(b_num - line.value * b_den) * PPM > band_ppm * line.notional * b_den
    return at_mark(line) if is_far else (b_num, b_den)


def lots_at_mark(line: Line, b: Ratio, lots: int, payable_units: int) -> int:
    """Most of `lots` whose loss at the mark, `ceil((B - V) k / |q|)`, the earlier layers can pay (6.7).

    Nothing when they can pay nothing; `B` is at least `V` for an account below zero.
    """
    b_num, b_den = b
    loss = b_num - line.value * b_den
    return most_that_holds(lots, lambda k: div_up(loss * k, b_den * abs(line.lots)) <= payable_units)


def slices(b: Ratio, position: int, shares: Sequence[int]) -> list[int]:
    """What closing each share of the position in turn pays it, in units: together, what closing their sum pays."""
    ends = list(accumulate(shares, initial=0))
    return [bankruptcy_cash(*b, position, share, first) for share, first in zip(shares, ends, strict=False)]
