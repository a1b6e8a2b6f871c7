"""A random venue on real services: fed through its topics, never in lock-step, waited for until quiet, then judged.

What must hold at the end, whatever happened: the journal replays; Redis holds what the replay holds; the outputs and
dead letters are those of the replay; and every record that was written is in the journal or was refused.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any, Self

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from redis.asyncio import Redis
from redis.exceptions import RedisError

from schemas.codes import Halt
from schemas.governed import BookMessage
from schemas.inputs import TOPIC_OF
from schemas.message import Input
from streams.live.connect import kafka_arguments, redis_arguments
from streams.live.frames import InputsFrame, Raw, decode_frame
from streams.live.outputs import Outgoing
from streams.live.settings import Settings
from streams.live.states import Saved
from streams.live.tables import Table
from streams.live.topics import Topics
from streams.live.topics_admin import create
from tests.against_twin import same
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
        self.frames: dict[int, list[bytes]] = defaultdict(list)
        self.letters: list[Outgoing] = []
        self.seen: set[tuple[str, int]] = set()

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
        login = kafka_arguments(self.settings)
        self.producer = AIOKafkaProducer(**login, linger_ms=0, max_request_size=9 << 20)
        self.consumer = AIOKafkaConsumer(**login, enable_auto_commit=False, max_partition_fetch_bytes=16 << 20)
        await self.producer.start()
        await self.consumer.start()
        journal = [TopicPartition(self.topics.journal, place) for place in range(len(self.settings.books))]
        self.tailed = [*journal, TopicPartition(self.topics.dead_letters, 0)]
        self.consumer.assign(self.tailed)
        await self.consumer.seek_to_beginning(*self.tailed)
        return self

    async def __aexit__(self, *_error: object) -> None:
        self.workers.end()
        for client in (self.producer, self.consumer, self.redis.aclose):
            with suppress(Exception):
                await asyncio.wait_for((client if callable(client) else client.stop)(), 5)

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
        await self._tail()
        return all((raw.source, raw.offset) in self.seen for raw in self.written)

    async def _tail(self) -> None:
        """What is new in the journal and the dead letters."""
        async for record in read_on(self.consumer, self.tailed):
            if record.topic == self.topics.dead_letters:
                headers = dict(record.headers)
                source = b"/".join((headers["__streams.errors.topic"], headers["__streams.errors.partition"])).decode()
                self.seen.add((source, int(headers["__streams.errors.offset"])))
                self.letters.append(outgoing(record))
                continue
            self.frames[record.partition].append(record.value)
            with suppress(Halt):  # a test wrote it; the replay will tell
                frame = decode_frame(record.value)
                if isinstance(frame, InputsFrame):
                    self.seen.update(frame.places())

    async def is_quiet(self) -> bool:
        """All inputs are in, and every table stands at the end of the journal."""
        if not await self.has_all():
            return False
        positions = await self._positions()
        await self._tail()
        return all(position == len(self.frames[partition]) for partition, position in positions)

    async def _positions(self) -> list[tuple[int, int]]:
        found = []
        for partition, book in enumerate(self.settings.books):
            if self._is_open(partition):
                for name in self._readers():
                    with suppress(RedisError, OSError):
                        held = await self.redis.hget(f"{{{self.settings.prefix}:{book}:{name}}}:state", "position")  # type: ignore[misc]
                        found.append((partition, int(held or 0)))
                        continue
                    found.append((partition, -1))
        return found

    def _readers(self) -> list[str]:
        return ["clearing", *(f"margin/{self.change}/{index}" for index in range(self.shards))]

    def _is_open(self, partition: int) -> bool:
        frames = map(decode_frame, self.frames[partition][:20])
        return any(
            isinstance(one, BookMessage) for frame in frames if isinstance(frame, InputsFrame) for one in frame.messages
        )

    async def state(self) -> str:
        """Where everything stands, for a failure."""
        missing = [(raw.source, raw.offset) for raw in self.written if (raw.source, raw.offset) not in self.seen]
        ends = {partition: len(frames) for partition, frames in self.frames.items()}
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
            replay.read(self.frames[partition])
            told += replay.told
            entered |= replay.places
            if replay.run is not None:
                clearing, *shards = [await self._saved(book, name) for name in self._readers()]
                same_tables(replay.run, clearing, shards)
        same(by_id([*await self._outputs(), *self.letters]), by_id(told), "published and replayed")
        same(len(refused - entered), len(refused_at_intake(self.topics, self.settings.books, self.written)), "inputs")

    async def _saved(self, book: str, name: str) -> Saved:
        saved = await Table(self.redis, f"{self.settings.prefix}:{book}:{name}", "test").read()
        assert saved is not None, f"no table {name} of {book}"
        return saved

    async def _outputs(self) -> list[Outgoing]:
        """Everything on the topics of events."""
        topics, books = self.topics.outputs, range(len(self.settings.books))
        places = [TopicPartition(topic, place) for topic in topics for place in books]
        async with AIOKafkaConsumer(**kafka_arguments(self.settings), max_partition_fetch_bytes=16 << 20) as consumer:
            consumer.assign(places)
            await consumer.seek_to_beginning(*places)
            return [outgoing(record) async for record in read_on(consumer, places)]


def outgoing(record: Any) -> Outgoing:
    """A record that was read, as it was sent."""
    return Outgoing(record.topic, record.partition, record.key, record.value, list(record.headers))


async def read_on(consumer: AIOKafkaConsumer, places: Iterable[TopicPartition]) -> AsyncIterator[Any]:
    """All records from where the consumer stands to the present end."""
    ends = await consumer.end_offsets(list(places))
    behind = {place for place in places if await consumer.position(place) < ends[place]}
    while behind:
        for some in (await consumer.getmany(*behind, timeout_ms=200)).values():
            for record in some:
                yield record
        behind = {place for place in behind if await consumer.position(place) < ends[place]}
