"""The estimated liquidation price (RULEBOOK 5): the mark of one contract, others fixed, at which equity is MM.

Worked example: 100 cash, 2 lots bought at 100, 5 % maintenance: what is left without the position's value is -100, and
`-100 + 2 p = 0.05 * 2 p` at p = 52.63.
"""

from __future__ import annotations

from engine.accounts import Accounts
from engine.book import Book
from engine.brackets import NO_MARGIN, Brackets
from engine.contracts import Contract
from engine.margin.statement import Line, Statement, all_lots, statement
from engine.numbers import div_down, div_up

Ratio = tuple[int, int]


def crossing(contract: Contract, lots: int, rest_units: int, mm: Brackets, member_lots: int = 0) -> Ratio | None:
    """The price in ticks, an exact ratio, with `rest + V(q, p) = MM(N(q, p))`; None where no positive price is it.

    `rest_units`: `without` of the line; where its MM does not move with the mark, less that, and `mm` is NO_MARGIN.
    `member_lots`: without sign, of all the member's accounts, whose notional picks the bracket (16.5); zero: these.

    With `x = |V|` unrounded, s its sign and g = member lots / |q|, in bracket b `rest + s x = rate_b x - ded_b / g`, so
    `x = (rest + ded_b / g) / (rate_b - s)`, which counts if `g x` lies in b. The left side less the right is monotone
    while rates are at most one, so at most one x counts; above one (slopes), the least is taken.
    Not rounded here. The statement rounds against the account, which may so be short by up to three units before.
    Source: Binance and dYdX (mark), Bybit and BitMEX (entry), OKX and Gate (`mm.with_fee`), Hyperliquid.
    """
    size, total = abs(lots), max(member_lots, abs(lots))
    s = 1 if (lots > 0) != contract.is_inverse else -1
    for at, floor in enumerate(mm.floors):
        rate_num, rate_den = mm.rate(at, total)
        num = rate_den * (rest_units * total + mm.deductions[at] * size)
        den = (rate_num - s * rate_den) * total
        if num * den <= 0:
            continue
        num, den = abs(num), abs(den)
        is_below = at + 1 < len(mm.floors) and num * total >= mm.floors[at + 1] * den * size
        if num * total >= floor * den * size and not is_below:
            if contract.is_inverse:
                return size * contract.face * den, num
            return num * contract.den, den * size * contract.num
    return None


def without(own: Statement, line: Line) -> int:
    """What an account has without one line, in units: equity less its value, less the MM of the others."""
    return own.equity - line.value - (own.mm - line.mm)


def liquidation_price(book: Book, accounts: Accounts, row: int, column: int) -> Ratio | None:
    """`crossing` of one line of an account at the present marks; None also where it holds no lots of the contract."""
    own, contract = statement(book, accounts, row), book.contracts[column]
    line = next((x for x in own.lines if x.column == column and x.lots), None)
    if line is None:
        return None
    if contract.is_on_entry:
        return crossing(contract, line.lots, without(own, line) - line.mm, NO_MARGIN)
    held = all_lots(accounts, row, column)
    return crossing(contract, line.lots, without(own, line), contract.mm, held)


def liquidation_ticks(book: Book, accounts: Accounts, row: int, column: int) -> int | None:
    """The estimate in whole ticks, erring towards earlier: a long's up, a short's down, at least one."""
    price = liquidation_price(book, accounts, row, column)
    if price is None:
        return None
    return max(1, div_up(*price) if accounts.take(row).positions[column] > 0 else div_down(*price))
