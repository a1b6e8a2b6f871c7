"""A replay from the broker: what its journals hold now, as entries for an audit, one book after the other.

What is written is what a replay of the dump that is written here writes again (RULEBOOK 2a.8): books have nothing to do
with each other, so one behind the other they are what they are side by side.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass

from schemas.codes import Halt
from schemas.message import Input
from streams.audit import Audit
from streams.journal import JournalEntry, live_entry
from streams.live.frames import Frame, InputsFrame, decode_frame
from streams.live.journal import Journal
from streams.live.settings import Settings
from streams.live.tables import Transient
from streams.reader import Record
from streams.replay import CannotFeed
from streams.under_way import Ended, UnderWay


class Truncated(CannotFeed):
    """The journal does not reach back to where it is to be read from."""


def records_of(frame: Frame) -> Iterator[Record]:
    """The entries of a frame in their envelopes."""
    if isinstance(frame, InputsFrame):
        for (source, offset), message in zip(frame.places(), frame.messages, strict=True):
            yield Record(source, offset, message)
    else:
        head = frame.head
        for number, entry in enumerate(frame.entries, head.first):
            yield Record(head.source, number, entry, head.shard, head.shards)


async def require_start(journal: Journal, partition: int, book: str) -> int:
    """Where the journal of a book ends now. Raises Truncated where its beginning is gone."""
    first, end = await journal.ends(partition)
    if first:
        raise Truncated(
            f"the journal of {book} begins at {first}, what was before is deleted (journal_retention_ms): a run from "
            f"there would need the state that it begins with"
        )
    return end


@dataclass(slots=True)
class FromKafka:
    """Feeds a run with the journals of some books, up to where each ends when it is come to."""

    settings: Settings
    books: tuple[str, ...]
    offset: int = 0
    topic: str = ""
    partition: int = 0

    def __call__(self, run: UnderWay) -> None:
        """Feed the run. Raises Ended, Halt and CannotFeed."""
        try:
            self._feed(run)
        except Transient as error:
            raise CannotFeed(str(error)) from error

    def _feed(self, run: UnderWay) -> None:
        audit, ended = Audit(run, self._where), None
        with asyncio.Runner() as runner:
            journal = Journal(self.settings)
            runner.run(journal.start())
            self.topic = journal.topic
            try:
                for book in self.books:
                    try:
                        with closing(self._entries(run, journal, runner, book)) as entries:
                            audit.take_all(entries)
                    except Ended as one:
                        if one.end != "until":
                            raise
                        ended = one  # of this book; others may still have earlier inputs
            finally:
                runner.run(journal.stop())
        if ended is not None:
            raise ended

    def _entries(
        self, run: UnderWay, journal: Journal, runner: asyncio.Runner, book: str
    ) -> Generator[JournalEntry, None, None]:
        """The entries of one book."""
        self.partition = self.settings.books.index(book)
        end = runner.run(require_start(journal, self.partition, book))
        yield from self._stretch(run, journal, runner, 0, end)

    def _stretch(
        self, run: UnderWay, journal: Journal, runner: asyncio.Runner, start: int, end: int
    ) -> Generator[JournalEntry, None, None]:
        """The entries of the records from `start` up to `end`."""
        stream = journal.stream(self.partition, start, end)
        try:
            while some := runner.run(_next(stream)):
                for self.offset, value in some:
                    for record in records_of(self._frame(value)):
                        yield live_entry(run.outputs.entries + 1, record)
                    share = self.offset / end
                    run.watch.progress(share, record.body.time_ms if isinstance(record.body, Input) else -1)
        finally:
            runner.run(stream.aclose())

    def _frame(self, value: bytes) -> Frame:
        try:
            return decode_frame(value)
        except Halt as halt:
            raise Halt(f"record {self.offset} of {self.topic}/{self.partition}: {halt}") from halt

    def _where(self, _: JournalEntry) -> str:
        return f"record {self.offset} of {self.topic}/{self.partition}"


async def _next(stream: AsyncGenerator[list[tuple[int, bytes]], None]) -> list[tuple[int, bytes]]:
    return await anext(stream, [])
