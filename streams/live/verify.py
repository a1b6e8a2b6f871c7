"""`rhodian verify`: every recorded report and decision, and every table in Redis, beside what the journal gives.

A table is compared where it stands: before the record at its position is applied. Workers may run meanwhile.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import msgspec

from schemas.codes import Halt
from streams.balances import accounts_of, balances_digest
from streams.live.frames import InputsFrame, decode_frame
from streams.live.journal import Journal
from streams.live.recount import Document, Opening, found_in
from streams.live.replaying import records_of, require_start
from streams.live.settings import Settings
from streams.live.states import load, stand_of
from streams.live.stored import Stored, stored_tables
from streams.present import Fields

_DIGEST_DIGITS = 16
_UNREADABLE = (KeyError, ValueError, TypeError)


@dataclass(slots=True)
class Comparison:
    """One table: `result` is same, differs, retired, or unread where the journal halted before."""

    stored: Stored
    result: str = "unread"
    difference: str | None = None
    digests: tuple[str, str] = ("", "")

    start: int = 0  # the first record whose inputs it remembers by their ids

    def __post_init__(self) -> None:
        with suppress(*_UNREADABLE):  # told where it is compared
            self.start = stand_of(self.stored.saved).seen.start

    def fields(self, end: int) -> Fields:
        """For people and machines."""
        return {
            "reader": self.stored.source,
            "position": self.stored.position,
            "behind": max(0, end - self.stored.position),
            "accounts": len(self.stored.saved.accounts),
            "result": self.result,
            "difference": self.difference,
            "digest": self.digests[0],
            "expected_digest": self.digests[1],
        }


@dataclass(slots=True)
class Check:
    """One book under verification. `frames` are those whose inputs some table remembers by their ids."""

    tables: list[Comparison]
    end: int
    opening: Opening = field(default_factory=Opening)
    frames: list[tuple[int, InputsFrame]] = field(default_factory=list)
    halted: str | None = None

    def take(self, offset: int, value: bytes) -> None:
        """The record at an offset, behind the tables that stand there. Raises Halt."""
        self.compare(offset)
        try:
            frame = decode_frame(value)
            for record in records_of(frame):
                self.opening.take(record)
        except Halt as halt:
            raise Halt(f"record {offset} of the journal: {halt}") from halt
        if isinstance(frame, InputsFrame) and offset >= self._oldest:
            self.frames.append((offset, frame))

    @property
    def _oldest(self) -> int:
        return min((one.start for one in self.tables), default=self.end)

    def compare(self, offset: int) -> None:
        """The tables that stand at an offset."""
        for one in self.tables:
            if one.stored.position == offset:
                try:
                    _compare(one, self.opening, self.frames)
                except _UNREADABLE as error:
                    one.result, one.difference = "differs", f"cannot be read: {type(error).__name__} {error}"

    def fields(self, book: str) -> Fields:
        """What was found."""
        opening, run = self.opening, self.opening.run
        waiting = run.awaited.counts() if run else (0, 0)
        there = {one.stored.source for one in self.tables}
        missing = [source for source in run.sources() if source not in there] if run else []
        return {
            "book": book,
            "same": not self.halted and not missing and all(one.result in ("same", "retired") for one in self.tables),
            "journal": {
                "records": self.end, "inputs": opening.inputs, "reports": opening.reports,
                "decisions": opening.decisions, "awaited": {"reports": waiting[0], "decisions": waiting[1]},
                "difference": self.halted,
            },
            "balances_digest": balances_digest(run, accounts_of(run)) if run and not self.halted else None,
            "tables": [one.fields(self.end) for one in self.tables],
            "missing": missing,
        }  # fmt: skip


async def verify(settings: Settings, book: str) -> Fields:
    """One book. Raises Transient, and Truncated where the journal does not begin at its beginning."""
    tables = [Comparison(stored) for stored in await stored_tables(settings, book)]
    partition = settings.books.index(book)
    async with Journal(settings) as journal:
        check = Check(tables, await require_start(journal, partition, book))
        try:
            async for some in journal.stream(partition, 0, check.end):
                for offset, value in some:
                    check.take(offset, value)
            check.compare(check.end)
        except Halt as halt:
            check.halted = str(halt)
    for one in tables:
        if one.stored.position > check.end:
            one.result = "differs"
            one.difference = f"stands at {one.stored.position}, but the journal ends at {check.end}"
    return check.fields(book)


def _compare(one: Comparison, opening: Opening, frames: list[tuple[int, InputsFrame]]) -> None:
    """A table against the run that stands where it does."""
    run, stored = opening.run, one.stored
    if run is None or (stored.change or 0) > run.change:
        one.result, one.difference = "differs", "its book, or its number of shards, is not yet in force where it stands"
        return
    if (stored.change is not None and stored.change < run.change) or stored.is_retired:
        one.result = "retired"
        return
    found, expected = found_in(stored), run.expected(stored.source)
    one.digests = _digest(found), _digest(expected)
    one.difference = next(differences(found, expected), None) or _forgotten(opening, stored, frames)
    one.result = "differs" if one.difference else "same"


def _forgotten(opening: Opening, stored: Stored, frames: list[tuple[int, InputsFrame]]) -> str | None:
    """Whether the inputs whose ids are remembered are others; the table only says where they stand."""
    run, start = opening.run, stand_of(stored.saved).seen.start
    reader = load(stored.saved, (frame for offset, frame in frames if start <= offset < stored.position))
    if run is None or list(reader.book.seen_order) == list(run.book.seen_order):
        return None
    return f"remembers {len(reader.book.seen_order)} inputs by their ids, the journal gives {len(run.book.seen_order)}"


def differences(found: Any, expected: Any, path: str = "") -> Iterator[str]:
    """Where two documents differ, in the order of their names."""
    if isinstance(found, dict) and isinstance(expected, dict):
        for name in sorted({*found, *expected}):
            yield from differences(found.get(name), expected.get(name), f"{path}, {name}" if path else name)
    elif isinstance(found, list) and isinstance(expected, list) and len(found) == len(expected):
        for place, (one, other) in enumerate(zip(found, expected, strict=True)):
            yield from differences(one, other, f"{path}, {place}")
    elif found != expected:
        yield f"{path}: Redis has {_short(found)}, the journal gives {_short(expected)}"


def _short(value: Any) -> str:
    return "nothing" if value is None else msgspec.json.encode(value)[:200].decode(errors="replace")


def _digest(document: Document) -> str:
    """Of everything a table holds, names in order."""
    return hashlib.sha256(msgspec.json.encode(document, order="sorted")).hexdigest()[:_DIGEST_DIGITS]
