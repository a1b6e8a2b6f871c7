"""A journal that cannot be read on: its readers halt, say so, and never guess (RULEBOOK 14.6)."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import RecordsToDelete

from schemas.journal import WindowOpened
from streams.live.connect import kafka_admin
from streams.live.frames import encode_entries
from streams.live.settings import Settings
from streams.local.process import free_port
from tests.live.hearing import read_on
from tests.live.venue_of_workers import LiveVenue, small

pytestmark = pytest.mark.live

BAD_FRAMES = [b"not a frame", b'{"type":"inputs","v":1,"sources":["trades/0"],"runs":[[0,0,2]]}\n{}']


def alone(settings: Settings) -> Settings:
    """One process, whose health can be asked for."""
    http = settings.http.model_copy(update={"port": free_port()})
    return small(settings.model_copy(update={"http": http}), books=("usd", "eur"))


async def refused_as_unknown(venue: LiveVenue) -> bool:
    """Whether the clearing house has answered for the book that is not open."""
    await venue.has_all()
    return any(b'"other"' in letter.value for letter in venue.heard.letters)


def readiness(settings: Settings) -> tuple[int, Any]:
    """What /readyz says; 0 when nobody answers."""
    try:
        with urlopen(f"http://127.0.0.1:{settings.http.port}/readyz", timeout=5) as answer:
            return answer.status, json.load(answer)
    except HTTPError as error:
        with error:
            return error.code, json.load(error)
    except (URLError, OSError):
        return 0, None


async def told(venue: LiveVenue) -> list[Any]:
    """The status topic."""
    async with AIOKafkaConsumer(bootstrap_servers=venue.settings.kafka.bootstrap) as consumer:
        place = TopicPartition(venue.topics.status, 0)
        consumer.assign([place])
        await consumer.seek_to_beginning(place)
        return [json.loads(record.value) async for record in read_on(consumer, [place])]


async def opened(venue: LiveVenue) -> None:
    """One process of all kinds, with some inputs through."""
    venue.workers.start("all")
    for number in (1, 40, 60):
        await venue.feed(number)
        await venue.until(venue.has_all)
    await venue.until(venue.is_quiet)


async def require_halted(venue: LiveVenue, reason: str, readers: int = 3) -> None:
    """Every reader says why on /readyz and on the status topic, and its table stays where it is."""

    async def is_halted() -> bool:
        status, body = await asyncio.to_thread(readiness, venue.settings)
        return status == 503 and sum(reason in one for one in body["halted"]) == readers

    await venue.until(is_halted)
    before = await venue._positions()
    await venue.write("commands", b'{"type":"heartbeat","book":"usd","id":"later","time_ms":0}')
    await asyncio.sleep(1.5)
    assert await venue._positions() == before
    assert (
        len([one for one in await told(venue) if one["type"] == "reader-halted" and reason in one["reason"]]) >= readers
    )
    assert venue.workers.running["all"].code is None


@pytest.mark.parametrize("value", BAD_FRAMES, ids=range(len(BAD_FRAMES)))
def test_a_record_that_is_no_frame(settings: Settings, tmp_path: Path, value: bytes) -> None:
    """All readers of its book halt in front of it; those of the other book, in the same process, go on."""

    async def body() -> None:
        async with LiveVenue(alone(settings), tmp_path, 61, 120) as venue:
            await opened(venue)
            await venue.producer.send_and_wait(venue.topics.journal, value, partition=0)
            await require_halted(venue, "is no frame")
            await venue.write("commands", b'{"type":"heartbeat","book":"eur","id":"other","time_ms":0}')
            await venue.until(lambda: refused_as_unknown(venue))

    asyncio.run(body())


def test_a_gap_in_what_a_writer_said(settings: Settings, tmp_path: Path) -> None:
    """A decision whose predecessor is not in the journal."""

    async def body() -> None:
        async with LiveVenue(alone(settings), tmp_path, 62, 120) as venue:
            await opened(venue)
            entry = WindowOpened(book="usd", seq=1, window=9, subject="9")
            value = encode_entries("clearing", 10_000, 0, 1, [entry])
            await venue.producer.send_and_wait(venue.topics.journal, value, partition=0)
            await require_halted(venue, "number 10000 of clearing")
            venue.workers.kill("all")
            venue.workers.revive()
            await require_halted(venue, "number 10000 of clearing")

    asyncio.run(body())


def test_a_journal_whose_beginning_is_deleted(settings: Settings, tmp_path: Path) -> None:
    """What remembered inputs need is gone, and Redis empty: halted, with what to do."""

    async def body() -> None:
        async with LiveVenue(alone(settings), tmp_path, 63, 150) as venue:
            await opened(venue)
            place = TopicPartition(venue.topics.journal, 0)
            async with kafka_admin(venue.settings) as admin:
                await admin.delete_records({place: RecordsToDelete(before_offset=len(venue.heard.frames[0]) - 1)})
            venue.workers.kill("all")
            for key in await venue.redis.keys(f"*{venue.settings.prefix}*"):
                await venue.redis.delete(key)
            venue.workers.revive()
            await require_halted(venue, "restore a Redis dump")

    asyncio.run(body())
