"""What a live venue tells, as it tells it: every event kept by its hash, and lines about losses for people."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.live.connect import kafka_arguments
from streams.live.settings import Settings
from streams.live.topics import RECORD_BYTES_MAX, Topics

PAUSE_S = 1.0
_LOUD = (b'"type":"liquidation-', b'"type":"default-declared"', b'"type":"loss-allocated"')
_HEAD = 400  # bytes of a record in which its type stands

Fields = dict[str, Any]


class Telling:
    """Reads all output topics. `events` are hashes of what came, so that a repeat is one event and a change is two."""

    def __init__(self, settings: Settings, say: Callable[[str], None]) -> None:
        self.settings, self.say = settings, say
        self.events: set[bytes] = set()
        self.liquidated, self.defaults = 0, list[Fields]()
        self.time = ""
        self.consumer = AIOKafkaConsumer(
            **kafka_arguments(settings), enable_auto_commit=False, max_partition_fetch_bytes=RECORD_BYTES_MAX
        )

    async def __aenter__(self) -> Self:
        await self.consumer.start()
        names = Topics(self.settings.prefix).outputs
        self.places = [TopicPartition(name, place) for name in names for place in range(len(self.settings.books))]
        self.consumer.assign(self.places)
        await self.consumer.seek_to_beginning(*self.places)
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.consumer.stop()

    async def listen(self) -> None:
        """Until it is cancelled."""
        while True:
            await asyncio.sleep(PAUSE_S)
            while await self._take(0):
                pass
            self._summarize()

    async def rest(self) -> None:
        """What the topics hold beyond what was heard, up to their present ends."""
        ends = await self.consumer.end_offsets(self.places)
        async with asyncio.timeout(60):
            while any([await self.consumer.position(tp) < ends[tp] for tp in self.places]):
                await self._take(500)
        self._summarize()

    async def _take(self, timeout_ms: int) -> bool:
        some = await self.consumer.getmany(timeout_ms=timeout_ms)
        for records in some.values():
            for record in records:
                self.events.add(digest_of(record.value))
                if any(kind in record.value[:_HEAD] for kind in _LOUD):
                    self._hear(msgspec.json.decode(record.value))
        return bool(some)

    def _hear(self, event: Fields) -> None:
        """One event about losses."""
        self.time = max(self.time, event["time"])
        if event["type"] == "liquidation-triggered":
            self.liquidated += 1
        elif event["type"] == "default-declared":
            self.defaults.append(event)
        elif event["type"] == "loss-allocated":
            layers = [f"{one['layer']} {one['drawn']}" for one in event["layers"] if one["drawn_units"]]
            text = f"loss of window {event['window']}: {event['shortfall']}, borne by {', '.join(layers) or 'nobody'}"
            self.say(f"{_when(event['time'])}  {text}")

    def _summarize(self) -> None:
        """A line on what came since the last one."""
        texts = []
        if self.liquidated:
            texts.append(_counted(self.liquidated, "liquidation"))
        if self.defaults:
            largest = max(self.defaults, key=lambda event: int(event["shortfall_units"]))
            count = _counted(len(self.defaults), "default")
            texts.append(f"{count}, the largest {largest['account']} with {largest['shortfall']}")
        if texts:
            self.say(f"{_when(self.time)}  {'; '.join(texts)}")
        self.liquidated, self.defaults = 0, []


def digest_of(line: bytes) -> bytes:
    """What an event is compared by."""
    return hashlib.blake2b(line, digest_size=16).digest()


def events_of(path: Path) -> set[bytes]:
    """The events of a replay."""
    with path.open("rb") as file:
        return {digest_of(line.rstrip(b"\n")) for line in file}


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _when(time: str) -> str:
    return time[:19].replace("T", " ")
