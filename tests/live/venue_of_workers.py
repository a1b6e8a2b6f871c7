"""A random venue on real services: fed through its topics, never in lock-step, waited for until quiet, then judged.

What must hold at the end, whatever happened: the journal replays; Redis holds what the replay holds; the outputs and
dead letters are those of the replay; and every record that was written is in the journal or was refused.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any, Self

import msgspec
from aiokafka import AIOKafkaProducer
from redis.asyncio import Redis
from redis.exceptions import RedisError

from schemas.governed import BookMessage
from schemas.inputs import TOPIC_OF
from schemas.message import Input
from streams.live.connect import kafka_arguments, redis_arguments
from streams.live.frames import Raw
from streams.live.settings import Settings
from streams.live.states import Saved
from streams.live.tables import Table
from streams.live.topics import Topics
from streams.live.topics_admin import create
from tests.against_twin import same
from tests.live.hearing import Hearing
from tests.live.processes import Workers
from tests.live.verdict import Replayed, by_id, refused_at_intake, same_tables
from tests.random_venue import messages, random_venue

QUIET_S = 60
PAUSE_S = 0.1


def small(settings: Settings, **changed: Any) -> Settings:
    """Settings of a venue of this size: two shards, no heartbeats, a dead worker is replaced at once."""
    quick = {"session_timeout_s": 1.5, "heartbeat_s": 0.3, "rebalance_s": 5}
    fields = {"shards": 2, "heartbeat_ms": 0, "deadline_s": 15, "books": ("usd", "eur")} | changed
    found = settings.model_dump() | fields
    return Settings.model_validate(found | {"kafka": found["kafka"] | quick})


class LiveVenue:
    """One venue under a prefix of its own. `change` counts changes of P; `shards` is the P in force."""

    def __init__(self, settings: Settings, folder: Path, seed: int, length: int = 300) -> None:
        print(f"seed {seed}")
        self.settings, self.seed, self.random = settings, seed, Random(seed)
        self.topics = Topics(settings.prefix)
        self.workers = Workers(settings, folder)
        self.redis: Redis = Redis.from_url(**redis_arguments(settings) | {"socket_timeout": 5})
        self.change, self.shards = 0, settings.shards
        self.inputs = self._inputs(length)
        self.written: list[Raw] = []
        self.heard = Hearing(settings)

    def _inputs(self, length: int) -> list[Input]:
        found = [one for one in messages(*random_venue(self.seed, length)) if one.book in self.settings.books]
        shards = {"shards": self.settings.shards}
        return [msgspec.structs.replace(one, **shards) if isinstance(one, BookMessage) else one for one in found]

    @property
    def names(self) -> list[str]:
        """The workers that this venue needs."""
        return ["intake", "clearing", *(f"margin {index}/{self.shards}" for index in range(self.shards))]

    async def __aenter__(self) -> Self:
        await create(self.settings)
        self.producer = AIOKafkaProducer(**kafka_arguments(self.settings), linger_ms=0, max_request_size=9 << 20)
        await self.producer.start()
        await self.heard.start()
        return self

    async def __aexit__(self, *_error: object) -> None:
        self.workers.end()
        for end in (self.producer.stop, self.heard.stop, self.redis.aclose):
            with suppress(Exception):
                await asyncio.wait_for(end(), 5)

    async def write(self, topic: str, value: bytes | None, partition: int = 0, **more: Any) -> Raw:
        """One record, as any producer may write it; `topic` without the prefix."""
        record = await self.producer.send_and_wait(
            f"{self.settings.prefix}.{topic}", value, partition=partition, **more
        )
        headers = tuple(more.get("headers", ()))
        raw = Raw(f"{topic}/{partition}", record.offset, value or b"", more.get("key"), headers)
        self.written.append(raw)
        return raw

    async def feed(self, count: int, pause_s: float = 0.0, partitions: int = 1) -> None:
        """The next inputs, each in its topic, and any partition of it."""
        some, self.inputs = self.inputs[:count], self.inputs[count:]
        for message in some:
            await self.write(TOPIC_OF[type(message)], msgspec.json.encode(message), self.random.randrange(partitions))
            await asyncio.sleep(pause_s)

    async def open(self) -> None:
        """Start all workers, and feed what opens the books."""
        self.workers.start(*self.names)
        for number in (1, 40):  # the books themselves, then their rules and first money
            await self.feed(number)
            await self.until(self.has_all)

    async def until(self, holds: Callable[[], Any], seconds: float = QUIET_S) -> None:
        """Wait, as the supervisor of the workers, until something holds."""
        deadline = time.monotonic() + seconds
        while True:
            self.workers.revive()
            found = holds()
            if await found if hasattr(found, "__await__") else found:
                return
            if time.monotonic() > deadline:
                raise AssertionError(f"seed {self.seed}: {await self.state()}\n{self.workers.tails()}")
            await asyncio.sleep(PAUSE_S)

    async def has_all(self) -> bool:
        """Every record written is in the journal, or among the dead letters."""
        await self.heard.hear()
        return all((raw.source, raw.offset) in self.heard.seen for raw in self.written)

    async def is_quiet(self) -> bool:
        """All inputs are in, and every table stands at the end of the journal."""
        if not await self.has_all():
            return False
        positions = await self._positions()
        await self.heard.hear()
        return all(position == len(self.heard.frames[partition]) for partition, position in positions)

    async def _positions(self) -> list[tuple[int, int]]:
        found = []
        for partition, book in enumerate(self.settings.books):
            if self.heard.is_open(partition):
                for name in self._readers():
                    with suppress(RedisError, OSError):
                        held = await self.redis.hget(f"{{{self.settings.prefix}:{book}:{name}}}:state", "position")  # type: ignore[misc]
                        found.append((partition, int(held or 0)))
                        continue
                    found.append((partition, -1))
        return found

    def _readers(self) -> list[str]:
        return ["clearing", *(f"margin/{self.change}/{index}" for index in range(self.shards))]

    async def state(self) -> str:
        """Where everything stands, for a failure."""
        missing = [(raw.source, raw.offset) for raw in self.written if (raw.source, raw.offset) not in self.heard.seen]
        ends = {partition: len(frames) for partition, frames in self.heard.frames.items()}
        return (
            f"not quiet: positions {await self._positions()}, ends {ends}, missing {missing[:9]} of {len(self.written)}"
        )

    async def judge(self) -> None:
        """Wait until quiet, then compare everything with the replay of the journal by another number of shards."""
        await self.until(self.is_quiet)
        told = refused_at_intake(self.topics, self.settings.books, self.written)
        refused, entered = {(raw.source, raw.offset) for raw in self.written}, set[tuple[str, int]]()
        for partition, book in enumerate(self.settings.books):
            replay = Replayed(self.topics, partition, 1 + (self.seed + self.shards) % 3)
            replay.read(self.heard.frames[partition])
            told += replay.told
            entered |= replay.places
            if replay.run is not None:
                clearing, *shards = [await self._saved(book, name) for name in self._readers()]
                same_tables(replay.run, clearing, shards)
        same(by_id([*await self.heard.outputs(), *self.heard.letters]), by_id(told), "published and replayed")
        same(len(refused - entered), len(refused_at_intake(self.topics, self.settings.books, self.written)), "inputs")

    async def _saved(self, book: str, name: str) -> Saved:
        saved = await Table(self.redis, f"{self.settings.prefix}:{book}:{name}", "test").read()
        assert saved is not None, f"no table {name} of {book}"
        return saved
