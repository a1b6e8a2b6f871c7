"""The margin statement of one account (RULEBOOK 4, 16.5, 17.5), in exact integers of any size.

Worked example: 2 lots long of a linear contract worth 1 unit per lot and tick, bought at 100, cash 50, mark 90:
equity = 50 - 200 + 180 = 30; at 5% maintenance MM = ceil(180 * 0.05) = 9.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.accounts import Accounts, Holding
from engine.book import Book
from engine.brackets import Brackets
from engine.contracts import Contract
from engine.margin.basis import entry_basis
from engine.numbers import div_up
from engine.value import notional, value_floor


@dataclass(frozen=True, slots=True)
class Line:
    """One position: its value (floor), notional at the mark, and its share of the member's requirements."""

    column: int
    lots: int
    value: int
    notional: int
    mm: int
    im: int
    exposure: int  # the notional that IM counts, with the worse side of open orders
    member_exposure: int  # the same over all accounts of the member, which picks the bracket
    member_lots: int = 0  # the same in lots, where the rate counts them


@dataclass(frozen=True, slots=True)
class Statement:
    """Equity, IM and MM in units; `collateral` is the part of equity in other assets, after haircut."""

    equity: int
    im: int
    mm: int
    collateral: int
    lines: tuple[Line, ...]

    @property
    def has_positions(self) -> bool:
        """Whether any contract (collateral apart) is held."""
        return any(line.lots for line in self.lines)


def statement(book: Book, accounts: Accounts, row: int, holding: Holding | None = None) -> Statement:
    """The statement at the present marks; `holding` stands for the stored one when given (what-if of a plan)."""
    own = accounts.take(row) if holding is None else holding
    equity, collateral, lines = own.cash, 0, []
    orders = accounts.orders.get(row, {})
    for column, lots in enumerate(own.positions):
        if not lots and column not in orders:
            continue
        contract = book.contracts[column]
        worth = value_floor(contract, lots, book.price(column))
        equity += worth
        if contract.is_asset:
            collateral += worth
        else:
            lines.append(_line(book, accounts, row, column, lots, worth))
    return Statement(equity, sum(x.im for x in lines), sum(x.mm for x in lines), collateral, tuple(lines))


def _line(book: Book, accounts: Accounts, row: int, column: int, lots: int, worth: int) -> Line:
    contract = book.contracts[column]
    size = notional(contract, lots, book.price(column))
    counted = basis(book, accounts, row, column, lots) if contract.is_on_entry else size
    exposure = exposed(book, accounts, row, column, lots) if row in accounts.orders else counted
    others, others_exposed = 0, 0
    for sibling in accounts.siblings.get(row, ()):
        if sibling != row:
            held = accounts.take(sibling).positions[column]
            others += basis(book, accounts, sibling, column, held)
            others_exposed += exposed(book, accounts, sibling, column, held)
    held, ordered = member_lots(book, accounts, row, column, lots) if contract.mm.slope[0] else (0, 0)
    mm, im = share(contract.mm, counted, others, held), share(contract.im, exposure, others_exposed, ordered)
    return Line(column, lots, worth, size, mm, im, exposure, exposure + others_exposed, ordered)


def basis(book: Book, accounts: Accounts, row: int, column: int, lots: int) -> int:
    """The notional that a requirement counts for an account with `lots` in place of what it holds (15.1)."""
    contract, price = book.contracts[column], book.price(column)
    if not contract.is_on_entry:
        return notional(contract, lots, price)
    own = accounts.take(row)
    return entry_basis(contract, own.positions[column], own.entries[column], lots, price)


def exposed(book: Book, accounts: Accounts, row: int, column: int, lots: int) -> int:
    """The notional that IM counts: the worse of `q + buys` and `q - sells`."""
    if column not in accounts.orders.get(row, ()):
        return basis(book, accounts, row, column, lots)
    buys, sells = accounts.orders[row][column]
    return max(basis(book, accounts, row, column, lots + buys), basis(book, accounts, row, column, lots - sells))


def member_lots(book: Book, accounts: Accounts, row: int, column: int, lots: int) -> tuple[int, int]:
    """Lots of all accounts of the member without sign, with `lots` in place of what the account holds, and the same
    with the worse side of open orders; zeros where no rate asks for them.
    """
    if not book.contracts[column].mm.slope[0]:
        return 0, 0
    held = ordered = 0
    for one in accounts.member_rows(row):
        own = lots if one == row else accounts.take(one).positions[column]
        buys, sells = accounts.orders.get(one, {}).get(column, (0, 0))
        held += abs(own)
        ordered += max(abs(own + buys), abs(own - sells))
    return held, ordered


def all_lots(accounts: Accounts, row: int, column: int) -> int:
    """Lots of one contract over all accounts of the member, without sign."""
    return sum(abs(accounts.take(one).positions[column]) for one in accounts.member_rows(row))


def share(brackets: Brackets, own: int, others: int, lots: int) -> int:
    """An account's part of its member's requirement: `ceil(M(N_m) N_a / N_m)`, `M(N_a)` when it is the only one
    (16.5). `lots`: the member's, for rates by size.
    """
    if not own:
        return 0
    if not others:
        return brackets.amount(own, lots)
    return div_up(brackets.amount(own + others, lots) * own, own + others)


def margin_at_mark(contract: Contract, lots: int, price: int) -> int:
    """MM of lots that stand alone, at the mark: the pool has no entry values and no other accounts (17.17)."""
    return contract.mm.amount(notional(contract, lots, price), abs(lots)) if lots else 0


def wallet(holding: Holding, own: Statement) -> int:
    """Cash with every position at what it cost: deposits, fees and realised results, no open ones (15.5)."""
    return holding.cash + sum(holding.entries[line.column] for line in own.lines)


def is_trusted(book: Book, holding: Holding) -> bool:
    """Whether every mark that the account's equity rests on is live (17.6)."""
    return all(book.is_trusted(column) for column, lots in enumerate(holding.positions) if lots)
