"""What is refused from the log's common data, alike by every reader (RULEBOOK 2a.3, 16, 17.2-17.4, 17.13)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from engine.contracts import Contract, compile_asset, compile_instrument
from engine.operations import (
    AccountClosed,
    AccountOpened,
    Asked,
    Changed,
    Contributed,
    Deposited,
    Funded,
    Marked,
    Operation,
    Ordered,
    Passed,
    PeriodEnded,
    Resharded,
    Settled,
    Traded,
)
from engine.rules import Parameters, Waterfall, compile_parameters, compile_waterfall
from engine.value import value
from schemas import inputs
from schemas.codes import Code, Refused
from schemas.decimals import count_of, units_of
from schemas.inputs import Governed, Input

if TYPE_CHECKING:
    from engine.book import Book, Change

AMOUNT_BOUND = 2**60
T = TypeVar("T")
FUNDED = ("@operator", "@backstop", "@market")
FUNDED_PREFIX = ("@insurance/", "@operator/")


def judge(book: Book, message: Input) -> Operation:
    """The operation of an input, or the first refusal of its content."""
    if not book.is_ready and (isinstance(message, inputs.Command) or not isinstance(message, Governed)):
        raise Refused(Code.BOOK_NOT_READY, f"book {book.name} awaits its parameters and waterfall")
    if isinstance(message, Governed):
        _require_version(book, message)
    return _JUDGES[type(message)](book, message)


def subject(message: Governed) -> str:
    """What the versions of a governed message count: one rule, one listing, one switch."""
    if isinstance(message, inputs.Command):
        family = {"resume": "halt"}.get(message.kind, message.kind)
        return "/".join(filter(None, ("command", family, message.what, message.account, message.instrument)))
    name = getattr(message, "instrument", None) or getattr(message, "asset", None)
    kind = str(type(message).__struct_config__.tag)
    return f"{kind}/{name}" if name else kind


def enact_change(book: Book, message: Input) -> None:
    """Bring a judged change of rules into force."""
    if isinstance(message, inputs.Command):
        _switch(book, message)
    elif not isinstance(message, inputs.BookMessage):
        book.enact(_compile(book, message))


def _switch(book: Book, command: inputs.Command) -> None:
    if command.kind == "venue_restart":
        for mark in book.marks:
            mark.awaits_tick = True
            mark.held.clear()
        book.held.clear()
    elif command.what == "instrument":
        book.marks[book.column_of[str(command.instrument)]].suspended = command.kind == "halt"
    elif command.what is not None:
        (book.halts.add if command.kind == "halt" else book.halts.discard)(command.what)


def _require_version(book: Book, message: Governed) -> None:
    if message.version <= book.versions.get(subject(message), 0):
        raise Refused(Code.VERSION_OUT_OF_ORDER, f"version {message.version} of {subject(message)} is not newer")
    if message.effective_ms is not None and message.effective_ms < max(book.clock_ms, message.time_ms):
        raise Refused(Code.EFFECTIVE_IN_THE_PAST, "effective_ms lies before the clock of the log")


def _compile(book: Book, message: Input) -> Change:
    if isinstance(message, inputs.ParametersMessage):
        return compile_parameters(message, book.decimals)
    if isinstance(message, inputs.WaterfallMessage):
        return compile_waterfall(message, book.decimals)
    if isinstance(message, inputs.AssetMessage):
        return compile_asset(message, book.decimals)
    assert isinstance(message, inputs.InstrumentMessage)  # noqa: S101 - the dispatch table admits nothing else
    return compile_instrument(message, book.decimals, book.name)


def _book(book: Book, message: inputs.BookMessage) -> Operation:
    if (message.settlement_asset, message.decimals) != (book.asset, book.decimals):
        raise Refused(Code.TERMS_CHANGED, "a book keeps its settlement asset and unit")
    return Changed("book")


def _rule(book: Book, message: Governed) -> Operation:
    change = _compile(book, message)
    if isinstance(change, Parameters | Waterfall):
        return Changed("rules")
    if change.name == book.asset:
        raise Refused(Code.TERMS_CHANGED, f"{change.name} is the settlement asset")
    waiting = [one for _, one, _ in book.pending if subject(one) == subject(message)]
    known = [old for old in (_compile(book, one) for one in waiting) if isinstance(old, Contract)]
    if change.name in book.column_of:
        known.append(book.contracts[book.column_of[change.name]])
    if change.name in book.column_of and book.marks[book.column_of[change.name]].settled:
        raise Refused(Code.INSTRUMENT_SETTLED, f"{change.name} is settled")
    if (
        change.name in book.column_of
        and not change.price_min <= book.price(book.column_of[change.name]) <= change.price_max
    ):
        raise Refused(Code.CROSSED_PARAMETERS, f"the mark of {change.name} is outside the new price bounds")
    if any(_terms(old) != _terms(change) for old in known):
        raise Refused(Code.TERMS_CHANGED, f"the terms of {change.name} do not change after listing")
    return Changed("listing")


def _terms(contract: Contract) -> tuple[object, ...]:
    c = contract
    return (c.is_asset, c.is_inverse, c.spot, c.face, c.tick, c.lot, c.expiry_ms)


def _command(book: Book, message: inputs.Command) -> Operation:
    if message.kind in ("open_account", "close_account"):
        account = _member_account(_required(message.account, "account"))
        return AccountOpened(account, message.limited) if message.kind == "open_account" else AccountClosed(account)
    if message.kind == "reshard":
        return Resharded(_required(message.shards, "shards"))
    if message.kind in ("halt", "resume"):
        if _required(message.what, "what") == "instrument":
            _instrument(book, _required(message.instrument, "instrument"))
        elif message.instrument is not None:
            raise Refused(Code.INCOMPLETE_COMMAND, "only what=instrument names an instrument")
    return Changed(message.kind)


def _required(found: T | None, name: str) -> T:
    if found is None:
        raise Refused(Code.INCOMPLETE_COMMAND, f"expected a field {name}")
    return found


def _column(book: Book, name: str) -> int:
    column = book.column_of.get(name)
    if column is None:
        raise Refused(Code.UNKNOWN_INSTRUMENT, f"nothing named {name} is listed in {book.name}")
    return column


def _instrument(book: Book, name: str) -> tuple[int, Contract]:
    """A listed instrument that is not settled."""
    column = _column(book, name)
    contract = book.contracts[column]
    if contract.is_asset:
        raise Refused(Code.UNKNOWN_INSTRUMENT, f"{name} is an asset")
    if book.marks[column].settled:
        raise Refused(Code.INSTRUMENT_SETTLED, f"{name} is settled")
    return column, contract


def _asset(book: Book, name: str | None) -> int | None:
    """The column of a collateral asset; None, money, is what names no asset."""
    if name is None:
        return None
    column = book.column_of.get(name)
    if column is None or not book.contracts[column].is_asset:
        raise Refused(Code.UNKNOWN_ASSET, f"{name} is not collateral in {book.name}")
    return column


def _member_account(name: str) -> str:
    if name.startswith("@"):
        raise Refused(Code.RESERVED_ACCOUNT, f"{name} is not a member's account")
    if name.startswith("/") or name.endswith("/"):
        raise Refused(Code.BAD_ID, f"expected member or member/sub, found {name}")
    return name


def _amount(book: Book, text: str, column: int | None) -> int:
    if column is not None:
        return book.contracts[column].quantity_lots(text)
    units = units_of(text, book.decimals)
    if units <= 0:
        raise Refused(Code.NOT_POSITIVE, f"amount {text} is not above zero")
    if units > AMOUNT_BOUND:
        raise Refused(Code.AMOUNT_BEYOND_BOUND, f"amount {text} is beyond 2^60 units")
    return units


def _deposit(book: Book, message: inputs.Deposit) -> Operation:
    column = _asset(book, message.asset)
    fund = message.account
    is_fund = fund in FUNDED or (fund.startswith(FUNDED_PREFIX) and not fund.endswith("/"))
    if fund.startswith("@") and (column is not None or not is_fund):
        raise Refused(Code.RESERVED_ACCOUNT, f"{fund} takes no such deposit")
    account = fund if fund.startswith("@") else _member_account(fund)
    return Deposited(account, column, _amount(book, message.amount, column))


def _withdrawal(book: Book, message: inputs.Withdrawal) -> Operation:
    column = _asset(book, message.asset)
    account = _member_account(message.account)
    return Asked(message.id, account, column, _amount(book, message.amount, column), None)


def _move(book: Book, message: inputs.Move) -> Operation:
    source, target = _member_account(message.source), _member_account(message.target)
    if source == target:
        raise Refused(Code.SAME_PARTY, "a move needs two accounts")
    return Asked(message.id, source, None, _amount(book, message.amount, None), target)


def _contribution(book: Book, message: inputs.Contribution) -> Operation:
    member = _member_account(message.member)
    if "/" in member:
        raise Refused(Code.BAD_ID, f"expected a member, found an account {member}")
    amount = _amount(book, message.amount, None)
    if message.account is None:
        return Contributed(member, amount)
    account = _member_account(message.account)
    if member_of(account) != member:
        raise Refused(Code.BAD_ID, f"{account} is not an account of {member}")
    return Asked(message.id, account, None, amount, f"@guarantee/{member}")


def member_of(account: str) -> str:
    """The member who is liable for an account."""
    return account.partition("/")[0]


def _price(book: Book, message: inputs.Price) -> Operation:
    if (message.instrument is None) == (message.asset is None):
        raise Refused(Code.MISSING_FIELD, "expected an instrument or an asset, and not both")
    if message.instrument is not None:
        column, contract = _instrument(book, message.instrument)
    else:
        column = _asset(book, message.asset) or 0
        contract = book.contracts[column]
    return Marked(column, contract.price_ticks(message.mark))


def _funding(book: Book, message: inputs.Funding) -> Operation:
    column, contract = _instrument(book, message.instrument)
    index = count_of(message.index, 1, 1, Code.TOO_MANY_DIGITS)
    delta = index - book.funding_index[column]
    if abs(delta) * contract.lots_bound >= 2**61 or abs(index) >= 2**61:
        raise Refused(Code.AMOUNT_BEYOND_BOUND, f"index {message.index} is beyond the bound of {contract.name}")
    return Funded(column, delta)


def _settlement(book: Book, message: inputs.Settlement) -> Operation:
    column, contract = _instrument(book, message.instrument)
    return Settled(column, contract.price_ticks(message.price))


def _trade(book: Book, message: inputs.Trade) -> Operation:
    for party in (message.buyer, message.seller):
        if party not in ("@market", "@backstop"):
            _member_account(party)
    if message.buyer == message.seller:
        raise Refused(Code.SAME_PARTY, "buyer and seller are one account")
    column = _column(book, message.instrument)
    contract = book.contracts[column]
    is_sale = (message.liquidation_id or "").startswith(f"{book.name}/{message.seller}/")
    if not contract.is_asset or not is_sale:  # an asset trades only as a sale of its seller's collateral
        _instrument(book, message.instrument)
    if contract.expiry_ms is not None and message.time_ms > contract.expiry_ms:
        raise Refused(Code.INSTRUMENT_SETTLED, f"{message.instrument} has expired")
    lots, price = contract.quantity_lots(message.quantity), contract.price_ticks(message.price)
    paid = lots * price * contract.spot[0] // contract.spot[1] if contract.is_asset else value(contract, lots, price)
    return Traded(message.buyer, message.seller, column, lots, price, paid, message.liquidation_id)


def _open_orders(book: Book, message: inputs.OpenOrders) -> Operation:
    column, contract = _instrument(book, message.instrument)
    buys, sells = contract.quantity_lots(message.buys, 0), contract.quantity_lots(message.sells, 0)
    return Ordered(_member_account(message.account), column, buys, sells)


_JUDGES: dict[type[Input], Callable[[Book, Any], Operation]] = {
    inputs.BookMessage: _book,
    inputs.AssetMessage: _rule,
    inputs.InstrumentMessage: _rule,
    inputs.ParametersMessage: _rule,
    inputs.WaterfallMessage: _rule,
    inputs.Command: _command,
    inputs.Period: lambda _book, _message: PeriodEnded(),
    inputs.Heartbeat: lambda _book, _message: Passed(),
    inputs.Deposit: _deposit,
    inputs.Withdrawal: _withdrawal,
    inputs.Move: _move,
    inputs.Contribution: _contribution,
    inputs.Price: _price,
    inputs.Funding: _funding,
    inputs.Settlement: _settlement,
    inputs.Trade: _trade,
    inputs.OpenOrders: _open_orders,
}
