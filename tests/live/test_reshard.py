"""A change of P while a venue runs (RULEBOOK 2a.9): no loss, the same balances, whoever starts and ends when."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from streams.exits import FINDINGS
from streams.live.settings import Settings
from tests.live.resharding import half_changed, has_begun, new, reshard, resharding, table
from tests.live.venue_of_workers import LiveVenue, small

pytestmark = pytest.mark.live


def test_from_two_to_three_to_one(settings: Settings, tmp_path: Path) -> None:
    """Successors that started before the command wait for it; those of the last one find the change made."""

    async def body() -> None:
        async with LiveVenue(small(settings, books=("usd",)), tmp_path, 21, 500) as venue:
            await venue.open()
            await venue.feed(100)
            venue.workers.start("margin 0/3", "margin 1/3", "margin 2/3")
            await asyncio.sleep(3)
            old = await reshard(venue, 3)
            await venue.feed(100)
            await venue.until(venue.is_quiet)
            venue.workers.stop(*old)
            await venue.feed(50)
            old = await reshard(venue, 1)
            await venue.feed(50)
            venue.workers.start(*new(venue))
            await venue.feed(len(venue.inputs))
            await venue.judge()
            assert not venue.workers.ends, "an old shard that has retired waits"
            venue.workers.stop(*old)

    asyncio.run(body())


def test_successors_wait_for_the_last_old_shard(settings: Settings, tmp_path: Path) -> None:
    """While one is down no successor begins, and none says a word; then all of them do."""

    async def body() -> None:
        async with LiveVenue(small(settings, books=("usd",)), tmp_path, 25, 300) as venue:
            old = await half_changed(venue)
            await venue.feed(80)
            await venue.until(lambda: venue.redis.hexists(table(venue, "0/0"), "retired"))
            await asyncio.sleep(4)  # they have looked by now
            assert not await has_begun(venue)
            venue.workers.start("margin 1/2")
            await venue.feed(len(venue.inputs))
            await venue.judge()
            venue.workers.stop(*old)

    asyncio.run(body())


def test_successors_that_start_before_the_book_opens(settings: Settings, tmp_path: Path) -> None:
    """Nothing says yet which P is the first: they sit down at its tables, write nothing, and leave when it is told."""

    async def body() -> None:
        async with LiveVenue(small(settings, books=("usd",), deadline_s=60), tmp_path, 28, 300) as venue:
            successors = [f"margin {index}/3" for index in range(3)]
            venue.workers.start("margin 0/2", "margin 1/2", "clearing", "intake")
            await venue.until(lambda: venue.redis.exists(table(venue, "0/1")))
            venue.workers.start(*successors)  # behind the first ones, whom they fence
            await venue.until(lambda: venue.redis.exists(table(venue, "0/2")))
            await venue.feed(80)
            await venue.until(venue.is_quiet)
            assert not await venue.redis.hexists(table(venue, "0/2"), "reader")  # type: ignore[misc]
            old = await reshard(venue, 3)
            await venue.feed(len(venue.inputs))
            await venue.judge()
            assert not set(successors) & {name for name, _ in venue.workers.ends}
            venue.workers.stop(*old)

    asyncio.run(body())


def test_a_number_of_shards_that_is_neither_in_force_nor_coming(settings: Settings, tmp_path: Path) -> None:
    """Its worker says so, and ends; a supervisor need not start it again."""

    async def body() -> None:
        async with LiveVenue(resharding(settings), tmp_path, 24) as venue:
            await venue.open()
            venue.workers.start("margin 0/5")
            wrong = venue.workers.running.pop("margin 0/5")
            assert await asyncio.to_thread(wrong.wait, 30) == FINDINGS
            assert "5 are neither in force nor coming" in wrong.log.read_text(encoding="utf-8")
            await venue.feed(100)
            await venue.judge()

    asyncio.run(body())
