"""What closing lots pays (RULEBOOK 6.3-6.6, 17.9): bankruptcy value, the simulated market, fees and limits.

`lots` closed are counted without sign; `position` is the signed holding they come from. Cash is the account's change.
"""

from __future__ import annotations

from engine.contracts import Contract
from engine.margin.statement import Line, Statement
from engine.numbers import PPM, div_down, div_up, ppm_up, root_up, sign
from engine.value import notional, value
from schemas.rows import LotRow


def bankruptcy_value(own: Statement, line: Line, is_whole: bool = False) -> tuple[int, int]:
    """`B = V_floor - equity w / sum w` of the whole line as an exact ratio; `w` = MM shares, notionals where all
    are 0. `is_whole`: the line that is closed first bears all equity (15.2, Dango); not the default, since what is
    closed later then has none, and its counterparties neither.
    """
    if is_whole:
        return line.value - own.equity, 1
    use_mm = own.mm > 0
    weight = line.mm if use_mm else line.notional
    total = own.mm if use_mm else sum(x.notional for x in own.lines)
    return line.value * total - own.equity * weight, total


def closing_value(own: Statement, line: Line, adjustment_ppm: int, spread_ppm: int) -> tuple[int, int]:
    """What closing the whole line must pay at least, an exact ratio of units, where its limit stays near the mark.

    `V_floor - clamp(a (1 - equity / MM), 0, 1) * spread * MM_j`, a and spread in ppm: a limit that falls from the mark
    by a share of the line's margin while the account sinks from MM to nothing, never further (15.2). In the place of B
    in `limit_ticks`. Not the default: orders fill less often, and what is left goes to the next exit. Source: dYdX v4.
    """
    if own.mm == 0:
        return line.value, 1
    sunk = min(max(adjustment_ppm * (own.mm - own.equity), 0), PPM * own.mm)
    den = PPM * PPM * own.mm
    return line.value * den - sunk * spread_ppm * line.mm, den


def bankruptcy_cash(b_num: int, b_den: int, position: int, lots: int, first: int = 0) -> int:
    """What closing `lots` at bankruptcy pays after the `first`: differences of `ceil(B k / |q|)`, so slices
    telescope.
    """
    size = b_den * abs(position)
    return div_up(b_num * (first + lots), size) - div_up(b_num * first, size)


def mark_cash(contract: Contract, position: int, lots: int, mark: int) -> int:
    """What closing at `mark` pays: `-V(d, mark)`."""
    return -value(contract, -sign(position) * lots, mark)


def impact(contract: Contract, lots: int) -> int:
    """`F(x) = ceil(i sqrt(x^3 / depth))`: the cost of the first `x` lots on one side, by integer root; the closer
    bears it.
    """
    return root_up(contract.impact_units**2 * lots**3, contract.depth_lots)


def market_price(contract: Contract, position: int, mark: int) -> int:
    """The mark less half the spread for a seller, plus for a buyer; below one tick nothing trades."""
    return mark - sign(position) * contract.half_spread_ticks


def market_cash(contract: Contract, position: int, lots: int, mark: int, x: int) -> int:
    """What the simulated market pays for `lots` after `x` were closed on that side."""
    price = market_price(contract, position, mark)
    return mark_cash(contract, position, lots, price) - (impact(contract, x + lots) - impact(contract, x))


def is_inside(contract: Contract, row: LotRow, lots: int) -> bool:
    """Whether the simulated market pays at least what the order's limit asks for these lots."""
    if market_price(contract, row.position, row.mark) < 1:
        return False
    if row.is_insolvent:
        least = mark_cash(contract, row.position, lots, row.mark)
    else:
        least = bankruptcy_cash(row.b_num, row.b_den, row.position, lots)
    return market_cash(contract, row.position, lots, row.mark, row.x) >= least


def row_cash(contract: Contract, row: LotRow, lots: int) -> int:
    """The money of an allocation's row for the lots that really move (2a.7). B of a row that is deleveraged is what the

    whole line pays by its rule; of one that gives lots against it, what one of those lots was paid (17.22).
    """
    if row.exit == "market":
        return market_cash(contract, row.position, lots, row.mark, row.x)
    if row.exit == "deleverage":
        return bankruptcy_cash(row.b_num, row.b_den, row.position, lots, row.first)
    if row.exit == "offset":
        return -bankruptcy_cash(row.b_num, row.b_den, 1, lots, row.first)
    if row.exit == "backstop" and not row.is_insolvent:
        return bankruptcy_cash(row.b_num, row.b_den, row.position, lots, row.first)
    return mark_cash(contract, row.position, lots, row.mark)


def fee(contract: Contract, fee_ppm: int, lots: int, mark: int) -> int:
    """`ceil(fee_ppm N(k) / 10^6)`, before the cap of 6.4."""
    return ppm_up(notional(contract, lots, mark), fee_ppm)


def capped_fee(contract: Contract, fee_ppm: int, lots: int, mark: int, equity_left: int) -> int:
    """The fee never makes a solvent account insolvent (6.4)."""
    return min(fee(contract, fee_ppm, lots, mark), max(0, equity_left))


def fund_delta(fill_cash: int, at_bankruptcy: int, cap_ppm: int | None) -> int:
    """What a fill brings the insurance fund where it settles each against bankruptcy (15.8): signed, in units.

    `fill_cash - at_bankruptcy` when negative, since the fund pays it; else that up to `ceil(cap |fill| / 10^6)` (dYdX),
    or all of it (None: BitMEX, Onus). Not the default: which fill came first would decide what other losses find left.
    """
    surplus = fill_cash - at_bankruptcy
    return surplus if surplus <= 0 or cap_ppm is None else min(ppm_up(abs(fill_cash), cap_ppm), surplus)


def limit_ticks(contract: Contract, position: int, b_num: int, b_den: int) -> int | None:
    """The price with `V(q, p) = B`, in ticks, rounded so that a fill at it cannot leave the account below zero (6.3).

    A long's is rounded up, a short's down. Where no positive price does: one tick (long), None, any price (short).
    """
    if contract.is_inverse:
        num, den = -position * contract.face * b_den, b_num
    else:
        num, den = b_num * contract.den, b_den * position * contract.num
    if den == 0 or num * den <= 0:
        return 1 if position > 0 else None
    num, den = abs(num), abs(den)
    return max(1, div_up(num, den)) if position > 0 else max(1, div_down(num, den))
