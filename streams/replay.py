"""Replay of files (RULEBOOK 2a.8, 16.2): a fresh run of topic logs in merged order, or a journal in its own.

`replay` writes all outputs whatever ends the run, and answers with the summary; how it ended stands in it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from operator import attrgetter
from pathlib import Path

import numpy as np

from schemas.codes import Code, Halt, Refused
from schemas.governed import BookMessage
from schemas.inputs import AnyInput, Price, Trade
from schemas.message import Input
from streams.balances import Account, accounts_of
from streams.batch import Batch, Source
from streams.driver import Venue
from streams.journal import find_journal, read_journal
from streams.logs import SUFFIXES, Log, LogsError, find_logs
from streams.merge import merge_logs
from streams.outputs import Outputs
from streams.present import Fields, iso
from streams.reader import Record
from streams.rereading import JournalRun
from streams.summary import Ran, snapshot, summarize

HEARTBEAT_MS = 60_000
PROGRESS_LINES = 64
STRETCH = 8192  # lines looked at for a run at once
_BOOK = attrgetter("book")
Swap = Callable[[AnyInput], AnyInput]


@dataclass(frozen=True, slots=True)
class Settings:
    """What to run. `swap` is given every message and answers the one that stands in its place (what-if)."""

    source: Path
    out: Path
    shards: int = 1
    until_ms: int | None = None
    strict: bool = False
    heartbeat_ms: int = HEARTBEAT_MS
    swap: Swap | None = None


@dataclass(slots=True)
class Watch:
    """The world around a run: `is_stopped` once somebody asked it to end, `progress` is told (share done, time)."""

    is_stopped: bool = False
    progress: Callable[[float, int], None] = field(default=lambda _share, _time_ms: None)


def _stops(messages: list[AnyInput | Refused], end: int) -> Iterator[int]:
    """Where stretches of one book end: where the book changes, around refusals, and every STRETCH lines."""
    try:
        books = list(map(_BOOK, messages[:end]))
    except AttributeError:  # a refusal among them
        books = [getattr(message, "book", place) for place, message in enumerate(messages[:end])]
    last = 0
    for place in [place for place, (one, other) in enumerate(pairwise(books), 1) if one != other] + [end]:
        yield from range(last + STRETCH, place, STRETCH)
        yield place
        last = place


class _Ended(Exception):
    """The run ends here, before the end of its input."""

    def __init__(self, end: str, reason: str) -> None:
        super().__init__(reason)
        self.end, self.reason = end, reason


def find_source(path: Path) -> list[Log] | Path:
    """The topic logs of a directory, else its journal dump, or the dump itself. Raises LogsError."""
    if path.is_dir():
        journal = find_journal(path)
        has_topics = any(path.glob("*.jsonl*")) and _has_logs(path)
        return find_logs(path) if has_topics or journal is None else journal
    if path.is_file() and path.name in {f"journal{suffix}" for suffix in SUFFIXES}:
        return path
    if path.exists():
        raise LogsError(f"expected a directory of logs or a journal.jsonl, found {path}")
    raise LogsError(f"no such directory: {path}")


def _has_logs(path: Path) -> bool:
    try:
        return bool(find_logs(path))
    except LogsError:
        return False


def replay(settings: Settings, watch: Watch | None = None) -> Fields:
    """Run and write everything. Raises LogsError for input that cannot be read, OSError for output."""
    source = find_source(settings.source)
    if settings.out.exists() and settings.out.resolve() == settings.source.resolve():
        raise LogsError(f"--out is where the logs are: {settings.out}")
    with Outputs(settings.out) as outputs:
        outputs.venue = Venue(settings.shards, outputs.sinks())
        run = _Run(settings, watch or Watch(), outputs, Ran(settings.shards))
        started = time.perf_counter()
        try:
            if isinstance(source, Path):
                run.journal(source)
            else:
                run.fresh(source)
        except _Ended as ended:
            run.ran.end, run.ran.reason = ended.end, ended.reason
        except Halt as halt:
            run.ran.end, run.ran.reason = "halted", str(halt)
        outputs.flush()
        run.ran.elapsed_s = time.perf_counter() - started
        return run.finish()


@dataclass(slots=True)
class _Run:
    """One run under way. `traded` are books with a trade, `openings` their snapshots before the market moves."""

    settings: Settings
    watch: Watch
    outputs: Outputs
    ran: Ran
    traded: set[str] = field(default_factory=set)
    openings: dict[str, Fields] = field(default_factory=dict)

    def fresh(self, logs: list[Log]) -> None:
        """All lines of some logs, in merged order."""
        size = sum(log.size_bytes for log in logs) or 1
        done = 0.0
        for batch in merge_logs(logs, self.settings.heartbeat_ms):
            share = sum(log.done_bytes for log in logs) / size
            self._batch(batch, done, share)
            done = share

    def journal(self, path: Path) -> None:
        """A journal dump in its own order, recorded reports and decisions compared with recomputed ones."""
        if self.settings.swap is not None:
            raise LogsError("a journal is what was decided: what-if needs the topic logs")
        for entry in read_journal(path):
            value, outputs = entry.value, self.outputs
            if self.watch.is_stopped:
                raise _Ended("interrupted", "stopped by a signal")
            if isinstance(value, Input):
                self._until(value.time_ms)
                self._watch_opening(value)
                self.ran.lines += 1
                self.ran.see(value.time_ms)
            outputs.at_entry(Source(path.name, entry.line, entry.topic), value)
            run = outputs.venue.books.get(value.book)
            if run is None and isinstance(value, BookMessage):
                run = outputs.venue.books[value.book] = JournalRun(value, self.settings.shards, outputs.sinks())
            if not isinstance(run, JournalRun):
                raise Halt(f"entry {entry.entry} of {path.name} is for a book that is not open")
            try:
                run.take(Record("journal", entry.entry, value))
            except (Refused, Halt) as failed:
                raise Halt(f"entry {entry.entry} of {path.name}: {failed}") from failed
            if isinstance(value, Input) and run.refusal is not None:
                self._refuse(Refused(Code(run.refusal.code), run.refusal.reason), is_accepted=True)

    def _until(self, time_ms: int) -> None:
        until_ms = self.settings.until_ms
        if until_ms is not None and time_ms > until_ms:
            raise _Ended("until", f"stopped before the first entry later than {iso(until_ms)}")

    def _batch(self, batch: Batch, done: float, share: float) -> None:
        """One batch; progress goes from `done` to `share`."""
        until_ms, count, told = self.settings.until_ms, len(batch.messages), 0
        if self.settings.swap is not None:
            swap = self.settings.swap
            batch.messages = [one if isinstance(one, Refused) else swap(one) for one in batch.messages]
        end = count if until_ms is None else int(np.searchsorted(batch.times_ms, until_ms, "right"))

        def is_over(position: int) -> bool:
            nonlocal told
            if told <= position < count:
                told = position + PROGRESS_LINES
                self.watch.progress(done + (share - done) * position / count, int(batch.times_ms[position]))
            return self.watch.is_stopped

        position = 0
        for stop in _stops(batch.messages, end):
            while position < stop:
                some = self._stretch(batch.messages[position:stop])
                fed = self._run(batch, position, some, is_over) if some else 1
                if not fed or (not some and is_over(position)):
                    raise _Ended("interrupted", "stopped by a signal")
                if not some:
                    self.outputs.at(batch, position)
                    self._line(batch.messages[position], is_ours=bool(batch.part[position] < 0))
                position += fed
        if end < count and until_ms is not None:
            raise _Ended("until", f"stopped before the first line later than {iso(until_ms)}")

    def _stretch(self, some: list[AnyInput | Refused]) -> list[Input]:
        """Those of some lines of one open book that can be fed in a run: no snapshot is due before or among them."""
        inputs: list[Input] = [one for one in some if isinstance(one, Input)]
        if len(inputs) < len(some) or self.settings.strict or inputs[0].book not in self.outputs.venue.books:
            return []
        if inputs[0].book not in self.openings:
            kind = Price if inputs[0].book in self.traded else Trade
            inputs = inputs[: next((place for place, one in enumerate(inputs) if type(one) is kind), len(inputs))]
        return inputs

    def _run(self, batch: Batch, start: int, some: list[Input], is_over: Callable[[int], bool]) -> int:
        """Feed a stretch; how much of it was fed."""
        outputs, run = self.outputs, self.outputs.venue.books[some[0].book]
        count, outcomes = run.feed_run(
            some, lambda place: outputs.at(batch, start + place), lambda place: is_over(start + place)
        )
        ours = int((batch.part[start : start + count] < 0).sum())
        self.ran.heartbeats += ours
        self.ran.lines += count - ours
        wrong = {place for place, outcome in outcomes if isinstance(outcome, Refused)}
        times = [one.time_ms for place, one in enumerate(some[:count]) if place not in wrong]
        for time_ms in (min(times), max(times)) if times else ():
            self.ran.see(time_ms)
        for place, outcome in outcomes:
            outputs.at(batch, start + place)
            if isinstance(outcome, Refused):
                self._refuse(outcome)
            else:
                self._refuse(Refused(Code(outcome.code), outcome.reason), is_accepted=True)
        return count

    def _line(self, message: AnyInput | Refused, *, is_ours: bool) -> None:
        """Feed one line; a refusal goes to the dead letters."""
        self.ran.heartbeats += is_ours
        self.ran.lines += not is_ours
        if isinstance(message, Refused):
            self._refuse(message)
            return
        self._watch_opening(message)
        try:
            refusal = self.outputs.venue.feed(message)
        except Refused as refused:
            self._refuse(refused)
            return
        self.ran.see(message.time_ms)
        if refusal is not None:
            self._refuse(Refused(Code(refusal.code), refusal.reason), is_accepted=True)

    def _refuse(self, refused: Refused, *, is_accepted: bool = False) -> None:
        """Into the dead letters. What the account refused was accepted into the journal all the same."""
        self.ran.refused += not is_accepted
        self.outputs.refuse(refused)
        if self.settings.strict:
            source = self.outputs.source()
            raise _Ended("strict", f"{source.file}, line {source.line}: {refused}")

    def _watch_opening(self, message: Input) -> None:
        """Before the first price after the first trade of a book: its state before the market moves."""
        if isinstance(message, Trade):
            self.traded.add(message.book)
        elif isinstance(message, Price) and message.book in self.traded and message.book not in self.openings:
            run = self.outputs.venue.books.get(message.book)
            if run is not None:
                self.openings[message.book] = snapshot(run)

    def finish(self) -> Fields:
        """The files that are written at the end, and the summary."""
        outputs = self.outputs
        books: dict[str, list[Account]] = {name: accounts_of(run) for name, run in outputs.venue.books.items()}
        outputs.write_accounts(books)
        outputs.write_funds()
        summary = summarize(self.ran, outputs, self.openings, books)
        outputs.write_summary(summary)
        return summary
