"""Redis is killed, emptied, set back, out of memory or disk, slow: it holds nothing that the journal cannot rebuild."""

from __future__ import annotations

import asyncio
import resource
import shutil
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from streams.exits import TEMPFAIL
from streams.live.settings import Settings
from streams.live.tables import Table, Transient
from streams.local.redis import LocalRedis
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
    await out_of_memory(venue.redis, redis, is_out=True)
    await refused(venue)
    await out_of_memory(venue.redis, redis, is_out=False)


async def disk_full(venue: LiveVenue, redis: LocalRedis) -> None:
    """The same where its file cannot grow."""
    await out_of_disk(venue.redis, redis, is_out=True)
    await refused(venue)
    await out_of_disk(venue.redis, redis, is_out=False)


async def refused(venue: LiveVenue) -> None:
    """All readers end; intake, which keeps nothing, goes on."""
    await venue.feed(20)
    readers = set(venue.names) - {"intake"}
    await venue.until(lambda: {name for name, code in venue.workers.ends if code == TEMPFAIL} >= readers)
    await venue.feed(20)
    await venue.until(venue.has_all)
    assert {name for name, _ in venue.workers.ends} == readers


async def out_of_memory(client: Redis, redis: LocalRedis, *, is_out: bool) -> None:
    """From now on, or no longer."""
    await client.config_set("maxmemory", "1" if is_out else "0")


async def out_of_disk(client: Redis, redis: LocalRedis, *, is_out: bool) -> None:
    """To a process a disk is full where a file may not grow. Redis looks when it has something to write."""
    (path,) = (redis.folder / "appendonlydir").glob("*.incr.aof")
    assert redis.pid is not None
    limit = path.stat().st_size if is_out else resource.RLIM_INFINITY
    resource.prlimit(redis.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    async with asyncio.timeout(10):
        while await is_refused(client) != is_out:
            await asyncio.sleep(0.1)


async def is_refused(client: Redis) -> bool:
    """Whether Redis takes no writes because of its disk."""
    try:
        await client.set("room", "there is")
    except ResponseError as error:
        return str(error).startswith("MISCONF")
    return False


class PatientRedis(LocalRedis):
    """A write beyond the limit of a file is refused to it, as on a full disk; else the kernel would end it."""

    def prepare(self) -> Sequence[str]:
        """The same, with the signal ignored."""
        return ["env", "--ignore-signal=XFSZ", *super().prepare()]


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


@pytest.mark.parametrize("fault", [killed, flushed, set_back, full, disk_full, slow, silent, without_scripts])
def test_redis(settings: Settings, tmp_path: Path, fault: Fault) -> None:
    """Whatever it lost is rebuilt, and workers that hold more than it end and start again from what it holds."""

    async def body(redis: LocalRedis) -> None:
        mine = settings.model_copy(update={"redis": settings.redis.model_copy(update={"url": redis.url})})
        deadline_s = 5 if fault is silent else 15
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

    with PatientRedis(tmp_path / "redis") as redis:
        asyncio.run(body(redis))


@pytest.mark.parametrize("out_of", [out_of_memory, out_of_disk])
def test_a_table_that_has_no_room_is_written_whole_or_not_at_all(tmp_path: Path, out_of: Callable[..., Any]) -> None:
    """The script of a save is refused before its first write; and is taken once there is room."""

    async def body(redis: LocalRedis) -> None:
        async with Redis.from_url(redis.url) as client:
            table = Table(client, "t", "w")
            await table.claim()
            await table.save(1, {"reader": b"1"}, {"a": b"1"})
            await out_of(client, redis, is_out=True)
            with pytest.raises(Transient):
                await table.save(2, {"reader": b"2"}, {"a": b"2"})
            await out_of(client, redis, is_out=False)
            assert await held(client) == (b"1", b"1", 1)
            await table.save(2, {"reader": b"2"}, {"a": b"2"})
            assert await held(client) == (b"2", b"2", 2)

    async def held(client: Redis) -> tuple[bytes, bytes, int]:
        table = Table(client, "t", "w")
        saved = await table.read()
        assert saved is not None
        return saved.fields["reader"], saved.accounts["a"], table.position

    with PatientRedis(tmp_path) as redis:
        asyncio.run(body(redis))
