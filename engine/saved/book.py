"""The common data of a book as a document, and back."""

from __future__ import annotations

from typing import Any

import msgspec

from engine import operations as op
from engine.book import Book
from engine.contracts import Contract
from engine.layers import Waterfall
from engine.marks import Mark
from engine.rules import Parameters
from schemas.inputs import TOPIC_OF, AnyInput
from schemas.message import Governed, Input

Document = dict[str, Any]
_LATER: dict[str, Any] = {
    kind.__name__: kind for kind in (op.Changed, op.AccountOpened, op.AccountClosed, op.Resharded, op.Recovered)
}


def save_book(book: Book) -> Document:
    """Everything the fold of the common data knows."""
    return {**save_common(book), "seen": [msgspec.to_builtins(message) for message in book.seen_order]}


def save_common(book: Book) -> Document:
    """The same but for the inputs whose ids are remembered; they can be read again from the log."""
    return {
        "name": book.name, "asset": book.asset, "decimals": book.decimals, "seq": book.seq, "clock_ms": book.clock_ms,
        "contracts": msgspec.to_builtins(book.contracts), "marks": msgspec.to_builtins(book.marks),
        "funding_index": list(book.funding_index), "rules": msgspec.to_builtins(book.rules),
        "waterfall": msgspec.to_builtins(book.waterfall), "halts": sorted(book.halts),
        "versions": dict(sorted(book.versions.items())), "held": sorted(book.held),
        "wind_down": book.wind_down,
        "pending": [
            [due, msgspec.to_builtins(message), type(operation).__name__, msgspec.to_builtins(operation)]
            for due, message, operation in book.pending
        ],
    }  # fmt: skip


def load_book(saved: Document) -> Book:
    """The book as it was saved."""
    book = Book(saved["name"], saved["asset"], saved["decimals"], saved["seq"], saved["clock_ms"])
    book.contracts = msgspec.convert(saved["contracts"], list[Contract])
    book.marks = msgspec.convert(saved["marks"], list[Mark])
    book.column_of = {contract.name: column for column, contract in enumerate(book.contracts)}
    book.funding_index = list(saved["funding_index"])
    book.rules = msgspec.convert(saved["rules"], Parameters | None)
    book.waterfall = msgspec.convert(saved["waterfall"], Waterfall | None)
    book.halts, book.held, book.versions = set(saved["halts"]), set(saved["held"]), dict(saved["versions"])
    book.wind_down = saved.get("wind_down", "")  # an older version knew none
    for due, message, kind, operation in saved["pending"]:
        book.pending.append((due, _governed(message), msgspec.convert(operation, _LATER[kind])))
    for one in saved["seen"]:
        remember(book, _input(one))
    return book


def remember(book: Book, message: Input) -> None:
    """An input that was accepted and is not forgotten yet; the next in their order."""
    book.seen_order.append(message)
    book.seen.setdefault(TOPIC_OF[type(message)], {})[message.id] = message


def _input(saved: Document) -> Input:
    return msgspec.convert(saved, AnyInput)  # type: ignore[no-any-return]


def _governed(saved: Document) -> Governed:
    message = _input(saved)
    if not isinstance(message, Governed):
        raise TypeError(f"{type(message).__name__} cannot wait for an effective time")
    return message
