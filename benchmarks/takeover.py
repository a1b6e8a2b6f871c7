"""How soon a standby goes on after kill -9 of the margin worker that is at work.

    python -m benchmarks.takeover [ROUNDS]

A whole venue on loopback, prices all the time, two margin workers for its one shard. Measured from the kill until the
table has the standby's name, and until the standby has written it; then a new one stands by. The baseline is the
session timeout, after which the broker says that a worker is lost: it counts from the last heartbeat before the kill.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from redis.asyncio import Redis

from benchmarks.load import write
from benchmarks.venue import BASE, BOOK, machine, reference
from schemas import inputs
from streams.live.connect import kafka_admin
from streams.live.readers import Role
from streams.live.tables import table_of
from streams.live.topics import Topics
from streams.local.venue import LocalVenue
from streams.local.workers import Worker

ROUNDS = 5
GOAL_S = 1.5  # beyond the session timeout
LOOK_S = 0.01
PRICE_S = 0.02
PATIENCE_S = 60


async def price(venue: LocalVenue) -> None:
    """A price again and again."""
    producer = AIOKafkaProducer(bootstrap_servers=venue.kafka.address, linger_ms=0)
    await producer.start()
    number, topic = 0, Topics(venue.settings.prefix).prices
    try:
        while True:
            number += 1
            mark = f"{100 + number % 2}"
            one = inputs.Price(id=f"p{number}", time_ms=number, instrument="A", mark=mark, **BASE)
            await producer.send_and_wait(topic, msgspec.json.encode(one), partition=0)
            await asyncio.sleep(PRICE_S)
    finally:
        await producer.stop()


async def both_joined(venue: LocalVenue, group: str) -> None:
    """Wait until the group is settled, with two workers; an administrator has the venue's deadline for all it does."""
    async with kafka_admin(venue.settings) as admin:
        while True:
            with suppress(KafkaError, ValueError):  # while a group begins
                (answer,) = await admin.describe_consumer_groups([group])
                _, _, state, _, _, members, *_ = answer.groups[0]
                if state == "Stable" and len(members) == 2:
                    return
            await asyncio.sleep(0.1)


async def written_by(redis: Redis, key: str) -> tuple[int, int]:
    """The process that has claimed the table, and the one that wrote it last."""
    claimed, written = [bytes(one or b"/0") for one in await redis.hmget(key, ["writer", "written"])]  # type: ignore[arg-type]
    return int(claimed.split(b"/")[1]), int(written.split(b"/")[1])


async def until(redis: Redis, key: str, place: int, pid: int, since: float) -> float:
    """Seconds until the process has claimed (`place` 0) or written (1) the table."""
    while (await written_by(redis, key))[place] != pid:
        if time.monotonic() > since + PATIENCE_S:
            raise SystemExit("nobody took over")
        await asyncio.sleep(LOOK_S)
    return time.monotonic() - since


async def rounds(count: int, folder: Path) -> list[tuple[float, float]]:
    """Seconds to claim and to write on, for each kill."""
    found: list[tuple[float, float]] = []
    async with LocalVenue(folder, (BOOK,), 1, 0, apart=True) as venue:
        redis, prefix = Redis.from_url(venue.redis.url), venue.settings.prefix
        key = table_of(redis, venue.settings, BOOK, Role(0, 1).source).state_key
        listed = [msgspec.json.encode(one) for one in reference({"A": "100"})]
        await write(venue.kafka.address, Topics(prefix).reference, listed)
        feed = asyncio.create_task(price(venue))
        pair = [worker for worker in venue.workers if worker.kind == "margin"]
        for number in range(count):
            pair.append(Worker(folder / f"standby-{number}", venue.settings, "margin", "0/1"))
            venue.launch(pair[-1])
            await both_joined(venue, f"{prefix}.margin.0-of-1")
            deadline = time.monotonic()
            at_work = (await written_by(redis, key))[1]
            while at_work not in [worker.pid for worker in pair]:
                if time.monotonic() > deadline + PATIENCE_S:
                    raise SystemExit("nobody is at work")
                await asyncio.sleep(LOOK_S)
                at_work = (await written_by(redis, key))[1]
            first, second = sorted(pair, key=lambda worker: worker.pid != at_work)
            first.kill()
            killed = time.monotonic()
            claimed = await until(redis, key, 0, second.pid or -1, killed)
            found.append((claimed, await until(redis, key, 1, second.pid or -1, killed)))
            pair = [second]
        feed.cancel()
        await redis.aclose()
        return found


def measure(count: int = ROUNDS) -> None:
    """Prints the figures."""
    with tempfile.TemporaryDirectory() as name:
        venue = LocalVenue(Path(name) / "venue", (BOOK,), 1, 0, apart=True)
        session = venue.settings.kafka.session_timeout_s
        found = asyncio.run(rounds(count, venue.folder))
    claimed, written = (statistics.median(some) for some in zip(*found, strict=True))
    print(f"standby after kill -9, {count} times, session timeout {session:g} s, goal {session + GOAL_S:g} s")
    print(f"  claimed {claimed:5.2f} s {claimed / session:5.2f} x the session, {claimed - session:+.2f} s")
    worst = max(one for _, one in found)
    print(f"  written {written:5.2f} s {written / session:5.2f} x the session, {written - session:+.2f} s", end="")
    print(f" (slowest {worst:.2f} s)", flush=True)


def main() -> None:
    """Prints machine and figures."""
    print(f"{machine()}, load {os.getloadavg()[0]:.1f}")
    measure(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS)


if __name__ == "__main__":
    main()
