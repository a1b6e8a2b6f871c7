"""Refusals of transfers and trades from the log's common data (17.2, 17.3, 17.7, 17.11)."""

from __future__ import annotations

from msgspec import UNSET

from schemas.codes import Code
from schemas.inputs import Contribution, Deposit, Move, OpenOrders, Trade, Withdrawal
from tests.twin.reading import (
    amount_of,
    amount_units,
    asset_units,
    instrument_of,
    lots_of,
    refuse_if,
    ticks_of,
)
from tests.twin.state import BACKSTOP, MARKET, OPERATOR, UNCOVERED, BookState


def may_receive(book: BookState, account: str) -> bool:
    """Which `@` names take deposits (17.7)."""
    # READING: the funds, the pool and the outside do; @guarantee takes contributions only, the technical
    # accounts (@liquidation, @rounding, @suspense) nothing. Collateral goes to members only.
    named = account in (OPERATOR, BACKSTOP, MARKET)
    if account == UNCOVERED:  # a cure, where there is a time for it (17.25)
        return book.rules.said.cure_ms is not UNSET
    return not account.startswith("@") or named or account.startswith(("@operator/", "@insurance/"))


def judge_deposit(book: BookState, message: Deposit) -> None:
    refuse_if(not may_receive(book, message.account), Code.RESERVED_ACCOUNT, message.account)
    refuse_if(message.asset and message.account.startswith("@"), Code.RESERVED_ACCOUNT, message.account)
    amount_of(book, message.amount, message.asset)


def judge_withdrawal(book: BookState, message: Withdrawal) -> None:
    refuse_if(message.account.startswith("@"), Code.RESERVED_ACCOUNT, message.account)
    amount_of(book, message.amount, message.asset)


def judge_move(book: BookState, message: Move) -> None:
    # READING: a move goes between members' accounts only.
    reserved = message.source.startswith("@") or message.target.startswith("@")
    refuse_if(reserved, Code.RESERVED_ACCOUNT, f"{message.source} to {message.target}")
    refuse_if(message.source == message.target, Code.SAME_PARTY, message.source)
    amount_units(message.amount, book.decimals)


def judge_contribution(book: BookState, message: Contribution) -> None:
    names = [message.member, message.account or ""]
    refuse_if(any(name.startswith("@") for name in names), Code.RESERVED_ACCOUNT, message.member)
    amount_units(message.amount, book.decimals)


def judge_trade(book: BookState, message: Trade) -> None:
    if message.instrument in book.assets:
        judge_sale_trade(book, message)
        return
    instrument = instrument_of(book, message.instrument)
    expired = instrument.expiry_ms is not None and message.time_ms > instrument.expiry_ms
    refuse_if(expired, Code.INSTRUMENT_SETTLED, f"{message.instrument} has expired")
    judge_parties(message)
    lots_of(instrument, message.quantity)
    ticks_of(instrument, message.price)


def judge_parties(message: Trade) -> None:
    refuse_if(message.buyer == message.seller, Code.SAME_PARTY, message.buyer)
    # READING: of the `@` names only @market and @backstop trade.
    for party in (message.buyer, message.seller):
        refuse_if(party.startswith("@") and party not in (MARKET, BACKSTOP), Code.RESERVED_ACCOUNT, party)


def judge_sale_trade(book: BookState, message: Trade) -> None:
    """Collateral trades only with an id (17.11); like every trade it is a fact, whatever the accounts have (2a.3)."""
    is_sale = (message.liquidation_id or "").startswith(f"{book.name}/{message.seller}/")
    refuse_if(not is_sale, Code.UNKNOWN_INSTRUMENT, message.instrument)
    judge_parties(message)
    asset_units(book.assets[message.instrument], message.quantity)
    ticks_of(book.assets[message.instrument], message.price)


def judge_orders(book: BookState, message: OpenOrders) -> None:
    refuse_if(message.account.startswith("@"), Code.RESERVED_ACCOUNT, message.account)
    instrument = instrument_of(book, message.instrument)
    lots_of(instrument, message.buys, least=0)
    lots_of(instrument, message.sells, least=0)
