"""A small live venue for tests: its topics fed, its workers run until all is quiet."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from schemas.inputs import TOPICS
from streams.live.connect import kafka_arguments
from streams.live.journal import Journal
from streams.live.settings import Settings
from streams.live.topics import Topics
from streams.live.topics_admin import create
from streams.local.process import free_port
from tests.cli_venue import BOOK, START_MS, Lines, venue

QUIET_S = 60
PAUSE_S = 0.1
SHARDS = 2
ROOT = Path(__file__).resolve().parents[2]
BAD = b'{"type":"trade","book":"perp"'


def live_settings(settings: Settings) -> Settings:
    """Of the hand-made venue: one book, two shards, no clock but that of its inputs."""
    changed = {"books": (BOOK,), "shards": SHARDS, "heartbeat_ms": 0}
    return settings.model_copy(update=changed | {"http": settings.http.model_copy(update={"port": free_port()})})


def live_lines() -> Lines:
    """The venue of the command line's tests, and inputs that common data or an account refuses, and a repeat."""
    lines = venue()
    lines["reference"][0]["shards"] = SHARDS
    late = {"book": BOOK, "time_ms": START_MS + 91_000}
    lines["prices"] += [
        {"type": "price", "id": "price-95", "instrument": "NONE", "mark": "1", **late},
        dict(lines["prices"][-1]),
    ]
    lines["transfers"] += [{"type": "withdrawal", "id": "w-9", "account": "nobody", "amount": "1", **late}]
    lines["transfers"].insert(0, {"type": "deposit", "book": BOOK, "id": "early", "time_ms": START_MS - 1,
                                  "account": "bob", "amount": "1"})  # fmt: skip
    return lines


def later(second: int) -> Lines:
    """Time passes: whatever waits for it goes on."""
    beat = {"type": "heartbeat", "book": BOOK, "id": f"beat-{second}", "time_ms": START_MS + 1000 * second}
    return {"commands": [beat]}


async def feed(settings: Settings, lines: Lines, *bad: bytes) -> None:
    """Inputs with keys and headers, and what is none, among the trades."""
    names = dict(zip(TOPICS, Topics(settings.prefix).inputs, strict=True))
    async with AIOKafkaProducer(**kafka_arguments(settings)) as producer:
        for topic, rows in lines.items():
            for row in rows:
                headers = [("trace", row["id"].encode())]
                await producer.send(names[topic], json.dumps(row).encode(), key=b"k", headers=headers, partition=0)
        for value in bad:
            await producer.send(names["trades"], value, key=b"bad", headers=[("trace", b"x")], partition=0)


async def open_venue(settings: Settings) -> None:
    """The topics, and the small venue in them."""
    await create(settings)
    await feed(settings, live_lines(), BAD)


@contextmanager
def workers(config: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """`rhodian worker all`, ended by SIGTERM."""
    command = [sys.executable, "-m", "streams.cli", "worker", "all", "--config", str(config), *arguments]
    log = config.with_suffix(".log")
    with log.open("ab") as out, subprocess.Popen(command, cwd=config.parent, stdout=out, stderr=out,
                                                 env=os.environ | {"PYTHONPATH": str(ROOT)}) as worker:  # fmt: skip
        try:
            yield worker
        finally:
            worker.send_signal(signal.SIGTERM)
            worker.wait(30)


def await_quiet(settings: Settings) -> None:
    """Until every reader has read a journal that no longer grows."""
    deadline, before = time.monotonic() + QUIET_S, -1
    while True:
        end = asyncio.run(end_of(settings))
        done = _positions(settings.http.port)
        if end == before and len(done) == SHARDS + 1 and set(done) == {end} and end > 0:
            return
        assert time.monotonic() < deadline, f"not quiet: journal at {end}, readers at {done}"
        before = end
        time.sleep(5 * PAUSE_S)


async def end_of(settings: Settings) -> int:
    """Where the journal ends."""
    async with Journal(settings) as journal:
        return (await journal.ends(0))[1]


def _positions(port: int) -> list[int]:
    try:
        with urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return [reader["position"] for reader in json.loads(answer.read())["readers"]]
    except URLError:
        return []


async def records(settings: Settings, *topics: str) -> list[Any]:
    """All records of the first partitions of some topics."""
    found: list[Any] = []
    async with AIOKafkaConsumer(**kafka_arguments(settings)) as consumer:
        parts = [TopicPartition(topic, 0) for topic in topics]
        consumer.assign(parts)
        await consumer.seek_to_beginning(*parts)
        ends = await consumer.end_offsets(parts)
        while any([await consumer.position(part) < ends[part] for part in parts]):
            for some in (await consumer.getmany(timeout_ms=500)).values():
                found += some
    return found
