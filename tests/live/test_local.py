"""Private services: what was written survives a restart, and no service survives whoever started it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from redis.asyncio import Redis

from streams.local import jars
from streams.local.kafka import LocalKafka
from streams.local.process import Missing, ServiceError, require
from streams.local.ready import TOPIC
from streams.local.redis import LocalRedis
from streams.local.service import Service

pytestmark = pytest.mark.live

WAIT_S = 30
FSYNC_S = 1.5  # more than a second: what everysec promises

STARTER = """
import sys, time
from pathlib import Path
from streams.local.kafka import LocalKafka
from streams.local.redis import LocalRedis
folder = Path(sys.argv[1])
services = [LocalKafka(folder / "kafka").start(), LocalRedis(folder / "redis").start()]
print(*(service.pid for service in services), flush=True)
time.sleep(600)
"""


async def write_record(address: str, value: bytes) -> None:
    """One record, acknowledged."""
    async with AIOKafkaProducer(bootstrap_servers=address) as producer:
        await producer.send_and_wait(TOPIC, value)


async def read_record(address: str) -> bytes | None:
    """The first record."""
    async with AIOKafkaConsumer(bootstrap_servers=address, auto_offset_reset="earliest") as consumer:
        consumer.assign([TopicPartition(TOPIC, 0)])
        return (await asyncio.wait_for(consumer.getone(), WAIT_S)).value


def test_kafka_keeps_its_records_and_its_port(tmp_path: Path) -> None:
    """Over a stop and over a kill."""
    with LocalKafka(tmp_path) as kafka:
        address = kafka.address
        asyncio.run(write_record(address, b"kept"))
        for end in (kafka.stop, kafka.kill):
            end()
            assert kafka.pid is None
            kafka.start()
            assert kafka.address == address
            assert asyncio.run(read_record(address)) == b"kept"


def test_redis_keeps_its_values_and_its_port(tmp_path: Path) -> None:
    """Over a stop, and over a kill a second after the write."""

    async def write(value: bytes) -> None:
        async with Redis.from_url(redis.url) as client:
            await client.set("key", value)

    async def read() -> bytes | None:
        async with Redis.from_url(redis.url) as client:
            found: bytes | None = await client.get("key")
            return found

    with LocalRedis(tmp_path) as redis:
        url = redis.url
        asyncio.run(write(b"first"))
        redis.stop()
        redis.start()
        assert asyncio.run(read()) == b"first"
        asyncio.run(write(b"second"))
        time.sleep(FSYNC_S)
        redis.kill()
        redis.start()
        assert (redis.url, asyncio.run(read())) == (url, b"second")


def test_no_service_outlives_its_starter(tmp_path: Path) -> None:
    """The starter is killed and can clean up nothing; the kernel does."""
    command = [sys.executable, "-c", STARTER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        pids = [int(pid) for pid in starter.stdout.readline().split()]
        assert len(pids) == 2
        assert all(is_alive(pid) for pid in pids)
        os.kill(starter.pid, signal.SIGKILL)
    deadline = time.monotonic() + WAIT_S
    while any(is_alive(pid) for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that ended and was not yet collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


class Broken(Service):
    """A server that cannot read its configuration."""

    name = "Broken"

    def prepare(self) -> list[str]:
        """Speaks and fails."""
        return [sys.executable, "-c", "raise SystemExit('no such setting: x')"]

    async def probe(self) -> None:
        """Never."""
        raise ConnectionError


def test_a_service_that_fails_shows_the_end_of_its_log(tmp_path: Path) -> None:
    """At once, without waiting for the deadline."""
    with pytest.raises(ServiceError, match=r"Broken ended while it started\n.*log.txt:\nno such setting: x"):
        Broken(tmp_path).start()


def test_a_missing_program_is_told_with_its_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Java, Maven and Redis alike."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ServiceError, match=r"java is not installed .*apt-get install default-jre-headless"):
        LocalKafka(tmp_path).start()
    with pytest.raises(ServiceError, match=r"redis-server is not installed .*apt-get install redis-server"):
        LocalRedis(tmp_path).start()
    with pytest.raises(ServiceError, match=r"mvn is not installed .*apt-get install maven"):
        jars.class_path(tmp_path / "cache")
    with pytest.raises(ServiceError, match="nonesuch"):
        require("nonesuch", "nonesuch")


def test_what_maven_cannot_fetch_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As on a machine without a network: no fault of what runs here, and its own words are shown."""
    (tmp_path / "mvn").write_text("#!/bin/sh\necho no network\nexit 1\n")
    (tmp_path / "mvn").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(Missing, match=r"Kafka .* could not be fetched: .*\n.*\nno network"):
        jars.class_path(tmp_path / "cache")


def test_jars_are_kept_in_the_clone() -> None:
    """Where tests run there is one, and its build folder is ours."""
    assert jars.cache_folder() == Path(__file__).resolve().parents[2] / "build" / "kafka"
