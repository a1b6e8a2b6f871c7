"""A change of P while a venue runs (RULEBOOK 2a.9): no loss, the same balances, whatever happens on the way."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from schemas.governed import Command
from streams.exits import FINDINGS
from streams.live.settings import Settings
from tests.live.venue_of_workers import LiveVenue, small

pytestmark = pytest.mark.live


def resharding(settings: Settings) -> Settings:
    """One book, and little patience."""
    return small(settings, books=("usd",), deadline_s=5)


async def reshard(venue: LiveVenue, shards: int) -> list[str]:
    """The command; answers the names of the margin workers that it retires."""
    old = [name for name in venue.names if name.startswith("margin")]
    number, venue.change, venue.shards = 1_000 + venue.change, venue.change + 1, shards
    rule = {"version": number, "author": "t", "reason": "r", "time_ms": venue.inputs[0].time_ms}
    command = Command(kind="reshard", book="usd", id=f"p{number}", shards=shards, **rule)  # type: ignore[arg-type]
    await venue.write("commands", msgspec.json.encode(command))
    return old


def new(venue: LiveVenue) -> list[str]:
    """The margin workers of the P in force."""
    return [name for name in venue.names if name.startswith("margin")]


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
            await venue.open()
            await venue.feed(80)
            await venue.until(venue.is_quiet)
            venue.workers.stop("margin 1/2")
            old = await reshard(venue, 3)
            venue.workers.start(*new(venue))
            await venue.feed(80)
            key = f"{{{venue.settings.prefix}:usd:margin/%s}}:state"
            await venue.until(lambda: venue.redis.hexists(key % "0/0", "retired"))
            await asyncio.sleep(4)  # they have looked by now
            assert not any([await venue.redis.exists(key % f"1/{index}") for index in range(3)])  # type: ignore[misc]
            venue.workers.start("margin 1/2")
            await venue.feed(len(venue.inputs))
            await venue.judge()
            venue.workers.stop(*old)

    asyncio.run(body())


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


def test_successors_that_start_where_nothing_was_noted(settings: Settings, tmp_path: Path) -> None:
    """A table's name does not say of which P it is: shard 1 of 3 must not sit down at the table of shard 1 of 2."""

    async def body() -> None:
        async with LiveVenue(small(settings, books=("usd",)), tmp_path, 26, 300) as venue:
            await venue.open()
            await venue.feed(80)
            await venue.until(venue.is_quiet)
            table = f"{{{venue.settings.prefix}:usd:margin/0/1}}:state"
            epoch = await venue.redis.hget(table, "epoch")  # type: ignore[misc]
            await venue.redis.delete(f"{{{venue.settings.prefix}:usd}}:shards")  # as if all had died before the note
            venue.workers.start("margin 1/3")
            await asyncio.sleep(5)
            assert await venue.redis.hget(table, "epoch") == epoch  # type: ignore[misc]
            old = await reshard(venue, 3)
            venue.workers.start("margin 0/3", "margin 2/3")
            await venue.feed(len(venue.inputs))
            await venue.judge()
            assert not venue.workers.ends
            venue.workers.stop(*old)

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
            for key in await venue.redis.keys(f"*{venue.settings.prefix}*"):
                await venue.redis.delete(key)
            await venue.feed(len(venue.inputs))
            await venue.judge()

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
