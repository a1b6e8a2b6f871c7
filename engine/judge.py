"""What is refused from the log's common data, alike by every reader (RULEBOOK 2a.3, 16, 17.2-17.4, 17.13).

The ladder: is the book ready, is the version new (governance), then the content in the order of the lines of its judge.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from engine.governance import judge_book, judge_command, judge_rule, require_version
from engine.ledger import UNCOVERED
from engine.names import amount_of, asset_named, column_named, instrument_named, member_account, member_of
from engine.numbers import AMOUNT_BOUND, BOUND
from engine.operations import (
    Asked,
    Contributed,
    Deposited,
    Funded,
    Marked,
    Operation,
    Ordered,
    Passed,
    PeriodEnded,
    Recovered,
    Settled,
    Traded,
)
from engine.value import value
from schemas import governed, inputs
from schemas.codes import Code, Refused
from schemas.decimals import count_of
from schemas.message import Governed, Input

if TYPE_CHECKING:
    from engine.book import Book

FUNDED = ("@operator", "@backstop", "@market")
FUNDED_PREFIX = ("@insurance/", "@operator/")


def judge(book: Book, message: Input) -> Operation:
    """The operation of an input, or the first refusal of its content."""
    is_rule = isinstance(message, Governed) and not isinstance(message, governed.Command | inputs.Recovery)
    if not book.is_ready and not is_rule:
        raise Refused(Code.BOOK_NOT_READY, f"book {book.name} awaits its parameters and waterfall")
    if book.wind_down:
        _require_end(book, message)
    if isinstance(message, Governed):
        require_version(book, message)
    return _JUDGES[type(message)](book, message)


def _require_end(book: Book, message: Input) -> None:
    """Refuses WINDING_DOWN: of a book that is wound down there is only time, what collateral is worth, who is to be
    paid, and what settles the last losses before the payouts, or what leaves after them (17.25).
    """
    match message:
        case inputs.Heartbeat() | inputs.Price(instrument=None):
            return
        case governed.Command(kind="close_account" | "halt" | "resume" | "reshard"):
            return
        case inputs.Withdrawal():
            is_in_time = book.wind_down == "paid"
        case inputs.Contribution(account=None):
            is_in_time = book.wind_down == "begun"
        case inputs.Trade():
            column = book.column_of.get(message.instrument)
            is_in_time = book.wind_down == "begun" and column is not None and book.contracts[column].is_asset
        case _:
            is_in_time = False
    if not is_in_time:
        raise Refused(Code.WINDING_DOWN, f"book {book.name} is wound down")


def _deposit(book: Book, message: inputs.Deposit) -> Operation:
    column = asset_named(book, message.asset)
    fund = message.account
    is_fund = fund in FUNDED or (fund.startswith(FUNDED_PREFIX) and not fund.endswith("/"))
    is_fund |= fund == UNCOVERED and book.parameters.cure_ms is not None  # else nothing asks for a cure (17.25)
    if fund.startswith("@") and (column is not None or not is_fund):
        raise Refused(Code.RESERVED_ACCOUNT, f"{fund} takes no such deposit")
    account = fund if fund.startswith("@") else member_account(fund)
    return Deposited(account, column, amount_of(book, message.amount, column))


def _withdrawal(book: Book, message: inputs.Withdrawal) -> Operation:
    column = asset_named(book, message.asset)
    account = member_account(message.account)
    return Asked(message.id, account, column, amount_of(book, message.amount, column), None)


def _move(book: Book, message: inputs.Move) -> Operation:
    source, target = member_account(message.source), member_account(message.target)
    if source == target:
        raise Refused(Code.SAME_PARTY, "a move needs two accounts")
    return Asked(message.id, source, None, amount_of(book, message.amount, None), target)


def _contribution(book: Book, message: inputs.Contribution) -> Operation:
    member = member_account(message.member)
    if "/" in member:
        raise Refused(Code.BAD_ID, f"expected a member, found an account {member}")
    amount = amount_of(book, message.amount, None)
    if message.account is None:
        return Contributed(member, amount)
    account = member_account(message.account)
    if member_of(account) != member:
        raise Refused(Code.BAD_ID, f"{account} is not an account of {member}")
    return Asked(message.id, account, None, amount, f"@guarantee/{member}")


def _recovery(book: Book, message: inputs.Recovery) -> Operation:
    member = member_account(message.member)
    if "/" in member:
        raise Refused(Code.BAD_ID, f"expected a member, found an account {member}")
    if not book.parameters.recoveries:
        raise Refused(Code.RECOVERIES_NOT_KEPT, f"book {book.name} does not keep who bore its losses")
    return Recovered(member, amount_of(book, message.amount, None), message.from_estate)


def _price(book: Book, message: inputs.Price) -> Operation:
    if (message.instrument is None) == (message.asset is None):
        raise Refused(Code.MISSING_FIELD, "expected an instrument or an asset, and not both")
    if message.instrument is not None:
        column, contract = instrument_named(book, message.instrument)
    else:
        column = asset_named(book, message.asset) or 0
        contract = book.contracts[column]
    return Marked(column, contract.price_ticks(message.mark))


def _funding(book: Book, message: inputs.Funding) -> Operation:
    column, contract = instrument_named(book, message.instrument)
    index = count_of(message.index, 1, 1, Code.TOO_MANY_DIGITS)
    delta = index - book.funding_index[column]
    if abs(index) > AMOUNT_BOUND or abs(delta) * contract.lots_bound >= BOUND:
        raise Refused(Code.AMOUNT_BEYOND_BOUND, f"index {message.index} is beyond the bound of {contract.name}")
    return Funded(column, delta)


def _settlement(book: Book, message: inputs.Settlement) -> Operation:
    column, contract = instrument_named(book, message.instrument)
    return Settled(column, contract.price_ticks(message.price))


def _trade(book: Book, message: inputs.Trade) -> Operation:
    for party in (message.buyer, message.seller):
        if party not in ("@market", "@backstop"):
            member_account(party)
    if message.buyer == message.seller:
        raise Refused(Code.SAME_PARTY, "buyer and seller are one account")
    column = column_named(book, message.instrument)
    contract = book.contracts[column]
    is_sale = (message.liquidation_id or "").startswith(f"{book.name}/{message.seller}/")
    if not contract.is_asset or not is_sale:  # an asset trades only as a sale of its seller's collateral
        instrument_named(book, message.instrument)
    if contract.expiry_ms is not None and message.time_ms > contract.expiry_ms:
        raise Refused(Code.INSTRUMENT_SETTLED, f"{message.instrument} has expired")
    lots, price = contract.quantity_lots(message.quantity), contract.price_ticks(message.price)
    paid = lots * price * contract.spot[0] // contract.spot[1] if contract.is_asset else value(contract, lots, price)
    return Traded(message.buyer, message.seller, column, lots, price, paid, message.liquidation_id)


def _open_orders(book: Book, message: inputs.OpenOrders) -> Operation:
    column, contract = instrument_named(book, message.instrument)
    buys, sells = contract.quantity_lots(message.buys, 0), contract.quantity_lots(message.sells, 0)
    return Ordered(member_account(message.account), column, buys, sells)


_JUDGES: dict[type[Input], Callable[[Book, Any], Operation]] = {
    governed.BookMessage: judge_book,
    governed.AssetMessage: judge_rule,
    governed.InstrumentMessage: judge_rule,
    governed.ParametersMessage: judge_rule,
    governed.WaterfallMessage: judge_rule,
    governed.Command: judge_command,
    inputs.Period: lambda _book, _message: PeriodEnded(),
    inputs.Heartbeat: lambda _book, _message: Passed(),
    inputs.Deposit: _deposit,
    inputs.Withdrawal: _withdrawal,
    inputs.Move: _move,
    inputs.Contribution: _contribution,
    inputs.Recovery: _recovery,
    inputs.Price: _price,
    inputs.Funding: _funding,
    inputs.Settlement: _settlement,
    inputs.Trade: _trade,
    inputs.OpenOrders: _open_orders,
}
