"""Intake by itself: heartbeats of a clock that jumps, and chunks of partitions that were taken away (rulebook 16)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import msgspec
from faust.types import TP

from schemas import inputs
from streams.live.counts import Counts
from streams.live.frames import InputsFrame, decode_frame
from streams.live.intake import Intake
from streams.live.outputs import Outgoing
from streams.live.settings import Settings


class Written:
    """What an intake sent, in order."""

    def __init__(self) -> None:
        self.records: list[Outgoing] = []

    async def send(self, records: Sequence[Outgoing]) -> None:
        """Keep them."""
        self.records += records

    def places(self) -> list[tuple[str, int]]:
        """Source and offset of every input in the journal."""
        frames = [decode_frame(record.value) for record in self.records]
        return [place for frame in frames if isinstance(frame, InputsFrame) for place in frame.places()]


def intake(written: Written) -> Intake:
    """Of one book, with one partition a topic; nothing is behind."""
    settings = Settings.model_validate({"books": ("usd",)})
    return Intake(settings, written, lambda _tp, _offset: False, Counts())  # type: ignore[arg-type]


def records(start: int, count: int) -> list[Any]:
    """Records of a topic as a consumer reads them."""
    values = [inputs.Heartbeat(book="usd", id=f"h{offset}", time_ms=offset) for offset in range(start, start + count)]
    return [
        SimpleNamespace(offset=start + place, value=msgspec.json.encode(value), key=None, headers=(), timestamp=0)
        for place, value in enumerate(values)
    ]


def test_a_clock_that_is_turned_back_beats_no_time_twice() -> None:
    """A heartbeat's number is its place on the grid: turned back, the clock says nothing until it is where it was."""
    written = Written()

    async def run() -> None:
        one = intake(written)
        one.assign({TP(one.topics.commands, 0)})
        for now_ms in (10_000, 10_999, 11_000, 3_000, 4_000, 10_500, 11_500, 12_001):
            await one.beat(now_ms)

    asyncio.run(run())
    assert written.places() == [("clock/0", 10), ("clock/0", 11), ("clock/0", 12)]


def test_only_who_has_the_first_partition_of_commands_beats() -> None:
    """One worker of several."""
    written = Written()

    async def run() -> None:
        one = intake(written)
        one.assign({TP(one.topics.commands, 1), TP(one.topics.trades, 0)})
        await one.beat(10_000)

    asyncio.run(run())
    assert not written.records


def test_a_chunk_from_before_a_rebalance_is_dropped() -> None:
    """Written, it would stand before what comes again, and the fold would take that for seen: inputs would be lost."""
    written, done = Written(), list[int]()

    async def run() -> None:
        one = intake(written)
        place = TP(one.topics.trades, 0)
        one.assign({place})
        beats = TP(one.topics.commands, 0)
        one.assign({beats})
        await one.take(beats, records(50, 10), lambda: done.append(50), lambda: False)  # of the generation before
        await one.take(place, records(0, 10), lambda: done.append(-1))  # of a partition that others have now
        await one.take(beats, records(40, 10), lambda: done.append(40))
        await one.take(beats, records(50, 10), lambda: done.append(51))

    asyncio.run(run())
    assert written.places() == [("commands/0", offset) for offset in range(40, 60)]
    assert done == [40, 51]
