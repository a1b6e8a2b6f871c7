"""Integers made readable: decimal text beside every count of units, ticks or lots; time as ISO 8601; one line an event.

The text stands right behind its integer, under a key of its own: `equity_units` -> `equity`, `mark_ticks` -> `mark`,
`lots` -> `quantity`, `limit_lots` -> `limit_quantity`, `amount` -> `amount_text`. Prices and quantities need their
instrument: where no field names it, there is no text. Integers decide, texts are for people.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Any

import msgspec
import orjson
from msgspec import to_builtins

from engine.book import Book
from schemas.decimals import decimal_text
from schemas.events import Event

Fields = dict[str, Any]


class Terms:
    """How the counts of one book read: its unit of money, the ticks and lots of what it lists."""

    def __init__(self, book: Book) -> None:
        self.book = book

    def money(self, units: int) -> str:
        """Units of the settlement asset."""
        return decimal_text(units, self.book.decimals)

    def price(self, name: str | None, ticks: int) -> str | None:
        """Ticks of an instrument or asset; None when the book lists no such thing."""
        column = self.book.column_of.get(name or "")
        return None if column is None else _steps(ticks, self.book.contracts[column].tick)

    def quantity(self, name: str | None, lots: int) -> str | None:
        """Lots of an instrument or asset; None when the book lists no such thing."""
        column = self.book.column_of.get(name or "")
        return None if column is None else _steps(lots, self.book.contracts[column].lot)

    def amount(self, asset: str | None, amount: int) -> str | None:
        """An amount of the settlement asset (None) or of collateral."""
        return self.money(amount) if asset in (None, self.book.asset) else self.quantity(asset, amount)


def _steps(count: int, step: tuple[int, int]) -> str:
    """A count of steps; the denominator of a step read from decimal text is a power of ten."""
    return decimal_text(count * step[0], len(str(step[1])) - 1)


@cache
def _rule(key: str) -> tuple[str, str]:
    """What a key counts, and the key of its text; ("", "") when it is no count."""
    if key.endswith("_units"):
        return "money", key.removesuffix("_units")
    if key.endswith("_ticks"):
        return "price", key.removesuffix("_ticks")
    if key == "lots" or key.endswith("_lots"):
        return "quantity", key.removesuffix("lots") + "quantity"
    return ("amount", "amount_text") if key == "amount" else ("", "")


def with_texts(fields: Fields, terms: Terms) -> Fields:
    """The same fields with texts beside the counts, at every depth; order is kept."""
    name = fields.get("instrument") or fields.get("asset")
    shown: Fields = {}
    for key, value in fields.items():
        kind, beside = _rule(key)
        if not kind:
            shown[key] = _nested(value, terms) if isinstance(value, list | dict) else value
            continue
        shown[key] = value
        text = _text(kind, value, name, terms)
        if text is not None:
            shown[beside] = text
    return shown


def _nested(value: Any, terms: Terms) -> Any:
    if isinstance(value, list):
        return [with_texts(one, terms) if isinstance(one, dict) else one for one in value]
    return with_texts(value, terms)


def _text(kind: str, value: Any, name: str | None, terms: Terms) -> Any:
    """Text of one count, or of a mapping of counts; prices and quantities are mapped by instrument."""
    if isinstance(value, dict):
        is_named = kind in ("price", "quantity")
        return {key: _text(kind, one, key if is_named else name, terms) for key, one in value.items()}
    if value is None:
        return None
    if kind == "money":
        return terms.money(value)
    return getattr(terms, kind)(name, value)


@cache
def _iso_second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def iso(time_ms: int) -> str:
    """Event time in UTC.

    >>> iso(1583884805250)
    '2020-03-11T00:00:05.250Z'
    """
    second, ms = divmod(time_ms, 1000)
    return f"{_iso_second(second)}.{ms:03d}Z"


def event_fields(event: Event, terms: Terms) -> Fields:
    """An event as it stands in events.jsonl: id, type, book, seq, time, subject, versions, then its own fields."""
    own = to_builtins(event)
    head = {"id": event.id, "type": own.pop("type"), "book": own.pop("book"), "seq": own.pop("seq")}
    head |= {"time_ms": own.pop("time_ms"), "time": iso(event.time_ms)}
    head |= {"subject": own.pop("subject"), "versions": own.pop("versions")}
    return head | with_texts(own, terms)


def json_line(fields: Any) -> bytes:
    """One line of JSON, keys as they stand; integers of any size."""
    try:
        return orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:  # an integer past 64 bits
        return msgspec.json.encode(fields) + b"\n"


def json_document(fields: Fields) -> bytes:
    """A whole document, indented, for people and machines."""
    return msgspec.json.format(json_line(fields), indent=2)
