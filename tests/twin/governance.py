"""Governance (11, 17.13): books, listings, parameters, waterfalls and commands as they take effect."""

from __future__ import annotations

from schemas.codes import Code
from schemas.governed import AssetMessage, BookMessage, Command, InstrumentMessage, ParametersMessage, WaterfallMessage
from tests.twin import marks, reference
from tests.twin.reading import refuse_if
from tests.twin.state import BookState


def open_book(book: BookState, message: BookMessage) -> None:
    book.opened, book.settlement_asset, book.decimals = True, message.settlement_asset, message.decimals


def list_one(book: BookState, message: AssetMessage | InstrumentMessage) -> None:
    make = reference.make_asset if isinstance(message, AssetMessage) else reference.make_instrument
    # READING: listing order is the order of coming into force.
    reference.list_quoted(book, make(book, message))


def remember_terms(book: BookState, message: BookMessage | AssetMessage | InstrumentMessage) -> None:
    key, terms = reference.terms_of(book, message)
    book.terms[key] = terms


def set_rules(book: BookState, message: ParametersMessage) -> None:
    book.rules = reference.make_rules(book, message)


def set_waterfall(book: BookState, message: WaterfallMessage) -> None:
    book.layers = reference.make_layers(book, message)


def command(book: BookState, message: Command) -> None:
    """Accounts, halts, restarts; `reshard` means nothing to a single process (17.13)."""
    match message.kind:
        case "open_account":
            book.account(message.account).limited = message.limited
        case "close_account":
            refuse_if(message.account not in book.accounts, Code.UNKNOWN_ACCOUNT, message.account)
            refuse_if(not closable(book, message.account), Code.NOT_CLOSABLE, message.account)
            book.account(message.account).status = "closed"
            book.account(message.account).orders.clear()
        case "venue_restart":
            marks.restart(book)
        case "halt" | "resume":
            halt(book, message, message.kind == "halt")


def halt(book: BookState, message: Command, on: bool) -> None:
    if message.what == "instrument":
        book.instruments[message.instrument].suspended = on
    elif on:
        book.halts.add(message.what)
    else:
        book.halts.discard(message.what)


def closable(book: BookState, account_id: str) -> bool:
    """No positions, collateral, call, pending withdrawals or cash (17.13)."""
    account = book.accounts.get(account_id)
    if account is None:
        return False
    held = account.positions or account.collateral or account.cash
    # READING: a defaulted account is not closable before its window has settled it.
    life = account.status in ("healthy", "settled", "closed")
    return life and not held and all(one.account != account_id for one in book.asked)
