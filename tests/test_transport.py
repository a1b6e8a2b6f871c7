"""Chunk transport by itself: what was fetched around a seek is delivered once, in order, and without a hole."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from faust.types import TP

from streams.live.transport import ChunkConsumer

PLACE = TP("trades", 0)


class Seeks:
    """Stands for the thread of the client: what was sought."""

    def __init__(self) -> None:
        self.sought: list[dict[TP, int]] = []

    async def seek_wait(self, positions: Mapping[TP, int]) -> None:
        """Note it."""
        self.sought.append(dict(positions))


def consumer() -> Any:
    """One that is connected to nothing."""
    made = ChunkConsumer.__new__(ChunkConsumer)
    made._next, made._gaps, made._thread = {}, {}, Seeks()  # type: ignore[assignment]
    return made


def fetched(*offsets: int) -> list[Any]:
    """Records that a fetch brought."""
    return [SimpleNamespace(offset=offset) for offset in offsets]


def delivered(made: Any, *offsets: int) -> list[int]:
    """The offsets of what goes on."""
    return [record.offset for record in asyncio.run(made._from_next(PLACE, fetched(*offsets)))]


def test_a_fetch_that_overlaps_is_cut_and_not_dropped() -> None:
    """Its first records were delivered already, its last were not: dropped as a whole they would be lost."""
    made = consumer()
    asyncio.run(made.move({PLACE: 27}))
    made._next[PLACE] = 28
    assert delivered(made, 27, 28, 29) == [28, 29]
    assert delivered(made, 20, 21) == []


def test_a_fetch_from_before_a_seek_back_is_not_delivered_ahead_of_it() -> None:
    """It would stand before what is read again, which the fold would take for seen."""
    made = consumer()
    asyncio.run(made.move({PLACE: 27}))
    assert delivered(made, 40, 41) == []
    assert made._thread.sought == [{PLACE: 27}, {PLACE: 27}]
    assert delivered(made, 27, 28) == [27, 28]


def test_a_gap_of_the_topic_is_passed_after_a_second_look() -> None:
    """A compacted topic, or one with transactions, has offsets that nothing stands at."""
    made = consumer()
    asyncio.run(made.move({PLACE: 27}))
    assert delivered(made, 30, 31) == []
    assert delivered(made, 30, 31) == [30, 31]


def test_a_queue_that_is_full_leaves_its_partition_among_those_that_are_fetched() -> None:
    """Faust would fetch from the others alone, and wait a second for what they lack; who delivers waits anyway."""
    made = consumer()
    made._active_partitions, made._paused_partitions = {PLACE}, set()
    made.app, made._buffered_partitions = SimpleNamespace(in_recovery=False), set()
    made.on_buffer_full(PLACE)
    assert made._get_active_partitions() == {PLACE}
