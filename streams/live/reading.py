"""A worker's readers, one for each partition of the journal it is assigned, and the steps of a chunk (docs/live.md).

Redis decides where to read from. Reports said while the journal is read again are mostly in it already: until the
end that it had at the assignment, they wait, and those that turn up there are not written a second time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from faust.types import TP
from redis.asyncio import Redis

from schemas.codes import Halt
from streams.live.counts import Counts
from streams.live.desk import Desk
from streams.live.faults import may_die
from streams.live.fold import Fold, Heard
from streams.live.frames import CLOCK, decode_frame
from streams.live.journal import Journal
from streams.live.outlet import Outlet
from streams.live.outputs import Outgoing, outgoing_event, outgoing_frames, outgoing_letter
from streams.live.readers import NotInForce, Role
from streams.live.seats import Hopeless, Seats
from streams.live.settings import Settings
from streams.live.states import accounts_of, fields_of
from streams.live.tables import Transient
from streams.live.topics import Topics
from streams.present import json_line

BREATH_S = 0.05
MERGE_S = 1.0  # of chunks that are written down together while more of the journal waits
log = logging.getLogger("rhodian")


class Reading:
    """All desks of one worker. `halted`: why those that halted take no further step. `is_behind` says whether a
    partition of the journal holds records from a position on.
    """

    def __init__(
        self, settings: Settings, role: Role, redis: Redis, outlet: Outlet, journal: Journal, counts: Counts
    ) -> None:
        self.settings, self.role, self.redis, self.outlet = settings, role, redis, outlet
        self.counts = counts
        self.topics = Topics(settings.prefix)
        self.seats = Seats(settings, role, redis, journal)
        self.desks: dict[int, Desk] = {}
        self.halted: list[str] = []
        self.steps = 0  # of all chunks, for who watches whether anything is done
        self.is_behind: Callable[[int, int], bool] = lambda _partition, _position: False
        self._lock = asyncio.Lock()

    @property
    def chunk(self) -> int:
        """Frames of one chunk: each is a chunk of inputs itself."""
        return 64

    async def positions(self, assigned: set[TP]) -> Mapping[TP, int]:
        """Take over the tables of what was assigned; where each stands."""
        async with self._lock:  # a step under way ends first
            self.desks.clear()
            for tp in sorted(assigned):
                desk = await self.seats.arrive(tp.partition)
                self.desks[tp.partition] = desk
                if desk.halt is not None:
                    await self._halt(desk, desk.halt)
            return {tp: self.desks[tp.partition].position for tp in assigned}

    def place(self, partition: int) -> int | None:
        """Where a partition is read from next; -1: it has no desk yet; None: it is not read."""
        desk = self.desks.get(partition)
        if desk is not None and desk.is_idle:
            return None
        return -1 if desk is None else desk.position

    async def look(self) -> dict[int, int]:
        """Called now and then: desks that a change of P has given work, and where each begins. Raises Hopeless."""
        async with self._lock:
            found, hopeless = dict[int, int](), list[Hopeless]()
            for partition, desk in self.desks.items():
                try:
                    if desk.table.position < desk.position and not desk.is_idle and not self._is_fresh(desk):
                        await self._save(desk, None)  # no chunk came behind those that were to be merged
                    seated = await self.seats.look(desk)
                except Halt as halt:
                    await self._halt(desk, halt)
                except Hopeless as reason:
                    hopeless.append(reason)
                else:
                    if seated is not None:
                        self.desks[partition], found[partition] = seated, seated.position
            if hopeless and len(hopeless) == len(self.desks):
                raise hopeless[0]
            return found

    async def step(self, tp: TP, records: list[Any]) -> bool:
        """One chunk; whether it is done."""
        async with self._lock:
            desk = self.desks.get(tp.partition)
            if desk is None:
                return False  # it was taken away
            try:
                return desk.is_idle or await self._chunk(desk, records)
            except Halt as halt:
                await self._halt(desk, halt)
            except NotInForce as reason:
                await self.seats.leave(desk, reason)
            return False

    async def _chunk(self, desk: Desk, records: list[Any]) -> bool:
        """The order is the contract: whatever stops it in between, the next goes on from the table."""
        # 1. Drop what was seen.
        records = [record for record in records if record.offset >= desk.position]
        if not records or desk.must_skip(records[0].offset):
            return bool(not records)
        if records[0].offset > desk.position:
            raise Transient(f"the journal came from {records[0].offset} on, expected {desk.position}")
        # 2. Apply.
        position = await self._apply(desk, records)
        heard = desk.fold.drain()
        # 3. Publish reports and outputs, and wait for their acknowledgement.
        await self.outlet.send(self._outgoing(desk, heard, position))
        may_die("published")
        desk.position = position
        # 4. One call that writes what changed and moves the position, if nobody else has taken over. Chunks that come
        # while more of the journal waits already are one: the call stands behind the last of them.
        retired = heard.reshard if self.role.index is not None else None
        if retired is None and self.is_behind(desk.partition, position) and self._is_fresh(desk):
            return False
        await self._save(desk, retired)
        may_die("saved")
        # 5. The chunk is acknowledged by who called.
        return True

    async def _save(self, desk: Desk, retired: int | None) -> None:
        """Write the table, unless there is nothing yet, or something is still to be said."""
        if desk.fold.reader is not None and not desk.unsaid:
            fields = fields_of(desk.fold) | ({} if retired is None else {"retired": str(retired).encode()})
            await desk.table.save(desk.position, fields, accounts_of(desk.fold))
            await self.seats.saved(desk, retired)
        desk.saved_at = asyncio.get_running_loop().time()

    def _is_fresh(self, desk: Desk) -> bool:
        return asyncio.get_running_loop().time() < desk.saved_at + MERGE_S

    async def _apply(self, desk: Desk, records: list[Any]) -> int:
        """Fold the records, up to a change of P if this shard ends with it; where to go on."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        for count, record in enumerate(records, 1):
            for _ in _folded(desk.fold, record):
                self.steps += 1
                if loop.time() > started + BREATH_S:
                    await asyncio.sleep(0)  # a signal, or a loss of the partition, is heard in between
                    started = loop.time()
            self.counts.entries.labels(desk.table.name).inc()
            if desk.fold.is_retired:
                return int(record.offset)  # its successors read on in the middle of this frame
            if count == len(records):
                return int(record.offset) + 1
        return desk.position

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
            if position >= desk.end or (heard.reshard is not None and self.role.index is not None):
                said = desk.fold.reader.last.get(desk.fold.reader.source, -1)
                records = [record for record in desk.unsaid if record.number > said]
                desk.unsaid.clear()
                found += outgoing_frames(self.topics, desk.partition, records)
        return found

    async def _halt(self, desk: Desk, halt: Halt) -> None:
        """No further step of this reader: what is wrong does not go away by trying again."""
        desk.halt = halt
        reason = f"{desk.table.name}: {halt}"
        log.critical("halted: %s", reason)
        if reason not in self.halted:
            self.halted.append(reason)
        told = json_line({"type": "reader-halted", "reader": desk.table.name, "reason": str(halt)})
        with suppress(Transient):
            await self.outlet.send([Outgoing(self.topics.status, 0, desk.table.name.encode(), told, [])])


def _folded(fold: Fold, record: Any) -> Iterator[None]:
    """One record into the fold. A defect of ours halts: a fresh start would come to it again, without end."""
    try:
        yield from fold.taken(record.offset, decode_frame(record.value))
    except (Halt, NotInForce, MemoryError):
        raise
    except Exception as error:
        log.exception("a defect, at %s of the journal", record.offset)
        raise Halt(f"a defect, at {record.offset} of the journal: {type(error).__name__}: {error}") from error
