"""Sizes, fees and transfers in closed form (RULEBOOK 15.3): what a venue closes where 17.9 searches with all costs.

Not the default: a closed form asks one rate of the whole position and no cost of its market, so with brackets or a
thin market it closes too little and needs another round.
"""

from __future__ import annotations

from engine.book import Book
from engine.contracts import Contract
from engine.margin.statement import Line, Statement
from engine.numbers import PPM, div_down, div_up, ppm_up
from engine.value import gross, notional

Ratio = tuple[int, int]


def shortage(requirement_units: int, equity_units: int) -> int:
    """What is missing to a requirement, in units; zero when nothing is."""
    return max(0, requirement_units - equity_units)


def close_to_cover(
    contract: Contract, mark: int, shortage_units: int, rate: Ratio, lots: int, step_lots: int = 1
) -> int:
    """`min(lots, ceil(shortage / (value of a lot * rate)))`, in steps of the venue, rounded up (Drift, Dango).

    `rate`: what closing one unit of notional frees, the margin rate less what it costs. The whole `lots` where it frees
    nothing.
    """
    num, den = gross(contract, 1, mark)
    freed = num * rate[0]
    if freed <= 0:
        return lots
    return min(lots, step_lots * div_up(shortage_units * den * rate[1], freed * step_lots))


def schedule(book: Book, own: Statement) -> list[tuple[Line, int]]:
    """Lots to close, line by line from the largest MM, until what they free is the shortage to MM (Dango).

    Made once, without cost, so what closing then pays away is not made up for. `MM_j` is freed at the marginal rate.
    """
    missing, found = shortage(own.mm, own.equity), []
    for line in sorted(own.lines, key=lambda x: (-x.mm, x.column)):
        contract, mark = book.contracts[line.column], book.price(line.column)
        rate = contract.mm.rate_at(line.notional)
        lots = close_to_cover(contract, mark, missing, (rate, PPM), abs(line.lots))
        if lots and missing:
            found.append((line, lots))
            missing = max(0, missing - ppm_up(notional(contract, lots, mark), rate))
    return found


def squeezed_fee_ppm(
    shortage_units: int, notional_units: int, rate_ppm: int, taker_ppm: int, most_ppm: int, share_ppm: int = 950_000
) -> int:
    """`max(0, min(most, 0.95 (rate - taker fee - shortage / N)))`: the fund's fee as far as the close can afford it.

    In ppm, rounded down: the fund bears it, so that the account gets no worse by the close (Drift).
    """
    left = (rate_ppm - taker_ppm) * notional_units - shortage_units * PPM
    return max(0, min(most_ppm, div_down(share_ppm * left, PPM * notional_units)))


def transfer_to_cover(
    shortage_units: int, price: Ratio, liability_ppm: int, asset_ppm: int, premium: Ratio, fee_ppm: int = 0
) -> int | None:
    """The debt that a taker must take over, with collateral in return, for the shortage to be gone (Drift), rounded up.

    `shortage / (price (liability weight - asset weight * premium - fee * liability weight))`: each unit of debt frees
    its weight, and costs collateral worth `premium`, the taker's two multipliers over one another. None: a transfer
    frees nothing, so no amount is enough.
    """
    freed = (liability_ppm * (PPM - fee_ppm)) * premium[1] - asset_ppm * PPM * premium[0]
    if freed <= 0:
        return None
    return div_up(shortage_units * price[1] * PPM**2 * premium[1], price[0] * freed)


def asset_for(debt_units: int, debt_price: Ratio, asset_price: Ratio, premium: Ratio) -> int:
    """Collateral handed over for a debt, in its units, rounded down: the taker bears it (Drift)."""
    num = debt_units * debt_price[0] * asset_price[1] * premium[0]
    return div_down(num, debt_price[1] * asset_price[0] * premium[1])
