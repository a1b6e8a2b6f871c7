"""Intake: what producers wrote, checked, in order of event time, into the journal of its book (ARCHITECTURE 1).

It is stateless: it knows no instrument, may repeat, and any number of workers share the partitions. What is no input is
refused here, into the dead letters; what only the book can judge is refused by the fold.

Order. Each partition keeps its own. Among the partitions of this worker the earliest event time goes first, and one
that has more to read but nothing here yet holds the others back, for HOLD_S at most: so a backlog is taken in the order
of its times, whatever the sizes of the topics, and at the head nothing waits. Between workers the broker's order rules.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heapify, heappop, heapreplace
from typing import Any

import msgspec
from faust.types import TP

from schemas.codes import Code, Refused
from schemas.decode import decode_chunk
from schemas.inputs import TOPICS, Heartbeat
from schemas.message import Input
from streams.live.barriers import Barriers
from streams.live.counts import Counts
from streams.live.frames import CLOCK, Raw, encode_inputs
from streams.live.outlet import Outlet
from streams.live.outputs import Outgoing, outgoing_letter
from streams.live.settings import Settings
from streams.live.topics import Topics

HOLD_S = 1.0
TICK_S = 0.1
FIRST_HOLD_S = 10.0  # for the first answer about a partition; then it is known whether there is anything to wait for
LINES_MAX, BYTES_MAX = 4_000, 1 << 20  # of one frame
_RANK = {topic: rank for rank, topic in enumerate(TOPICS)}


@dataclass(slots=True)
class Chunk:
    """A chunk under way: `raws` and `messages` of its good lines, `at` the next to go; `done` acknowledges it."""

    raws: list[Raw]
    messages: list[Input]
    end: int
    done: Callable[[], None]
    at: int = 0


@dataclass(slots=True)
class Lane:
    """A partition: its chunks in order, and the latest event time that went."""

    rank: int
    chunks: deque[Chunk] = field(default_factory=deque)
    latest_ms: int = 0
    waits_since: float | None = None


class Intake:
    """All partitions of one worker. `behind` says whether a partition has records from an offset on, None: not known."""

    def __init__(
        self, settings: Settings, outlet: Outlet, behind: Callable[[TP, int], bool | None], counts: Counts
    ) -> None:
        self.settings, self.outlet, self.behind, self.counts = settings, outlet, behind, counts
        self.beaten_ms = 0
        self.topics = Topics(settings.prefix)
        self.partition_of = {book: place for place, book in enumerate(settings.books)}
        self.topic_of = dict(zip(self.topics.inputs, TOPICS, strict=True))
        self.lanes: dict[TP, Lane] = {}
        self.next: dict[TP, int] = {}
        self.barriers = Barriers()
        self._lock = asyncio.Lock()

    def assign(self, assigned: set[TP]) -> None:
        """A new assignment: what was under way and is not acknowledged comes again, to whom it belongs."""
        self.lanes = {tp: Lane(_RANK[self.topic_of[tp.topic]]) for tp in sorted(assigned)}
        self.next = {}
        self.barriers = Barriers()

    async def take(self, tp: TP, records: list[Any], done: Callable[[], None]) -> None:
        """A chunk of one partition; `done` is called once all of it is in the journal or refused."""
        async with self._lock:
            lane = self.lanes.get(tp)
            if lane is None:
                return
            chunk, letters = self._decode(tp, records, done)
            self.counts.inputs.labels(self.topic_of[tp.topic]).inc(len(records))
            await self.outlet.send(letters)
            lane.chunks.append(chunk)
            self.next[tp] = chunk.end
            await self._forward()

    async def go_on(self) -> None:
        """Called now and then: what waited long enough for other partitions goes."""
        async with self._lock:
            await self._forward()

    async def beat(self, now_ms: int) -> None:
        """A heartbeat of each book, on a grid of the wall clock: the worker that has the first partition of commands
        writes it. Its number is its place on the grid, so what two workers or a clock turned back write again is
        dropped.
        """
        grid = self.settings.heartbeat_ms
        if not grid or TP(self.topics.commands, 0) not in self.lanes or now_ms // grid <= self.beaten_ms:
            return
        self.beaten_ms = now_ms // grid
        found = []
        for book, partition in self.partition_of.items():
            beat = Heartbeat(book=book, id=f"clock/{self.beaten_ms * grid}", time_ms=self.beaten_ms * grid)
            raw = Raw(CLOCK, self.beaten_ms, msgspec.json.encode(beat))
            found.append(Outgoing(self.topics.journal, partition, None, encode_inputs([raw]), []))
        async with self._lock:
            await self.outlet.send(found)

    def _decode(self, tp: TP, records: list[Any], done: Callable[[], None]) -> tuple[Chunk, list[Outgoing]]:
        topic, end = self.topic_of[tp.topic], records[-1].offset + 1
        records = self.barriers.without(tp, records)
        values = [record.value or b"" for record in records]
        raws, messages, letters = list[Raw](), list[Input](), list[Outgoing]()
        for record, value, outcome in zip(records, values, decode_chunk(values, topic), strict=True):
            raw = Raw(f"{topic}/{tp.partition}", record.offset, value, record.key, tuple(record.headers))
            if not isinstance(outcome, Refused) and outcome.book not in self.partition_of:
                outcome = Refused(Code.UNKNOWN_BOOK, f"no book named {outcome.book} is kept here")
            if isinstance(outcome, Refused):
                self.counts.refused.labels(outcome.code.name).inc()
                letters.append(outgoing_letter(self.topics, raw, outcome))
            else:
                raws.append(raw)
                messages.append(outcome)
        return Chunk(raws, messages, end, done), letters

    async def _forward(self) -> None:
        """Write what may go, in order, then acknowledge the chunks that are through."""
        ready = self._ready()
        for start in range(0, len(ready), LINES_MAX):
            await self.outlet.send(self._frames(ready[start : start + LINES_MAX]))
        for lane in self.lanes.values():
            while lane.chunks and lane.chunks[0].at == len(lane.chunks[0].raws):
                lane.chunks.popleft().done()

    def _ready(self) -> list[tuple[str, Raw]]:
        """(book, raw) of what may go now: by running maximum of time in its partition, then rank of its topic."""
        if self._must_hold():
            return []
        heap = [entry for tp, lane in self.lanes.items() if (entry := self._head(tp, lane))]
        heapify(heap)
        found: list[tuple[str, Raw]] = []
        while heap:
            _, _, tp = heap[0]
            lane = self.lanes[tp]
            chunk = next(one for one in lane.chunks if one.at < len(one.raws))
            found.append((chunk.messages[chunk.at].book, chunk.raws[chunk.at]))
            chunk.at += 1
            entry = self._head(tp, lane)
            if entry:
                heapreplace(heap, entry)
            else:
                heappop(heap)
                if self.behind(tp, self.next[tp]):
                    break
        return found

    def _must_hold(self) -> bool:
        """Whether a partition that has more to read has nothing here, and the others have not waited for it long."""
        now = asyncio.get_running_loop().time()
        if self.barriers.last:
            return self.barriers.must_hold(self.lanes, now)
        hold = False
        for tp, lane in self.lanes.items():
            has_some = any(one.at < len(one.raws) for one in lane.chunks)
            behind = self.behind(tp, self.next.get(tp, 0))
            if has_some or behind is False:
                lane.waits_since = None
            else:
                lane.waits_since = lane.waits_since or now
                hold |= now - lane.waits_since < (HOLD_S if behind else FIRST_HOLD_S)
        return hold

    def _head(self, tp: TP, lane: Lane) -> tuple[int, int, TP] | None:
        """The key of the next line of a partition."""
        chunk = next((one for one in lane.chunks if one.at < len(one.raws)), None)
        if chunk is None:
            return None
        lane.latest_ms = max(lane.latest_ms, chunk.messages[chunk.at].time_ms)
        return lane.latest_ms, lane.rank, tp

    def _frames(self, ready: list[tuple[str, Raw]]) -> list[Outgoing]:
        """Frames of one book each, in order."""
        found: list[Outgoing] = []
        for book, partition in self.partition_of.items():
            some, size = list[Raw](), 0
            for owner, raw in ready:
                if owner != book:
                    continue
                if some and size + len(raw.value) > BYTES_MAX:
                    found.append(Outgoing(self.topics.journal, partition, None, encode_inputs(some), []))
                    some, size = [], 0
                some.append(raw)
                size += len(raw.value)
            if some:
                found.append(Outgoing(self.topics.journal, partition, None, encode_inputs(some), []))
        return found
