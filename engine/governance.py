"""Changes of rules (RULEBOOK 11, 17.2, 17.3, 17.13): what each is about, if it may be, and how it comes into force."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from engine.contracts import Contract, compile_asset, compile_instrument
from engine.layers import Waterfall, compile_waterfall
from engine.names import instrument_named, member_account
from engine.operations import AccountClosed, AccountOpened, Changed, Operation, Resharded
from engine.rules import Parameters, compile_parameters
from schemas import governed
from schemas.codes import Code, Halt, Refused
from schemas.message import Governed, Input

if TYPE_CHECKING:
    from engine.book import Book, Change

T = TypeVar("T")


def subject(message: Governed) -> str:
    """What the versions of a governed message count: one rule, one listing, one switch."""
    if isinstance(message, governed.Command):
        family = {"resume": "halt"}.get(message.kind, message.kind)
        return "/".join(filter(None, ("command", family, message.what, message.account, message.instrument)))
    name = getattr(message, "instrument", None) or getattr(message, "asset", None)
    kind = str(type(message).__struct_config__.tag)
    return f"{kind}/{name}" if name else kind


def enact_change(book: Book, message: Input) -> None:
    """Bring a judged change of rules into force."""
    if isinstance(message, governed.Command):
        _switch(book, message)
    elif not isinstance(message, governed.BookMessage):
        book.enact(_compile(book, message))


def _switch(book: Book, command: governed.Command) -> None:
    if command.kind == "venue_restart":
        for mark in book.marks:
            mark.awaits_tick = True
            mark.held.clear()
        book.held.clear()
    elif command.what == "instrument":
        book.marks[book.column_of[str(command.instrument)]].suspended = command.kind == "halt"
    elif command.what is not None:
        (book.halts.add if command.kind == "halt" else book.halts.discard)(command.what)


def require_version(book: Book, message: Governed) -> None:
    """Refuses VERSION_OUT_OF_ORDER, EFFECTIVE_IN_THE_PAST."""
    if message.version <= book.versions.get(subject(message), 0):
        raise Refused(Code.VERSION_OUT_OF_ORDER, f"version {message.version} of {subject(message)} is not newer")
    if message.effective_ms is not None and message.effective_ms < max(book.clock_ms, message.time_ms):
        raise Refused(Code.EFFECTIVE_IN_THE_PAST, "effective_ms lies before the clock of the log")


def _compile(book: Book, message: Input) -> Change:
    if isinstance(message, governed.ParametersMessage):
        return compile_parameters(message, book.decimals)
    if isinstance(message, governed.WaterfallMessage):
        return compile_waterfall(message, book.decimals)
    if isinstance(message, governed.AssetMessage):
        return compile_asset(message, book.decimals)
    if isinstance(message, governed.InstrumentMessage):
        return compile_instrument(message, book.decimals, book.name)
    raise Halt(f"{type(message).__name__} is no rule and no listing")


def judge_book(book: Book, message: governed.BookMessage) -> Operation:
    """A book's own message, again. Refuses TERMS_CHANGED."""
    if (message.settlement_asset, message.decimals) != (book.asset, book.decimals):
        raise Refused(Code.TERMS_CHANGED, "a book keeps its settlement asset and unit")
    return Changed("book")


def judge_rule(book: Book, message: Governed) -> Operation:
    """Parameters, a waterfall, a listing. Refuses what compiling refuses, TERMS_CHANGED, INSTRUMENT_SETTLED and
    CROSSED_PARAMETERS.
    """
    change = _compile(book, message)
    if isinstance(change, Parameters | Waterfall):
        return Changed("rules")
    if change.name == book.asset:
        raise Refused(Code.TERMS_CHANGED, f"{change.name} is the settlement asset")
    waiting = [one for _, one, _ in book.pending if subject(one) == subject(message)]
    known = [old for old in (_compile(book, one) for one in waiting) if isinstance(old, Contract)]
    column = book.column_of.get(change.name)
    if column is not None:
        known.append(book.contracts[column])
        if book.marks[column].settled:
            raise Refused(Code.INSTRUMENT_SETTLED, f"{change.name} is settled")
        if not change.price_min <= book.price(column) <= change.price_max:
            raise Refused(Code.CROSSED_PARAMETERS, f"the mark of {change.name} is outside the new price bounds")
    if any(_terms(old) != _terms(change) for old in known):
        raise Refused(Code.TERMS_CHANGED, f"the terms of {change.name} do not change after listing")
    return Changed("listing")


def _terms(contract: Contract) -> tuple[object, ...]:
    c = contract
    return (c.is_asset, c.is_inverse, c.spot, c.face, c.tick, c.lot, c.expiry_ms)


def judge_command(book: Book, message: governed.Command) -> Operation:
    """An operator's order. Refuses INCOMPLETE_COMMAND and what its names refuse."""
    if message.kind in ("open_account", "close_account"):
        account = member_account(_required(message.account, "account"))
        return AccountOpened(account, message.limited) if message.kind == "open_account" else AccountClosed(account)
    if message.kind == "reshard":
        return Resharded(_required(message.shards, "shards"))
    if message.kind in ("halt", "resume"):
        if _required(message.what, "what") == "instrument":
            instrument_named(book, _required(message.instrument, "instrument"))
        elif message.instrument is not None:
            raise Refused(Code.INCOMPLETE_COMMAND, "only what=instrument names an instrument")
    return Changed(message.kind)


def _required(found: T | None, name: str) -> T:
    if found is None:
        raise Refused(Code.INCOMPLETE_COMMAND, f"expected a field {name}")
    return found
