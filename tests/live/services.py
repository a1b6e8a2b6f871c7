"""A Kafka and a Redis for the tests: from the environment, or a container, or a process, or a failure that says why.

    RHODIAN_TEST_KAFKA=host:port RHODIAN_TEST_REDIS=redis://host:port    use these
    RHODIAN_TEST_SERVICES=containers|local                               this way, or fail

A way that can be gone and then fails is a failure, no reason to try the next: else a run would not test what it says.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from redis.asyncio import Redis

from streams.local.kafka import LocalKafka
from streams.local.ready import probe_kafka
from streams.local.redis import LocalRedis
from tests.live import containers

WAYS = ("containers", "local")
ANSWER_S = 60
PROBE_S = 5
PAUSE_S = 0.2

Way = Callable[[], AbstractContextManager[str]]


@contextmanager
def kafka(folder: Path) -> Iterator[str]:
    """Host and port of a broker that does all that is asked of one."""

    @contextmanager
    def process() -> Iterator[str]:
        with LocalKafka(folder) as broker:
            yield broker.address
        shutil.rmtree(folder)

    with climb("RHODIAN_TEST_KAFKA", containers.KAFKA_IMAGE, containers.kafka, process) as address:
        asyncio.run(_answer(lambda: probe_kafka(address), address))
        yield address


@contextmanager
def redis(folder: Path) -> Iterator[str]:
    """The address of a Redis that answers."""

    @contextmanager
    def process() -> Iterator[str]:
        with LocalRedis(folder) as server:
            yield server.url

    async def ping(url: str) -> None:
        async with Redis.from_url(url) as client:
            await client.ping()

    with climb("RHODIAN_TEST_REDIS", containers.REDIS_IMAGE, containers.redis, process) as url:
        asyncio.run(_answer(lambda: ping(url), url))
        yield url


@contextmanager
def climb(variable: str, image: str, container: Way, process: Way) -> Iterator[str]:
    """The first rung that there is; where it is the last, its error says what is missing."""
    given, pinned = os.environ.get(variable), os.environ.get("RHODIAN_TEST_SERVICES")
    if given and pinned:
        pytest.fail(f"{variable} and RHODIAN_TEST_SERVICES are both set: which one?")
    if pinned not in (None, *WAYS):
        pytest.fail(f"RHODIAN_TEST_SERVICES is {pinned!r}: expected one of {', '.join(WAYS)}")
    if given:
        yield given
        return
    why_not = "not asked for" if pinned == "local" else containers.lacking(image)
    if why_not and pinned == "containers":
        pytest.fail(f"RHODIAN_TEST_SERVICES asks for containers: {why_not}")
    with (process if why_not else container)() as address:
        yield address


async def _answer(probe: Callable[[], Awaitable[None]], address: str) -> None:
    """Wait, at most ANSWER_S; what the service does not answer then is the failure."""
    deadline = time.monotonic() + ANSWER_S
    while True:
        try:
            async with asyncio.timeout(PROBE_S):
                return await probe()
        except Exception as error:  # noqa: BLE001 - of many kinds while a service starts; the last one is told
            if time.monotonic() > deadline:
                pytest.fail(f"{address} does not answer within {ANSWER_S} s: {type(error).__name__}: {error}")
        await asyncio.sleep(PAUSE_S)
