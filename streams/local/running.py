"""One local run from start to end: services, workers, the feed, the replay beside it, and what they came to."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from streams.live.feeding import Feeding
from streams.live.lockstep import Lockstep
from streams.live.oracle import TOLD, Fresh, Group, Line, books_of, goes_in, lines_of
from streams.live.telling import Telling
from streams.live.verdict import Verdict, balances_in_redis, judge
from streams.local.process import ServiceError, tail
from streams.local.venue import LocalVenue
from streams.local.workers import Child
from streams.logs import find_logs
from streams.merge import merge_logs

END_S = 600  # for the replay to come to the end of the journal
DUE_S = 0.05  # lines of a paced feed that are due within this go together

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run. `speed` None: as fast as it goes, in lock-step; else event time passes so many times faster."""

    logs: Path
    out: Path
    folder: Path
    speed: float | None
    shards: int
    heartbeat_ms: int
    apart: bool


async def run_local(plan: Plan, say: Say) -> Verdict:
    """The whole run. Raises ServiceError, Transient, LogsError."""
    started = time.monotonic()
    venue = LocalVenue(plan.folder, books_of(plan.logs), plan.shards, 0, apart=plan.apart)
    oracle = Child(plan.folder / "oracle", "the fresh run", "streams.live.oracle", *_oracle(plan))
    if plan.speed is None:
        venue.launch(oracle)
    async with venue, watched(venue):
        say(f"Kafka {venue.kafka.address}, Redis {venue.redis.url}, {len(venue.workers)} worker process(es): ready")
        replay = _replay_of(plan, venue)
        venue.launch(replay)
        async with Telling(venue.settings, say) as telling, Feeding(venue.settings) as feeding:
            fed = time.monotonic()
            say(f"feeding {plan.logs}, {_pace(plan)}; {fed - started:.1f} s after the start")
            async with background(telling.listen()):
                fresh = await (_lockstep(feeding, oracle) if plan.speed is None else _paced(plan, feeding, venue))
                ends = await feeding.settled()
            say(f"all of {feeding.heard:,} inputs went through in {time.monotonic() - fed:.1f} s; replaying the rest")
            await _end(replay, ends)
            await telling.rest()
            return judge(plan.out, telling.events, await balances_in_redis(venue.settings), fresh)


def _oracle(plan: Plan) -> tuple[str, str, str]:
    return str(plan.logs), str(plan.heartbeat_ms), str(plan.shards)


def _replay_of(plan: Plan, venue: LocalVenue) -> Child:
    config = plan.folder / "rhodian.toml"
    config.write_text(venue.settings.describe(), encoding="utf-8")
    return Child(plan.folder / "replay", "the replay", "streams.live.following", str(config), str(plan.out))


def _pace(plan: Plan) -> str:
    return "in lock-step, as fast as it goes" if plan.speed is None else f"{plan.speed:g} times as fast as it was"


@asynccontextmanager
async def background(act: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """The body, with something beside it that ends when it does."""
    task = asyncio.create_task(act)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


@asynccontextmanager
async def watched(venue: LocalVenue) -> AsyncIterator[None]:
    """The body, ended with ServiceError when a child of the venue ends by itself."""
    body = asyncio.current_task()
    watch = asyncio.create_task(venue.watch())
    watch.add_done_callback(lambda task: None if task.cancelled() or body is None else body.cancel())
    try:
        yield
    except asyncio.CancelledError:
        if watch.done() and not watch.cancelled():
            watch.result()
        raise
    finally:
        watch.cancel()


async def _lockstep(feeding: Feeding, oracle: Child) -> Fresh:
    """Group after group, as the fresh run says them."""
    reader = asyncio.StreamReader(limit=1 << 26)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), oracle.pipes[1])
    while True:
        try:
            size = int.from_bytes(await reader.readexactly(4), "big")
            told: Group | Fresh = TOLD.decode(await reader.readexactly(size))
        except asyncio.IncompleteReadError:
            raise ServiceError(f"{oracle.name} ended before its end\n{tail(oracle.log)}") from None
        if isinstance(told, Group):
            await feeding.step(told)
        else:
            return told


async def _paced(plan: Plan, feeding: Feeding, venue: LocalVenue) -> None:
    """Lines when they are due by their event time; nothing is waited for until all are written."""
    async with background(_hear(feeding)):
        await _write_due(plan, feeding, Lockstep(venue.settings.shards))
        async with asyncio.timeout(END_S):
            while feeding.heard < feeding.wanted:
                await asyncio.sleep(0.1)


async def _write_due(plan: Plan, feeding: Feeding, lockstep: Lockstep) -> None:
    loop, due, speed = asyncio.get_running_loop(), list[Line](), plan.speed or 1.0
    started, first = loop.time(), -1
    for batch in merge_logs(find_logs(plan.logs), plan.heartbeat_ms):
        rows = zip(batch.messages, lines_of(batch, lockstep), batch.times_ms.tolist(), strict=True)
        for message, line, time_ms in rows:
            first = time_ms if first < 0 else first
            wait_s = started + (time_ms - first) / 1000 / speed - loop.time()
            if due and wait_s > DUE_S:
                await feeding.write(due, barrier=False)
                due = []
                await asyncio.sleep(wait_s)
            due.append(line)
            feeding.wanted += goes_in(message, feeding.settings.books)
    await feeding.write(due, barrier=False)


async def _hear(feeding: Feeding) -> None:
    while True:
        with suppress(Exception):
            await feeding.hear(1.0)


async def _end(replay: Child, ends: dict[str, int]) -> None:
    """Tell the replay where to end, and wait for it."""
    told, _ = replay.pipes
    told.write(msgspec.json.encode(ends) + b"\n")
    told.close()
    code = await asyncio.to_thread(replay.wait, END_S)
    if code:
        raise ServiceError(f"the replay ended with code {code}\n{tail(replay.log)}")
