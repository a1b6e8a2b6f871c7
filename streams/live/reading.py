"""A worker's readers, one for each partition of the journal it is assigned, and the steps of a chunk (ARCHITECTURE 3).

Redis decides where to read from. Reports said while the journal is read again are mostly in it already: until the
end that it had at the assignment, they wait, and those that turn up there are not written a second time.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Protocol

from faust.types import TP
from redis.asyncio import Redis

from schemas.codes import Halt
from schemas.message import Input
from streams.live.counts import Counts
from streams.live.fold import Fold, Heard
from streams.live.frames import CLOCK, InputsFrame, decode_frame, encode_entries
from streams.live.outlet import Outlet
from streams.live.outputs import Outgoing, outgoing_event, outgoing_letter
from streams.live.readers import Role
from streams.live.settings import Settings
from streams.live.states import Saved, accounts_of, fields_of, load, stand_of
from streams.live.tables import Table
from streams.live.topics import Topics
from streams.reader import Record

ENTRIES_MAX = 500  # of one frame
BREATH_S = 0.05


class Journal(Protocol):
    """The journal as it is read beside the chunks."""

    async def ends(self, partition: int) -> tuple[int, int]:
        """The first offset that there is, and the one after the last."""
        ...

    async def frames(self, partition: int, start: int, stop: int) -> list[bytes]:
        """The records from `start` up to `stop`."""
        ...


@dataclass(slots=True)
class Desk:
    """One reader at work on one partition: `end` is where the journal ended when it was assigned."""

    partition: int
    fold: Fold
    table: Table
    end: int
    position: int = 0
    unsaid: deque[Record] = field(default_factory=deque)


class Reading:
    """All desks of one worker."""

    def __init__(
        self, settings: Settings, role: Role, redis: Redis, outlet: Outlet, journal: Journal, counts: Counts
    ) -> None:
        self.settings, self.role, self.redis, self.outlet, self.journal = settings, role, redis, outlet, journal
        self.counts = counts
        self.topics = Topics(settings.prefix)
        self.desks: dict[int, Desk] = {}
        self.writer = f"{socket.gethostname()}/{os.getpid()}"

    @property
    def chunk(self) -> int:
        """Frames of one chunk: each is a chunk of inputs itself."""
        return 64

    async def positions(self, assigned: set[TP]) -> Mapping[TP, int]:
        """Take over the tables of what was assigned; where each stands."""
        self.desks.clear()
        for tp in sorted(assigned):
            self.desks[tp.partition] = await self._sit_down(tp.partition)
        return {tp: self.desks[tp.partition].position for tp in assigned}

    async def _sit_down(self, partition: int) -> Desk:
        book = self.settings.books[partition]
        table = Table(self.redis, f"{self.settings.prefix}:{book}:{self.role.source}", self.writer)
        saved = await table.claim()
        first, end = await self.journal.ends(partition)
        if table.position > end:
            raise Halt(f"table {table.name} stands at {table.position}, but the journal of {book} ends at {end}")
        start = stand_of(saved).seen.start if saved else 0
        if start < first:
            raise Halt(
                f"the journal of {book} begins at {first}, and {table.name} needs it from {start}: restore a snapshot "
                f"or an older Redis dump, and keep the journal longer (journal_retention_ms)"
            )
        fold = await self._fold(partition, saved, table.position, end)
        return Desk(partition, fold, table, end, table.position)

    async def _fold(self, partition: int, saved: Saved | None, position: int, end: int) -> Fold:
        if saved is None:
            return Fold(self.role.opens, refuses=self.role.refuses)
        stand = stand_of(saved)
        values = await self.journal.frames(partition, stand.seen.start, min(position + 1, end))
        frames = [frame for frame in map(decode_frame, values) if isinstance(frame, InputsFrame)]
        return Fold(self.role.opens, load(saved, frames), stand.seen, refuses=self.role.refuses)

    async def step(self, tp: TP, records: list[Any]) -> None:
        """One chunk. The order is the contract: whatever stops it in between, the next goes on from the table."""
        desk = self.desks[tp.partition]
        # 1. Drop what was seen.
        records = [record for record in records if record.offset >= desk.position]
        if not records:
            return
        # 2. Apply.
        loop = asyncio.get_running_loop()
        started = loop.time()
        for record in records:
            for _ in desk.fold.taken(record.offset, decode_frame(record.value)):
                if loop.time() > started + BREATH_S:
                    await asyncio.sleep(0)  # a signal, or a loss of the partition, is heard in between
                    started = loop.time()
        position = records[-1].offset + 1
        self.counts.entries.labels(desk.table.name).inc(len(records))
        # 3. Publish reports and outputs, and wait for their acknowledgement.
        await self.outlet.send(self._outgoing(desk, desk.fold.drain(), position))
        # 4. One call that writes what changed and moves the position, if nobody else has taken over.
        if desk.fold.reader is not None and not desk.unsaid:
            await desk.table.save(position, fields_of(desk.fold), accounts_of(desk.fold))
        desk.position = position
        # 5. The chunk is acknowledged by who called.

    def _outgoing(self, desk: Desk, heard: Heard, position: int) -> list[Outgoing]:
        """Everything that was said, as records."""
        desk.unsaid.extend(heard.records)
        letters = [letter for letter in heard.letters if letter.raw.source != CLOCK]  # our own heartbeats, too late
        found = [outgoing_letter(self.topics, letter.raw, letter.refused) for letter in letters]
        for letter in letters:
            self.counts.refused.labels(letter.refused.code.name).inc()
        if desk.fold.reader is not None:
            book = desk.fold.reader.book
            found += [outgoing_event(self.topics, desk.partition, event, book) for event in heard.events]
            if position >= desk.end:
                said = desk.fold.reader.last.get(desk.fold.reader.source, -1)
                records = [record for record in desk.unsaid if record.number > said]
                desk.unsaid.clear()
                found += [self._frame(desk.partition, some) for some in _runs(records)]
        return found

    def _frame(self, partition: int, records: list[Record]) -> Outgoing:
        one = records[0]
        entries = [record.body for record in records if not isinstance(record.body, Input)]
        value = encode_entries(one.source, one.number, one.shard, one.shards, entries)
        return Outgoing(self.topics.journal, partition, None, value, [])


def _runs(records: list[Record]) -> list[list[Record]]:
    """Records in frames: consecutive numbers, not too many."""
    groups = groupby(enumerate(records), key=lambda pair: (pair[1].number - pair[0], pair[0] // ENTRIES_MAX))
    return [[record for _, record in group] for _, group in groups]
