"""Integers made readable: decimal text beside every count of units, ticks or lots; time as ISO 8601; one line an event.

The text stands right behind its integer, under a key of its own: `equity_units` -> `equity`, `mark_ticks` -> `mark`,
`lots` -> `quantity`, `limit_lots` -> `limit_quantity`, `amount` -> `amount_text`, `time_ms` -> `time`. Prices and
quantities need their instrument: where no field names it, there is no text. Integers decide, texts are for people.
"""

from __future__ import annotations

from collections.abc import Callable
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
Step = tuple[int, int]  # mantissa and decimals
TIME_MAX_MS = 253_402_300_799_999  # the year 9999; deadlines may lie beyond


class Terms:
    """How the counts of one book read: its unit of money, the ticks and lots of what it lists (which never change)."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self._steps: dict[str, tuple[Step, Step]] = {}

    def money(self, units: int) -> str:
        """Units of the settlement asset."""
        return decimal_text(units, self.book.decimals)

    def price(self, name: str | None, ticks: int) -> str | None:
        """Ticks of an instrument or asset; None when the book lists no such thing."""
        steps = self._steps.get(name or "") or self._find(name)
        return decimal_text(ticks * steps[0][0], steps[0][1]) if steps else None

    def quantity(self, name: str | None, lots: int) -> str | None:
        """Lots of an instrument or asset; None when the book lists no such thing."""
        steps = self._steps.get(name or "") or self._find(name)
        return decimal_text(lots * steps[1][0], steps[1][1]) if steps else None

    def amount(self, asset: str | None, amount: int) -> str | None:
        """An amount of the settlement asset (None) or of collateral."""
        return self.money(amount) if asset in (None, self.book.asset) else self.quantity(asset, amount)

    def _find(self, name: str | None) -> tuple[Step, Step] | None:
        """Tick and lot; the denominator of a number read from decimal text is a power of ten."""
        column = self.book.column_of.get(name or "")
        if name is None or column is None:
            return None
        contract = self.book.contracts[column]
        tick, lot = ((num, len(str(den)) - 1) for num, den in (contract.tick, contract.lot))
        self._steps[name] = tick, lot
        return tick, lot


_TEXTS: dict[str, Callable[[Terms, Any, int], str | None]] = {
    "money": lambda terms, _, count: terms.money(count),
    "price": Terms.price,
    "quantity": Terms.quantity,
    "amount": Terms.amount,
    "time": lambda _, __, count: iso(count) if count <= TIME_MAX_MS else None,
}
_EXACT = {"lots": ("quantity", "quantity"), "amount": ("amount", "amount_text"), "versions": ("plain", "")}
_EXACT |= {"time_ms": ("time", "time"), "deadline_ms": ("time", "deadline")}
_SUFFIXES = (("_units", "money", ""), ("_ticks", "price", ""), ("_lots", "quantity", "_quantity"))


@cache
def count_of(key: str) -> tuple[str, str]:
    """What a key counts, and the key of its text; ("", "") when it is no count."""
    for suffix, kind, instead in _SUFFIXES:
        if key.endswith(suffix):
            return kind, key.removesuffix(suffix) + instead
    return _EXACT.get(key, ("", ""))


def with_texts(fields: Fields, terms: Terms) -> Fields:
    """The same fields with texts beside the counts, at every depth; order is kept."""
    name = fields.get("instrument") or fields.get("asset")
    shown: Fields = {}
    for key, value in fields.items():
        kind, beside = count_of(key)
        if not kind:
            shown[key] = _nested(value, terms) if isinstance(value, list | dict) else value
            continue
        shown[key] = value
        if beside:
            text = _TEXTS[kind](terms, name, value) if type(value) is int else _text(kind, value, name, terms)
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
    return None if value is None else _TEXTS[kind](terms, name, value)


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
    return {"id": event.id} | with_texts(to_builtins(event), terms)


def json_line(fields: Any) -> bytes:
    """One line of JSON, keys as they stand; integers of any size."""
    try:
        return orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:  # an integer past 64 bits
        return msgspec.json.encode(fields) + b"\n"


def json_document(fields: Fields) -> bytes:
    """A whole document, indented, for people and machines."""
    return msgspec.json.format(json_line(fields), indent=2)
