"""Planning one order of a liquidation (RULEBOOK 6.1-6.3, 17.9): which instrument, how many lots, at what value."""

from __future__ import annotations

from dataclasses import dataclass

from engine.accounts import Accounts
from engine.book import Book
from engine.contracts import Contract
from engine.execution import bankruptcy_value, closing_value, fee, impact, market_price
from engine.margin.statement import Line, Statement, all_lots, basis, exposed, member_lots, share
from engine.numbers import PPM, div_down, greater, least_that_holds, sign
from engine.pace import step_units
from engine.takeover import is_due
from engine.value import value
from schemas.rows import Exit, Plan


@dataclass(slots=True)
class Order:
    """A venue order: `filled` of `lots` so far; B and the limit are those of the seq it was sent at."""

    id: str
    column: int
    position: int
    lots: int
    filled: int
    b_num: int
    b_den: int
    limit_ticks: int | None
    deadline_ms: int


@dataclass(slots=True)
class Liquidation:
    """A running liquidation. `stage`: idle (to be looked at), asked (waits for a grant), ordered (at the venue).

    `waits_interval`: pace holds it back in that interval. `exit_column`: whose venue order ran out of time.
    """

    seq: int
    number: int
    to_initial: bool
    scopes: list[tuple[str, int]]
    stage: str = "idle"
    exit: Exit = "market"
    exit_column: int = -1
    order: Order | None = None
    orders: int = 0
    waits_interval: int = -1


def is_cured(book: Book, own: Statement, to_initial: bool) -> bool:
    """Whether the liquidation stops: `equity >= stop MM`, or IM when it began with a missed call (5)."""
    return _reaches(book, own.equity, own.im if to_initial else own.mm, to_initial)


def _reaches(book: Book, equity: int, requirement: int, to_initial: bool) -> bool:
    stop = PPM if to_initial else book.parameters.stop_ppm
    return PPM * equity >= stop * requirement


def choose(book: Book, own: Statement, any_mark: bool) -> Line | None:
    """The line with the largest MM share among trusted marks, by notional where all are 0, first listed on ties."""
    lines = [x for x in own.lines if x.lots and (any_mark or book.is_trusted(x.column))]
    by_mm = any(x.mm for x in lines)
    return max(lines, key=lambda x: (x.mm if by_mm else x.notional, -x.column), default=None)


def next_line(book: Book, run: Liquidation, own: Statement) -> Line | None:
    """What the liquidation would close next; None while a halt or marks that are not trusted hold it back.

    A tear-up asks neither; an exit after a venue order's deadline is for that order's contract.
    """
    if run.exit == "tear":
        return choose(book, own, any_mark=True)
    if book.is_liquidation_halted():
        return None
    if run.exit == "backstop":
        lines = (x for x in own.lines if x.column == run.exit_column and x.lots)
        return next((x for x in lines if book.is_trusted(x.column)), None)
    return choose(book, own, any_mark=False)


def plan(book: Book, accounts: Accounts, row: int, run: Liquidation, own: Statement, used_units: int) -> Plan | None:
    """The next order from the present state; None when nothing may be closed now. Zero lots: wait for the next
    interval.

    `used_units`: notional that the account has closed in this interval.
    """
    line = next_line(book, run, own)
    if line is None:
        return None
    insolvent, lots = own.equity < 0, abs(line.lots)
    exit_ = exit_of(book, run, own)
    is_order = exit_ == "market" and not insolvent
    if is_order:
        lots = _capped(book, accounts, row, line, _sized(book, accounts, row, run, own, line), used_units)
    b_num, b_den = bankruptcy_value(own, line, book.parameters.bears_whole)
    if is_order and book.parameters.closing_ppm is not None:
        b_num, b_den = greater((b_num, b_den), closing_value(own, line, *book.parameters.closing_ppm))
    name = book.contracts[line.column].name
    return Plan(run.seq, accounts.names[row], name, line.lots, lots, b_num, b_den, insolvent, exit_)


def exit_of(book: Book, run: Liquidation, own: Statement) -> Exit:
    """How the next lots leave: not by the market below the takeover level (17.18)."""
    is_thin = run.exit == "market" and is_due(own.equity, own.mm, book.parameters.takeover_ppm)
    return "backstop" if is_thin else run.exit


def _sized(book: Book, accounts: Accounts, row: int, run: Liquidation, own: Statement, line: Line) -> int:
    """The least lots that cure, at the cost of the simulated market from `x = 0`; the whole line when none do."""
    contract, mark = book.contracts[line.column], book.price(line.column)
    fixed = (own.im - line.im) if run.to_initial else (own.mm - line.mm)
    after = _initial_after if run.to_initial else maintenance_after

    def cures(lots: int) -> bool:
        cost = closing_cost(book, contract, line.lots, lots, mark)
        if cost is None:
            return False
        left = line.lots - sign(line.lots) * lots
        return _reaches(book, own.equity - cost, fixed + after(book, accounts, row, line, left), run.to_initial)

    return least_that_holds(abs(line.lots), cures)


def closing_cost(book: Book, contract: Contract, position: int, lots: int, mark: int) -> int | None:
    """Half spread + `F(k)` + fee (16.10), in units; None where the market has no price. The venue's cost is the fee."""
    total = fee(contract, book.parameters.liquidation_fee_ppm, lots, mark)
    if book.parameters.is_venue:
        return total
    price = market_price(contract, position, mark)
    if price < 1:
        return None
    return total + abs(value(contract, lots, mark) - value(contract, lots, price)) + impact(contract, lots)


def maintenance_after(book: Book, accounts: Accounts, row: int, line: Line, left: int) -> int:
    """`MM_j` with `left` lots; the member's other accounts stay as they are."""
    column = line.column
    others = (sibling for sibling in accounts.siblings.get(row, ()) if sibling != row)
    held = sum(basis(book, accounts, one, column, accounts.take(one).positions[column]) for one in others)
    lots, _ = member_lots(book, accounts, row, column, left)
    return share(book.contracts[column].mm, basis(book, accounts, row, column, left), held, lots)


def _initial_after(book: Book, accounts: Accounts, row: int, line: Line, left: int) -> int:
    """`IM_j` with `left` lots, open orders of the account and of the member's others counted."""
    own = exposed(book, accounts, row, line.column, left)
    _, lots = member_lots(book, accounts, row, line.column, left)
    return share(book.contracts[line.column].im, own, line.member_exposure - line.exposure, lots)


def _capped(book: Book, accounts: Accounts, row: int, line: Line, lots: int, used_units: int) -> int:
    """The caps of pace, in the order of 17.9; small is what the member's accounts hold together (4)."""
    rules, size = book.parameters, abs(line.lots)
    if all_lots(accounts, row, line.column) <= rules.small_lots:
        lots = size
    else:
        step = step_units(line.notional, rules.min_notional_units, rules.portion_ppm)
        lots = min(lots, max(1, div_down(size * step, line.notional)))
    if rules.per_account_units is not None:
        left = max(0, rules.per_account_units - used_units)
        lots = min(lots, div_down(left * size, line.notional))
    return lots


def interval_of(book: Book) -> int:
    """The running number of the present interval of pace."""
    return book.clock_ms // book.parameters.interval_ms


def scopes_of(book: Book, own: Statement) -> list[tuple[str, int]]:
    """MM by insurance scope (7), by name: how a shortfall of this account will be split."""
    found: dict[str, int] = {}
    for line in own.lines:
        scope = book.contracts[line.column].scope
        found[scope] = found.get(scope, 0) + line.mm
    return sorted((scope, mm) for scope, mm in found.items() if mm)


def closing_lots(position: int, lots: int) -> int:
    """The signed change that closes `lots` of a position."""
    return -sign(position) * lots
