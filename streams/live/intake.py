"""Intake: what producers wrote, checked, in order of event time, into the journal of its book (docs/live.md).

It is stateless: it knows no instrument, may repeat, and any number of workers share the partitions. What is no input is
refused here, into the dead letters; what only the book can judge is refused by the fold.

Order. Each partition keeps its own. Among the partitions of this worker the earliest event time goes first, and one
that has more to read but nothing here yet holds the others back, for HOLD_S at most: so a backlog is taken in the order
of its times, whatever the sizes of the topics, and at the head nothing waits. Between workers the broker's order rules.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from itertools import compress
from operator import attrgetter
from typing import Any

import msgspec
from faust.types import TP

from schemas.codes import Code, Refused
from schemas.decode import decode_chunk
from schemas.inputs import RANK_OF, TOPICS, AnyInput, Heartbeat
from streams.live.barriers import Barriers
from streams.live.counts import Counts
from streams.live.faults import may_die
from streams.live.frames import CLOCK, Lines, Raw, encode_inputs, encode_lines
from streams.live.lanes import Lane, ready
from streams.live.outlet import Outlet
from streams.live.outputs import Outgoing, outgoing_letter
from streams.live.settings import Settings
from streams.live.topics import Topics

HOLD_S = 10.0  # for a partition that has more, or about which nothing is known yet; it comes unless its leader is away
LANE_MAX = 50_000  # lines of a partition that wait for others; beyond it no more of it is fetched
TICK_S = 0.1
LINES_MAX, BYTES_MAX = 4_000, 1 << 20  # of one frame
PART_MAX = 500  # lines that stay together in a frame
_BOOK, _TIME = attrgetter("book"), attrgetter("time_ms")


class Intake:
    """All partitions of one worker. `behind` says if a partition has records from an offset on; None: not known."""

    def __init__(
        self, settings: Settings, outlet: Outlet, behind: Callable[[TP, int], bool | None], counts: Counts
    ) -> None:
        self.settings, self.outlet, self.behind, self.counts = settings, outlet, behind, counts
        self.beaten_ms = 0
        self.topics = Topics(settings.prefix)
        self.partition_of = {book: place for place, book in enumerate(settings.books)}
        self.topic_of = dict(zip(self.topics.inputs, TOPICS, strict=True))
        self.lanes: dict[TP, Lane] = {}
        self.barriers = Barriers()
        self._lock = asyncio.Lock()

    def assign(self, assigned: set[TP]) -> None:
        """A new assignment: what was under way and is not acknowledged comes again, to whom it belongs."""
        self.lanes = {tp: Lane((RANK_OF[self.topic_of[tp.topic]], tp.partition)) for tp in sorted(assigned)}
        self.barriers = Barriers()

    async def take(
        self, tp: TP, records: list[Any], done: Callable[[], None], is_ours: Callable[[], bool] = lambda: True
    ) -> None:
        """A chunk of one partition; `done` is called once all of it is in the journal or refused.

        Dropped when it is not ours any more: the partition is read again from what was acknowledged, and a later chunk
        that went ahead of that would have the fold take the earlier one for seen.
        """
        async with self._lock:
            lane = self.lanes.get(tp)
            if lane is None or not is_ours():
                return
            self.counts.inputs.labels(self.topic_of[tp.topic]).inc(len(records))
            await self.outlet.send(self._add(lane, tp, records, done))
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

    def _add(self, lane: Lane, tp: TP, records: list[Any], done: Callable[[], None]) -> list[Outgoing]:
        """The good lines of a chunk into its lane; the letters about the others."""
        lane.next = records[-1].offset + 1
        topic, records = self.topic_of[tp.topic], self.barriers.without(tp, records)
        outcomes = decode_chunk([record.value or b"" for record in records], topic)
        mask = [not isinstance(one, Refused) and one.book in self.partition_of for one in outcomes]
        lines, letters = _lines(f"{topic}/{tp.partition}", records), list[Outgoing]()
        if not all(mask):
            letters = [
                self._letter(lines, place, one)
                for place, (one, is_good) in enumerate(zip(outcomes, mask, strict=True))
                if not is_good
            ]
            lines, outcomes = lines.only(mask), list(compress(outcomes, mask))
        books, times = list(map(_BOOK, outcomes)), list(map(_TIME, outcomes))
        lane.add(lines, books, times, done)
        return letters

    def _letter(self, lines: Lines, place: int, outcome: AnyInput | Refused) -> Outgoing:
        """What is said of a line that goes no further."""
        if not isinstance(outcome, Refused):
            outcome = Refused(Code.UNKNOWN_BOOK, f"no book named {outcome.book} is kept here")
        self.counts.refused.labels(outcome.code.name).inc()
        return outgoing_letter(self.topics, lines.raw(place), outcome)

    async def _forward(self) -> None:
        """Write what may go, in order, then acknowledge the chunks that are through."""
        if self._must_hold():
            return
        behind = {lane.rank: tp for tp, lane in self.lanes.items()}
        stretches = ready(self.lanes.values(), lambda lane: not self.behind(behind[lane.rank], lane.next))
        for book, partition in self.partition_of.items():
            for frame in _frames([chunk.of(book, start, stop) for chunk, start, stop in stretches]):
                await self.outlet.send([Outgoing(self.topics.journal, partition, None, frame, [])])
                may_die("written")
        for lane in self.lanes.values():
            lane.acknowledge()

    def _must_hold(self) -> bool:
        """Whether a partition that has more to read has nothing here, and the others have not waited for it long."""
        now = asyncio.get_running_loop().time()
        if self.barriers.last:
            return self.barriers.must_hold(self.lanes, now)
        hold = False
        for tp, lane in self.lanes.items():
            if lane.head is not None or self.behind(tp, lane.next) is False:
                lane.waits_since = None
            else:
                lane.waits_since = lane.waits_since or now
                hold |= now - lane.waits_since < HOLD_S
        return hold

    def full(self) -> set[TP]:
        """Partitions of which enough waits here: fetching goes on with the others, which they wait for."""
        return {tp for tp, lane in self.lanes.items() if lane.waiting > LANE_MAX}


def _lines(source: str, records: list[Any]) -> Lines:
    """Records of one partition as columns."""
    keys, headers = [record.key for record in records], [tuple(record.headers) for record in records]
    values = [record.value or b"" for record in records]
    return Lines(source, [record.offset for record in records], values, keys, headers)


def _frames(parts: list[Lines]) -> Iterator[bytes]:
    """Frames of bounded size, in order."""
    some, count, size = list[Lines](), 0, 0
    for part in parts:
        for start in range(0, len(part.values), PART_MAX):
            piece = part[start : start + PART_MAX]
            length = sum(map(len, piece.values))
            if some and (count + len(piece.values) > LINES_MAX or size + length > BYTES_MAX):
                yield encode_lines(some)
                some, count, size = [], 0, 0
            some.append(piece)
            count, size = count + len(piece.values), size + length
    if some:
        yield encode_lines(some)
