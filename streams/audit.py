"""An audit (RULEBOOK 2a.8, 16.3): a journal in its own order, recorded reports and decisions beside the recomputed.

A dump of version 1 holds what was accepted. A live journal, and its dump, hold what intake took: there an input that
the fold refuses is a dead letter, and what was said twice is dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from schemas.codes import Code, Halt, Refused
from schemas.governed import BookMessage
from schemas.message import Input
from streams.batch import Source
from streams.journal import JournalEntry, read_journal
from streams.logs import LogsError
from streams.present import iso
from streams.reader import Record
from streams.rereading import JournalRun
from streams.under_way import Ended, UnderWay

Where = Callable[[JournalEntry], str]
"""How an entry is named to people."""


def run_journal(run: UnderWay, path: Path) -> None:
    """All entries of a dump. Raises Halt at the first that differs, Ended, and LogsError for what is no journal."""
    if run.settings.swap is not None:
        raise LogsError("a journal is what was decided: what-if needs the topic logs")
    Audit(run, lambda entry: f"entry {entry.entry} of {path.name}", path.name).take_all(read_journal(path))


@dataclass(slots=True)
class Audit:
    """A run over the entries of one journal; `file` is what dead letters name where inputs have no source of theirs.

    `unopened` is what was seen, and refused, before its book was opened.
    """

    run: UnderWay
    where: Where
    file: str = ""
    unopened: dict[str, dict[str, int]] = field(default_factory=dict)

    def take_all(self, entries: Iterable[JournalEntry]) -> None:
        """Entries in their order. Raises Halt at the first that differs, and Ended."""
        for entry in entries:
            if self.run.watch.is_stopped:
                raise Ended("interrupted", "stopped by a signal")
            record, book = entry.record, self._book_of(entry)
            if book is None:
                self._refuse_unopened(entry, record)
            elif entry.live is None or not book.is_repeat(record):
                self._take(book, entry, record)

    def _take(self, book: JournalRun, entry: JournalEntry, record: Record) -> None:
        """One entry that is new."""
        run, seq = self.run, book.book.seq
        if isinstance(entry.value, Input):
            self._see(entry.value, is_ours=entry.live is None and not entry.line)
        run.outputs.at_entry(self._source(entry), entry)
        try:
            if entry.live is not None:
                book.require_next(record)
            book.take(record)
        except Halt as halt:
            raise Halt(f"{self.where(entry)}: {halt}") from halt
        except Refused as refused:
            if entry.live is None:
                raise Halt(f"{self.where(entry)}: {refused}") from refused
            if not book.book.seq:  # an opening that is refused opens nothing
                del run.outputs.venue.books[book.book.name]
                self.unopened[book.book.name] = book.last
            run.outputs.inputs -= 1  # in the journal, and not accepted
            run.refuse(refused)
            return
        if isinstance(entry.value, Input):
            run.outputs.inputs -= book.book.seq == seq  # in the journal, and a repeat by its id
            run.ran.see(entry.value.time_ms)
            if book.refusal is not None:
                run.refuse_accepted(book.refusal)

    def _refuse_unopened(self, entry: JournalEntry, record: Record) -> None:
        """An input for a book that is not open yet; live, the clearing house refuses it."""
        seen = self.unopened.setdefault(entry.value.book, {})
        if entry.live is None or not isinstance(entry.value, Input):
            raise Halt(f"{self.where(entry)} is for a book that is not open")
        if record.number <= seen.get(record.source, -1):
            return
        seen[record.source] = record.number
        self._see(entry.value, is_ours=False)
        outputs = self.run.outputs
        outputs.at_entry(self._source(entry), entry)
        outputs.record(entry.value)
        outputs.inputs -= 1
        self.run.refuse(Refused(Code.UNKNOWN_BOOK, f"no book named {entry.value.book} is open"))

    def _source(self, entry: JournalEntry) -> Source:
        """Where dead letters come from: a line of a log, or a place in a partition."""
        return Source(entry.live.source if entry.live else self.file, entry.line, entry.topic)

    def _see(self, message: Input, *, is_ours: bool) -> None:
        """An input is about to be taken; a heartbeat of ours is no line. Raises Ended for one later than asked for."""
        until_ms = self.run.settings.until_ms
        if until_ms is not None and message.time_ms > until_ms:
            raise Ended("until", f"stopped before the first entry later than {iso(until_ms)}")
        self.run.watch_opening(message)
        self.run.ran.heartbeats += is_ours
        self.run.ran.lines += not is_ours

    def _book_of(self, entry: JournalEntry) -> JournalRun | None:
        """The book of an entry, opened by its first; None while it is not open."""
        books, value = self.run.outputs.venue.books, entry.value
        book = books.get(value.book)
        if book is None and isinstance(value, BookMessage):
            book = books[value.book] = JournalRun(value, self.run.settings.shards, self.run.outputs.sinks())
            book.last.update(self.unopened.get(value.book, {}))
        return book if isinstance(book, JournalRun) else None
