"""One local run from start to end: services, workers, the feed, the replay beside it, and what they came to."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from streams.live.feeder import background, feed_paced
from streams.live.feeding import Feeding
from streams.live.following import End
from streams.live.oracle import TOLD, Fresh, Group, books_of
from streams.live.telling import Telling
from streams.live.verdict import Verdict, balances_in_redis, judge
from streams.local.process import ServiceError, tail
from streams.local.venue import LocalVenue
from streams.local.workers import Child

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
                fresh = await (_lockstep(feeding, oracle) if plan.speed is None else _paced(plan, plan.speed, feeding))
                ends = await feeding.settled()
            say(f"all of {feeding.heard:,} inputs went through in {time.monotonic() - fed:.1f} s; replaying the rest")
            await _end(replay, End(ends, feeding.refused))
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


async def _paced(plan: Plan, speed: float, feeding: Feeding) -> None:
    """No fresh run beside it: what comes of it depends on the pace."""
    await feed_paced(feeding, plan.logs, plan.heartbeat_ms, speed)


async def _end(replay: Child, end: End) -> None:
    """Tell the replay where to end, and wait for it."""
    told, _ = replay.pipes
    told.write(msgspec.json.encode(end) + b"\n")
    told.close()
    code = await asyncio.to_thread(replay.wait, END_S)
    if code:
        raise ServiceError(f"the replay ended with code {code}\n{tail(replay.log)}")
