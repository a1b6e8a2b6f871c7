"""The broker is stopped, killed, away for long: nothing is lost, and nothing hangs (docs/live.md)."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from streams.exits import TEMPFAIL
from streams.live.settings import Settings
from streams.local.kafka import LocalKafka
from tests.live.venue_of_workers import LiveVenue, small

pytestmark = pytest.mark.live

AWAY_S = 30  # all workers have ended by then


def beside(settings: Settings, kafka: LocalKafka, deadline_s: float) -> Settings:
    """On this broker."""
    reached = settings.kafka.model_copy(update={"bootstrap": kafka.address})
    return small(settings.model_copy(update={"kafka": reached}), deadline_s=deadline_s)


async def end(kafka: LocalKafka, how: str) -> None:
    """Stopped as an operator does, or killed."""
    await asyncio.to_thread(kafka.stop if how == "stopped" else kafka.kill)


async def come_back(kafka: LocalKafka) -> None:
    """The same broker, with what it held."""
    kafka.launch()
    await kafka.ready()


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_a_broker_that_comes_back(settings: Settings, tmp_path: Path, how: str) -> None:
    """Within the deadline, under load: workers wait for it, or start again, and go on."""

    async def body(kafka: LocalKafka) -> None:
        async with LiveVenue(beside(settings, kafka, 20), tmp_path / "venue", 41) as venue:
            await venue.open()
            feeding = asyncio.create_task(venue.feed(200, pause_s=0.01))
            await asyncio.sleep(1)
            await end(kafka, how)
            await come_back(kafka)
            await feeding
            await venue.feed(len(venue.inputs))
            await venue.judge()

    with LocalKafka(tmp_path / "kafka") as kafka:
        asyncio.run(body(kafka))


def test_a_broker_that_stays_away(settings: Settings, tmp_path: Path) -> None:
    """Every worker ends with 75, also one that has nothing to write; SIGTERM ends one that waits for it in time."""

    async def body(kafka: LocalKafka) -> None:
        async with LiveVenue(beside(settings, kafka, 8), tmp_path / "venue", 42) as venue:
            await venue.open()
            await venue.until(venue.is_quiet)
            await end(kafka, "killed")
            assert await asyncio.to_thread(venue.workers.stop, "margin 1/2") < 10
            workers, deadline = list(venue.workers.running.values()), time.monotonic() + AWAY_S
            while any(worker.code is None for worker in workers):
                assert time.monotonic() < deadline, [(worker.name, worker.code) for worker in workers]
                await asyncio.sleep(0.2)
            assert {worker.code for worker in workers} == {TEMPFAIL}
            await come_back(kafka)
            venue.workers.start("margin 1/2")
            venue.workers.revive()
            await venue.feed(len(venue.inputs))
            await venue.judge()

    with LocalKafka(tmp_path / "kafka") as kafka:
        asyncio.run(body(kafka))
