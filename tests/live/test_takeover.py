"""Two workers of a kind: one takes over from the other, and only one of them writes (docs/live.md)."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path

import pytest

from streams.exits import TEMPFAIL
from streams.live.settings import Settings
from tests.live.venue_of_workers import LiveVenue, small

pytestmark = pytest.mark.live

SESSION_S = 1.5
TAKEOVER_S = SESSION_S + 1.5  # the goal, on a machine that has nothing else to do
PATIENCE_S = 20


async def owner(venue: LiveVenue, name: str) -> bytes | None:
    """Who has claimed the table."""
    found: bytes | None = await venue.redis.hget(f"{{{venue.settings.prefix}:usd:{name}}}:state", "writer")  # type: ignore[misc]
    return found


@pytest.mark.parametrize(("worker", "table"), [("margin 0/2", "margin/0/0"), ("clearing", "clearing")])
def test_a_worker_that_was_paused_is_fenced(settings: Settings, tmp_path: Path, worker: str, table: str) -> None:
    """Stopped past its session while another takes over, then woken: it changes nothing.

    Redis refuses what it was about to write, and it ends with 75; or its group tells it first, and it stands by.
    """

    async def body() -> None:
        async with LiveVenue(small(settings), tmp_path, 11) as venue:
            await venue.open()
            first = venue.workers.running[worker]
            venue.workers.start(f"{worker}#2")
            second = venue.workers.running[f"{worker}#2"]
            await asyncio.sleep(3)  # both have joined
            held = await owner(venue, table)
            assert held is not None
            if not held.endswith(f"/{first.process.pid}".encode()):
                first, second = second, first
            first.send(signal.SIGSTOP)  # in the middle of whatever it does
            stopped = time.monotonic()
            await venue.feed(60)
            deadline = stopped + PATIENCE_S
            while not (await owner(venue, table) or b"").endswith(f"/{second.process.pid}".encode()):
                assert time.monotonic() < deadline, "nobody took over"
                await asyncio.sleep(0.02)
            print(f"taken over in {time.monotonic() - stopped:.2f} s, session {SESSION_S} s")
            await venue.feed(60)
            first.send(signal.SIGCONT)
            await venue.feed(len(venue.inputs), pause_s=0.002)
            await venue.judge()
            assert first.code in (TEMPFAIL, None)

    asyncio.run(body())


def test_a_standby_takes_over_from_a_killed_worker(settings: Settings, tmp_path: Path) -> None:
    """Within the session timeout and a little; nobody starts the dead one again."""

    async def body() -> None:
        async with LiveVenue(small(settings), tmp_path, 12) as venue:
            await venue.open()
            venue.workers.start("margin 0/2#2")
            await asyncio.sleep(3)
            found = await owner(venue, "margin/0/0") or b""
            first, second = (venue.workers.running[name] for name in ("margin 0/2", "margin 0/2#2"))
            if not found.endswith(f"/{first.process.pid}".encode()):
                first, second = second, first
            await venue.feed(50)
            venue.workers.kill(first.name)
            del venue.workers.running[first.name]
            killed = time.monotonic()
            while not (await owner(venue, "margin/0/0") or b"").endswith(f"/{second.process.pid}".encode()):
                assert time.monotonic() < killed + PATIENCE_S, "nobody took over"
                await asyncio.sleep(0.02)
            print(f"taken over in {time.monotonic() - killed:.2f} s, goal {TAKEOVER_S} s")
            await venue.feed(len(venue.inputs))
            await venue.judge()

    asyncio.run(body())


def test_intake_from_one_to_three_workers_and_back(settings: Settings, tmp_path: Path) -> None:
    """Under load, three partitions of each topic; every rebalance takes partitions away in the middle of chunks."""

    async def body() -> None:
        async with LiveVenue(small(settings, input_partitions=3), tmp_path, 13, 1_500) as venue:
            await venue.open()
            feeding = asyncio.create_task(venue.feed(1_400, pause_s=0.008, partitions=3))
            for name in ("intake#2", "intake#3"):
                await asyncio.sleep(2)
                venue.workers.start(name)
            await asyncio.sleep(4)
            venue.workers.stop("intake#2")
            venue.workers.kill("intake")
            del venue.workers.running["intake"]
            await feeding
            await venue.judge()
            assert set(venue.workers.running) & {"intake", "intake#2", "intake#3"} == {"intake#3"}

    asyncio.run(body())


def test_sigterm_ends_every_worker_in_time(settings: Settings, tmp_path: Path) -> None:
    """Under load, within ten seconds, and started again they go on."""

    async def body() -> None:
        async with LiveVenue(small(settings), tmp_path, 14, 600) as venue:
            await venue.open()
            feeding = asyncio.create_task(venue.feed(500))
            await asyncio.sleep(0.3)
            names = venue.names
            took_s = await asyncio.to_thread(venue.workers.stop)
            assert took_s < 10, f"{took_s:.1f} s"
            await feeding
            venue.workers.start(*names)
            await venue.judge()
            assert TEMPFAIL not in {code for _, code in venue.workers.ends}

    asyncio.run(body())
