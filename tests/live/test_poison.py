"""Whatever a producer may write: refused with a code into the dead letters; all else goes on (RULEBOOK 16)."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from schemas import governed, inputs
from schemas.inputs import TOPIC_OF, TOPICS
from streams.live.settings import Settings
from tests.live.venue_of_workers import LiveVenue, small

pytestmark = pytest.mark.live

GOOD = msgspec.json.encode(inputs.Heartbeat(book="usd", id="good", time_ms=0))
BAD: list[bytes | None] = [
    None,
    b"",
    b"\x00",
    b"not json",
    b"[]",
    b'"text"',
    b'{"type":"trade"',
    b'{"type":"nothing","book":"usd","id":"x","time_ms":0}',
    b'{"type":"trade","book":"usd","id":"x","time_ms":0}',
    b'{"type":"heartbeat","book":"usd","id":"\xff","time_ms":0}',
    b'{"type":"heartbeat","book":"usd","id":"\\ud800","time_ms":0}',
    b'{"type":"heartbeat","book":"usd","id":"x","time_ms":1e400}',
    b'{"type":"heartbeat","book":"usd","id":"x","time_ms":' + b"9" * 5_000 + b"}",
    b'{"type":"heartbeat","book":"usd","id":"x","time_ms":0,"time_ms":1}',
    b'{"type":"heartbeat","book":"usd","id":"a\\nb","time_ms":0}',
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b"{}\n{}",
    msgspec.json.encode(inputs.Heartbeat(book="nobody's", id="x", time_ms=0)),
    msgspec.json.encode(inputs.Price(book="usd", id="x", time_ms=0, instrument="NONE", mark="1")),
    b'{"type":"heartbeat","book":"usd","id":"' + b"x" * (5 << 20) + b'","time_ms":0}',
]
ODD: list[dict[str, Any]] = [
    {"key": b"\xff\x00"},
    {"key": b""},
    {"headers": [("h", b"\xff"), ("h", b""), ("name of \u2713", b"\n")]},
    {"headers": [("nothing", None)]},
    {"key": b"k" * 10_000, "headers": [("ce_id", b"mine"), ("__streams.errors.offset", b"7")]},
]


async def write_bad(venue: LiveVenue) -> None:
    """All of it on every topic, odd keys and headers too, between good inputs."""
    for topic in TOPICS:
        for value in BAD:
            more = venue.random.choice([{}, *ODD[:3]])
            await venue.write(topic, value, **({"key": b"k"} | more if value is None else more))
            await venue.feed(1)


async def write_odd(venue: LiveVenue) -> None:
    """Good inputs, and bad ones, with odd keys and headers, and on several lines."""
    for number, more in enumerate(ODD):
        beat = inputs.Heartbeat(book="usd", id=f"odd{number}", time_ms=venue.inputs[0].time_ms)
        value = msgspec.json.encode(beat)
        await venue.write("commands", msgspec.json.format(value, indent=2), **more)
        await venue.write("prices", value, **more)


async def write_again(venue: LiveVenue) -> None:
    """A producer that repeats and mixes: the same inputs twice, and some in another order."""
    some, venue.inputs = venue.inputs[:60], venue.inputs[60:]
    venue.random.shuffle(some)
    for message in [*some, *some[::3], *some[::-7]]:
        await venue.write(TOPIC_OF[type(message)], msgspec.json.encode(message))
    reused = msgspec.structs.replace(some[0], time_ms=some[0].time_ms + 1)
    await venue.write(TOPIC_OF[type(reused)], msgspec.json.encode(reused))


def test_poison_on_every_topic(settings: Settings, tmp_path: Path) -> None:
    """No worker ends, every refusal is there under its id, and what is good is taken."""

    async def body() -> None:
        async with LiveVenue(small(settings, books=("usd",)), tmp_path, 51, 500) as venue:
            await venue.open()
            await write_bad(venue)
            await write_odd(venue)
            await write_again(venue)
            await venue.feed(len(venue.inputs))
            await venue.judge()
            assert not venue.workers.ends
            assert len(venue.heard.letters) > len(BAD) * len(TOPICS)

    asyncio.run(body())


def test_an_opening_that_is_refused_opens_nothing(settings: Settings, tmp_path: Path) -> None:
    """What comes before a book is open is refused by the clearing house, once; the next opening opens it."""

    async def body() -> None:
        async with LiveVenue(small(settings, books=("usd",)), tmp_path, 52, 100) as venue:
            opening = venue.inputs[0]
            assert isinstance(opening, governed.BookMessage)
            bad = msgspec.structs.replace(opening, id="bad", time_ms=10, effective_ms=5, settlement_asset="X", shards=7)
            venue.workers.start(*venue.names)
            for message in (inputs.Heartbeat(book="usd", id="h", time_ms=0), bad):
                await venue.write(TOPIC_OF[type(message)], msgspec.json.encode(message))
            await venue.until(venue.has_all)
            await venue.feed(1)
            await venue.until(venue.has_all)
            await venue.feed(len(venue.inputs))
            await venue.judge()

    asyncio.run(body())
