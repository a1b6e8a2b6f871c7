"""An audit (RULEBOOK 2a.8, 16.3): a journal in its own order, recorded reports and decisions beside the recomputed.

A dump of version 1 holds what was accepted. A live journal, and its dump, hold what intake took: there an input that
the fold refuses is a dead letter, and what was said twice is dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
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

STRETCH = 8192  # inputs looked at for a run at once
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
        for some in _stretches(entries):
            self._require_going()
            book = self._book_of(some[0])
            if book is not None:
                self._take_new(book, _new(book, some))
                continue
            for entry in some:
                self._refuse_unopened(entry, entry.record)

    def _require_going(self) -> None:
        if self.run.watch.is_stopped:
            raise Ended("interrupted", "stopped by a signal")

    def _take_new(self, book: JournalRun, some: list[JournalEntry]) -> None:
        """A stretch of one book without repeats; what is due between two inputs is done before one that goes singly."""
        messages, done = [entry.value for entry in some if isinstance(entry.value, Input)], 0
        while done < len(some):
            if messages:
                done = self._take_runs(book, some, messages[: done + self._free(messages[done:])], done)
            if done < len(some):
                self._take(book, some[done], some[done].record)
                done += 1

    def _take_runs(self, book: JournalRun, some: list[JournalEntry], messages: list[Input], done: int) -> int:
        """The inputs up to the end of `messages`, quiet ones at once; where to go on."""
        while done < len(messages):
            self._require_going()
            fed = book.pacing.advance(messages, done)
            if fed:
                self._note(book, some[done : done + fed])
            else:
                self._take(book, some[done], some[done].record)
            done += fed or 1
        return done

    def _free(self, messages: list[Input]) -> int:
        """How many inputs of one book come before a snapshot is due, or the end that was asked for."""
        free, until_ms = self.run.free_of_snapshots(messages), self.run.settings.until_ms
        if until_ms is None:
            return free
        return next((place for place, one in enumerate(messages[:free]) if one.time_ms > until_ms), free)

    def _note(self, book: JournalRun, fed: list[JournalEntry]) -> None:
        """Inputs that went in a run: accepted, and nothing was said."""
        ran, outputs = self.run.ran, self.run.outputs
        for entry in fed:
            outputs.at_entry(self._source(entry), entry)
            book.note(entry.record)
        ours = sum(entry.live is None and not entry.line for entry in fed)
        ran.heartbeats, ran.lines = ran.heartbeats + ours, ran.lines + len(fed) - ours
        times = [entry.value.time_ms for entry in fed if isinstance(entry.value, Input)]
        ran.see(min(times))
        ran.see(max(times))

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


def _stretches(entries: Iterable[JournalEntry]) -> Iterator[list[JournalEntry]]:
    """Inputs that follow one another in one book, up to STRETCH together; anything else by itself."""
    some: list[JournalEntry] = []
    try:
        for entry in entries:
            joins = isinstance(entry.value, Input) and not isinstance(entry.value, BookMessage)
            if some and (not joins or len(some) == STRETCH or entry.value.book != some[0].value.book):
                yield some
                some = []
            if joins:
                some.append(entry)
            else:
                yield [entry]
    except Exception:  # of the source: what came before it counts
        if some:
            yield some
        raise
    if some:
        yield some


def _new(book: JournalRun, some: list[JournalEntry]) -> list[JournalEntry]:
    """Without what was taken before: live, a writer may say a thing twice."""
    last, new = dict(book.last), list[JournalEntry]()
    for entry in some:
        record = entry.record
        if entry.live is None or record.number > last.get(record.source, -1):
            last[record.source] = record.number
            new.append(entry)
    return new
