"""An audit (RULEBOOK 2a.8, 16.3): a journal in its own order, recorded reports and decisions beside the recomputed."""

from __future__ import annotations

from pathlib import Path

from schemas.codes import Halt, Refused
from schemas.governed import BookMessage
from schemas.message import Input
from streams.batch import Source
from streams.journal import JournalEntry, read_journal
from streams.logs import LogsError
from streams.present import iso
from streams.reader import Record
from streams.rereading import JournalRun
from streams.under_way import Ended, UnderWay


def run_journal(run: UnderWay, path: Path) -> None:
    """All entries of a dump. Raises Halt at the first that differs, Ended, and LogsError for what is no journal."""
    if run.settings.swap is not None:
        raise LogsError("a journal is what was decided: what-if needs the topic logs")
    for entry in read_journal(path):
        if run.watch.is_stopped:
            raise Ended("interrupted", "stopped by a signal")
        if isinstance(entry.value, Input):
            _see(run, entry.value)
        run.outputs.at_entry(Source(path.name, entry.line, entry.topic), entry.value)
        book = _book_of(run, path, entry)
        try:
            book.take(Record("journal", entry.entry, entry.value))
        except (Refused, Halt) as failed:
            raise Halt(f"entry {entry.entry} of {path.name}: {failed}") from failed
        if isinstance(entry.value, Input) and book.refusal is not None:
            run.refuse_accepted(book.refusal)


def _see(run: UnderWay, message: Input) -> None:
    """An input is about to be taken. Raises Ended where it is later than asked for."""
    until_ms = run.settings.until_ms
    if until_ms is not None and message.time_ms > until_ms:
        raise Ended("until", f"stopped before the first entry later than {iso(until_ms)}")
    run.watch_opening(message)
    run.ran.lines += 1
    run.ran.see(message.time_ms)


def _book_of(run: UnderWay, path: Path, entry: JournalEntry) -> JournalRun:
    """The book of an entry, opened by its first."""
    books, value = run.outputs.venue.books, entry.value
    book = books.get(value.book)
    if book is None and isinstance(value, BookMessage):
        book = books[value.book] = JournalRun(value, run.settings.shards, run.outputs.sinks())
    if not isinstance(book, JournalRun):
        raise Halt(f"entry {entry.entry} of {path.name} is for a book that is not open")
    return book
