"""Redis is killed, emptied, set back, full, slow: it holds nothing that the journal cannot rebuild (docs/live.md)."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from redis.asyncio import Redis

from streams.live.settings import Settings
from streams.local.redis import LocalRedis
from tests.live.processes import TEMPFAIL
from tests.live.venue_of_workers import LiveVenue, small

pytestmark = pytest.mark.live

Fault = Callable[[LiveVenue, LocalRedis], Awaitable[None]]


async def killed(venue: LiveVenue, redis: LocalRedis) -> None:
    """With an fsync every second: up to a second of writes is gone."""
    await asyncio.to_thread(redis.kill)
    path = max((redis.folder / "appendonlydir").glob("*.incr.aof"))
    path.write_bytes(path.read_bytes()[:-2_000])  # a process that is killed loses nothing; a machine does
    redis.launch()
    await redis.ready()


async def flushed(venue: LiveVenue, redis: LocalRedis) -> None:
    """Everything is gone, under the hands of its writers."""
    await venue.redis.flushall()


async def set_back(venue: LiveVenue, redis: LocalRedis) -> None:
    """An old dump."""
    kept = redis.folder / "kept"
    await asyncio.sleep(1.2)  # until it is on disk
    shutil.copytree(redis.folder / "appendonlydir", kept)
    await venue.feed(60)
    await venue.until(venue.is_quiet)
    await asyncio.to_thread(redis.kill)
    shutil.rmtree(redis.folder / "appendonlydir")
    kept.rename(redis.folder / "appendonlydir")
    redis.launch()
    await redis.ready()


async def full(venue: LiveVenue, redis: LocalRedis) -> None:
    """Out of memory, and nothing may be evicted: workers end with 75, again and again, until there is room."""
    await venue.redis.config_set("maxmemory", "1")
    await venue.feed(20)
    await venue.until(lambda: any(code == TEMPFAIL for _, code in venue.workers.ends))
    await venue.redis.config_set("maxmemory", "0")


async def slow(venue: LiveVenue, redis: LocalRedis) -> None:
    """No answer for a while that is within the deadline: nobody ends."""
    await venue.redis.client_pause(3_000)
    await venue.feed(20)
    await asyncio.sleep(3)
    venue.workers.revive()
    assert not venue.workers.ends


async def silent(venue: LiveVenue, redis: LocalRedis) -> None:
    """No answer within the deadline: readers end with 75."""
    await venue.redis.client_pause(9_000)
    await venue.feed(20)
    await venue.until(lambda: {name for name, code in venue.workers.ends if code == TEMPFAIL} >= {"clearing"})


async def without_scripts(venue: LiveVenue, redis: LocalRedis) -> None:
    """The script cache is flushed: nobody notices."""
    await venue.redis.script_flush()
    await venue.feed(20)
    await venue.until(venue.is_quiet)
    assert not venue.workers.ends


@pytest.mark.parametrize(
    ("fault", "deadline_s"),
    [(killed, 15), (flushed, 15), (set_back, 15), (full, 15), (slow, 15), (silent, 5), (without_scripts, 15)],
)
def test_redis(settings: Settings, tmp_path: Path, fault: Fault, deadline_s: float) -> None:
    """Whatever it lost is rebuilt, and workers that hold more than it end and start again from what it holds."""

    async def body(redis: LocalRedis) -> None:
        mine = settings.model_copy(update={"redis": settings.redis.model_copy(update={"url": redis.url})})
        async with LiveVenue(small(mine, deadline_s=deadline_s), tmp_path / "venue", 31) as venue:
            await venue.open()
            await venue.feed(60)
            await venue.until(venue.is_quiet)
            feeding = asyncio.create_task(venue.feed(60, pause_s=0.01)) if fault in (killed, flushed) else None
            await fault(venue, redis)
            if feeding:
                await feeding
            await venue.feed(len(venue.inputs))
            await venue.judge()
            if fault in (killed, flushed, set_back):
                assert {name for name, code in venue.workers.ends if code == TEMPFAIL} >= {"clearing"}

    with LocalRedis(tmp_path / "redis") as redis:
        asyncio.run(body(redis))


def test_a_table_that_is_full_of_memory_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    """The script of a save is refused before its first write."""

    async def body(url: str) -> None:
        from streams.live.tables import Table, Transient

        async with Redis.from_url(url) as client:
            table = Table(client, "t", "w")
            await table.claim()
            await table.save(1, {"reader": b"1"}, {"a": b"1"})
            await client.config_set("maxmemory", "1")
            with pytest.raises(Transient):
                await table.save(2, {"reader": b"2"}, {"a": b"2"})
            await client.config_set("maxmemory", "0")
            saved = await Table(client, "t", "w").read()
            assert saved is not None
            assert (saved.fields["reader"], saved.accounts["a"]) == (b"1", b"1")

    with LocalRedis(tmp_path) as redis:
        asyncio.run(body(redis.url))
