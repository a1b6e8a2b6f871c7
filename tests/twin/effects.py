"""The input's own effect, step (e); and versions that come into force, step (b) (17.2)."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor

from schemas.codes import Code
from schemas.decimals import units_of
from schemas.governed import AssetMessage, BookMessage, Command, InstrumentMessage, ParametersMessage, WaterfallMessage
from schemas.inputs import (
    Contribution,
    Deposit,
    Funding,
    Heartbeat,
    Move,
    OpenOrders,
    Period,
    Price,
    Recovery,
    Settlement,
    Trade,
    Withdrawal,
)
from schemas.message import Governed, Input
from tests.twin import cure, governance, marks, recovery, withdrawals
from tests.twin.calls import pay_calls
from tests.twin.life import check
from tests.twin.listed import Instrument
from tests.twin.margin import equity
from tests.twin.reading import amount_units, refuse_if, said_amount, said_lots, said_ticks
from tests.twin.state import MILLION, ROUNDING, UNCOVERED, Account, BookState
from tests.twin.trades import book_trade
from tests.twin.values import haircut_value, put, value


def take(book: BookState, message: Input) -> None:
    """What a message does; a governed one at its effective time (17.2)."""
    effective = getattr(message, "effective_ms", None)
    if isinstance(message, BookMessage | AssetMessage | InstrumentMessage):
        governance.remember_terms(book, message)
    if effective is not None and effective > book.clock:
        book.later.append(message)
    # READING: a book is open from its message on, whatever its effective time.
    if effective is None or effective <= book.clock or (isinstance(message, BookMessage) and not book.opened):
        EFFECTS[type(message)](book, message)


def enter_into_force(book: BookState) -> None:
    """Versions due, by (effective_ms, order in the log), each followed by a check (17.2 b)."""
    due = [message for message in book.later if message.effective_ms <= book.clock]
    book.later = [message for message in book.later if message not in due]
    for message in sorted(due, key=lambda message: message.effective_ms):
        govern_later(book, message)
        check(book)


def govern_later(book: BookState, message: Governed) -> None:
    # READING: a close_account that is no longer possible at its effective time does nothing.
    if not (
        isinstance(message, Command)
        and message.kind == "close_account"
        and not governance.closable(book, message.account)
    ):
        EFFECTS[type(message)](book, message)


def period(book: BookState, message: Period) -> None:
    """Ends a period of gains; inside a window right after its allocation (17.8)."""
    # READING: a window that calls missed at this input open stands in the log after it (17.23).
    if book.window and book.window.seq < book.seq:
        book.period_waits = True
    else:
        start_period(book)


def start_period(book: BookState) -> None:
    book.period_waits = False
    for account in book.members_accounts():
        account.equity_at_start, account.flows = equity(book, account), 0


def deposit(book: BookState, message: Deposit) -> None:
    """Money or collateral from outside; a flow of the account (17.6, 17.8)."""
    account, units = book.account(message.account), said_amount(book, message.amount, message.asset)
    refuse_if(account.status == "closed", Code.ACCOUNT_CLOSED, account.id)
    name = message.asset or book.settlement_asset
    book.outside[name] = book.outside.get(name, 0) + units
    if message.asset is None:
        account.cash += units
        account.flows += units
    else:
        put(account.collateral, name, account.collateral.get(name, 0) + units)
        account.flows += floor(haircut_value(book.assets[name], units))
    if account.id == UNCOVERED:
        cure.count(book, units)
    reopen_settled(account)


def reopen_settled(account: Account) -> None:
    """A deposit reopens a settled account, not a defaulted one (17.6)."""
    if account.status == "settled":
        account.status = "healthy"


def contribution(book: BookState, message: Contribution) -> None:
    """To the fund, from outside at once, from an account like a withdrawal (16.1)."""
    if message.account is not None:
        withdrawals.ask(book, message)
        return
    units = amount_units(message.amount, book.decimals)
    book.account(f"@guarantee/{message.member}").cash += units
    book.outside[book.settlement_asset] = book.outside.get(book.settlement_asset, 0) + units
    pay_calls(book, message.member, units)


def price(book: BookState, message: Price) -> None:
    quoted = book.quoted(message.instrument or message.asset)
    marks.tick(book, quoted, said_ticks(quoted, message.mark))


def funding(book: BookState, message: Funding) -> None:
    """Each holder pays `ceil(q (index - last) / 10^6)`; the sum goes to @rounding (17.4)."""
    instrument, index = book.instruments[message.instrument], units_of(message.index, 0)
    for account in list(book.accounts.values()):
        paid = ceil(Fraction(account.positions.get(instrument.name, 0) * (index - instrument.index), MILLION))
        account.cash -= paid
        book.account(ROUNDING).cash += paid
    instrument.index = index


def settlement(book: BookState, message: Settlement) -> None:
    """Each holder gets `V(q, price)`; the negative sum goes to @rounding; the contract ends (17.4)."""
    instrument = book.instruments[message.instrument]
    settle(book, instrument, said_ticks(instrument, message.price))


def settle(book: BookState, instrument: Instrument, ticks: int) -> None:
    """By governance, or when the book is wound down (17.25)."""
    instrument.mark, instrument.held = ticks, []
    for account in list(book.accounts.values()):
        gets = value(instrument, account.positions.pop(instrument.name, 0), instrument.mark)
        account.entries.pop(instrument.name, None)
        account.orders.pop(instrument.name, None)
        account.cash += gets
        book.account(ROUNDING).cash -= gets
    instrument.settled = True


def open_orders(book: BookState, message: OpenOrders) -> None:
    """A fact of the venue; it opens an unknown account (4)."""
    # READING: 2a.3 lets accounts refuse only withdrawals and commands, so resting orders are never refused
    # for that.
    instrument = book.instruments[message.instrument]
    sides = said_lots(instrument, message.buys), said_lots(instrument, message.sells)
    orders = book.account(message.account).orders
    orders[instrument.name] = sides
    if sides == (0, 0):
        del orders[instrument.name]


def heartbeat(book: BookState, message: Heartbeat) -> None:
    """Time passes, nothing else (16.1)."""


EFFECTS = {
    BookMessage: governance.open_book,
    AssetMessage: governance.list_one,
    InstrumentMessage: governance.list_one,
    ParametersMessage: governance.set_rules,
    WaterfallMessage: governance.set_waterfall,
    Command: governance.command,
    Period: period,
    Heartbeat: heartbeat,
    Deposit: deposit,
    Withdrawal: withdrawals.ask,
    Move: withdrawals.ask,
    Contribution: contribution,
    Recovery: recovery.recover,
    Price: price,
    Funding: funding,
    Settlement: settlement,
    Trade: book_trade,
    OpenOrders: open_orders,
}
