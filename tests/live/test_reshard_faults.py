"""A change of P with kills around it, or a Redis that forgets: the journal has it (RULEBOOK 2a.9)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from streams.live.settings import Settings
from tests.live.resharding import forget, half_changed, has_begun, new, reshard, resharding, table
from tests.live.venue_of_workers import LiveVenue, small

pytestmark = pytest.mark.live


def test_kills_around_a_change(settings: Settings, tmp_path: Path) -> None:
    """Old shards and new ones, before and behind the change; back to the first P, whose workers never ended."""

    async def body() -> None:
        async with LiveVenue(resharding(settings), tmp_path, 22, 500) as venue:
            await venue.open()
            await venue.feed(100)
            venue.workers.start("margin 0/1")
            for shards in (1, 2):
                for name in new(venue):
                    venue.workers.kill(name)
                await reshard(venue, shards)
                venue.workers.revive()
                await venue.feed(80)
                venue.workers.kill(venue.random.choice([name for name in venue.workers.running if "margin" in name]))
                await venue.until(venue.is_quiet)
            await venue.feed(len(venue.inputs))
            await venue.judge()

    asyncio.run(body())


def test_redis_that_forgot_the_changes(settings: Settings, tmp_path: Path) -> None:
    """The journal has them: successors of successors are folded again, from the beginning."""

    async def body() -> None:
        async with LiveVenue(resharding(settings), tmp_path, 23) as venue:
            await venue.open()
            for shards in (3, 2):
                await venue.feed(80)
                old = await reshard(venue, shards)
                venue.workers.start(*new(venue))
                await venue.feed(20)
                await venue.until(venue.is_quiet)
                venue.workers.stop(*old)
            for name in list(venue.workers.running):
                venue.workers.kill(name)
            await forget(venue)
            await venue.feed(len(venue.inputs))
            await venue.judge()

    asyncio.run(body())


def test_redis_that_forgets_in_the_middle_of_a_change(settings: Settings, tmp_path: Path) -> None:
    """Once while one old shard has retired and another is down, once more when the first successor has begun."""

    async def body() -> None:
        async with LiveVenue(small(settings, books=("usd",)), tmp_path, 27, 300) as venue:
            old = await half_changed(venue)
            await venue.feed(40)
            await venue.until(lambda: venue.redis.hexists(table(venue, "0/0"), "retired"))
            await forget(venue)
            await venue.until(lambda: venue.redis.hexists(table(venue, "0/0"), "retired"))  # it read it all again
            await asyncio.sleep(4)  # successors have looked, and asked the journal
            assert not await has_begun(venue)
            venue.workers.start("margin 1/2")
            await venue.until(lambda: venue.redis.exists(table(venue, "1/0")))
            await forget(venue)
            await venue.feed(len(venue.inputs))
            await venue.judge()
            venue.workers.stop(*old)

    asyncio.run(body())


def test_successors_that_start_where_nothing_was_noted(settings: Settings, tmp_path: Path) -> None:
    """A table's name does not say of which P it is: shard 1 of 3 must not sit down at the table of shard 1 of 2."""

    async def body() -> None:
        async with LiveVenue(small(settings, books=("usd",)), tmp_path, 26, 300) as venue:
            await venue.open()
            await venue.feed(80)
            await venue.until(venue.is_quiet)
            epoch = await venue.redis.hget(table(venue, "0/1"), "epoch")  # type: ignore[misc]
            await venue.redis.delete(f"{{{venue.settings.prefix}:usd}}:shards")  # as if all had died before the note
            venue.workers.start("margin 1/3")
            await asyncio.sleep(5)
            assert await venue.redis.hget(table(venue, "0/1"), "epoch") == epoch  # type: ignore[misc]
            old = await reshard(venue, 3)
            venue.workers.start("margin 0/3", "margin 2/3")
            await venue.feed(len(venue.inputs))
            await venue.judge()
            assert not venue.workers.ends
            venue.workers.stop(*old)

    asyncio.run(body())
