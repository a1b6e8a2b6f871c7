"""Feeding a live venue through its input topics, and hearing its journal: the other side of every worker."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from redis.asyncio import Redis

from streams.live.barriers import HEADER
from streams.live.connect import kafka_arguments, reader_arguments, redis_arguments
from streams.live.frames import CLOCK, InputsFrame, decode_frame
from streams.live.lockstep import Open
from streams.live.oracle import Group, Line
from streams.live.settings import Settings
from streams.live.shards import readers_of
from streams.live.tables import Transient, table_of
from streams.live.topics import INPUT_BYTES_MAX, Topics

STALL_S = 60  # without a record of the journal while one is awaited
PAUSE_S = 0.05


@dataclass(slots=True)
class Feeding:
    """Writes lines, and hears the journals. `heard` counts the inputs in them, `open` what is still to come; of the
    lines written, `wanted` are to be heard, and `refused` are for intake to refuse.
    """

    settings: Settings
    heard: int = 0
    wanted: int = 0
    refused: int = 0
    barrier: int = 0
    open: Open = field(default_factory=Open)
    topics: tuple[str, ...] = ()
    producer: AIOKafkaProducer = field(init=False)
    consumer: AIOKafkaConsumer = field(init=False)

    async def __aenter__(self) -> Self:
        topics = Topics(self.settings.prefix)
        self.topics = topics.inputs
        self.producer = AIOKafkaProducer(
            **kafka_arguments(self.settings), linger_ms=0, max_request_size=INPUT_BYTES_MAX
        )
        self.consumer = AIOKafkaConsumer(**reader_arguments(self.settings))
        await self.producer.start()
        await self.consumer.start()
        journals = [TopicPartition(topics.journal, place) for place in range(len(self.settings.books))]
        self.consumer.assign(journals)
        await self.consumer.seek_to_end(*journals)
        for journal in journals:
            await self.consumer.position(journal)  # settled before the first line is written
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for client in (self.producer, self.consumer):
            try:
                async with asyncio.timeout(2):
                    await client.stop()
            except TimeoutError:
                pass

    async def write(self, lines: Sequence[Line], *, barrier: bool) -> None:
        """Write some lines, each to its topic; behind them a barrier."""
        acks = [await self.producer.send(self.topics[rank], value, partition=0) for rank, value in lines]
        if barrier:
            self.barrier += 1
            headers = [(HEADER, str(self.barrier).encode())]
            acks += [await self.producer.send(topic, b"", partition=0, headers=headers) for topic in self.topics]
        async with asyncio.timeout(self.settings.deadline_s):
            await asyncio.gather(*acks)

    async def step(self, group: Group) -> None:
        """One group in lock-step: until nothing that it caused is open. Raises Transient when nothing comes."""
        self.wanted += group.good
        self.refused += len(group.lines) - group.good
        self.open.entries += group.entries
        self.open.answers += group.answers
        await self.write(group.lines, barrier=True)
        while self.heard < self.wanted or not self.open.is_quiet:
            await self.hear(STALL_S)

    async def hear(self, seconds: float) -> None:
        """Take what the journals have now. Raises Transient when that is nothing for so long."""
        some = await self.consumer.getmany(timeout_ms=int(seconds * 1000))
        if not some:
            raise Transient(f"nothing came for {seconds} s; awaited: {self.wanted - self.heard} inputs, {self.open}")
        for records in some.values():
            for record in records:
                frame = decode_frame(record.value)
                self.open.hear(frame)
                if isinstance(frame, InputsFrame):
                    self.heard += sum(count for at, _, count in frame.head.runs if frame.head.sources[at] != CLOCK)

    async def settled(self) -> dict[str, int]:
        """Wait until every reader has written down that it has read everything; where the journals end, by book."""
        redis = Redis.from_url(**redis_arguments(self.settings))
        try:
            async with asyncio.timeout(STALL_S):
                while True:
                    behind = await self._positions(redis)
                    ends = await self._ends()
                    if all(set(positions) == {ends[book]} for book, positions in behind.items()):
                        return ends
                    await asyncio.sleep(PAUSE_S)
        except TimeoutError:
            raise Transient(f"readers at {behind} did not come to the ends of their journals, {ends}") from None
        finally:
            await redis.aclose()

    async def _positions(self, redis: Redis) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for book in self.settings.books:
            roles = await readers_of(redis, self.settings, book)
            keys = [table_of(redis, self.settings, book, role.source).state_key for role in roles]
            found[book] = [int(await redis.hget(key, "position") or 0) for key in keys]
        return found

    async def _ends(self) -> dict[str, int]:
        topic = Topics(self.settings.prefix).journal
        places = {book: TopicPartition(topic, place) for place, book in enumerate(self.settings.books)}
        ends = await self.consumer.end_offsets(list(places.values()))
        return {book: int(ends[tp]) for book, tp in places.items()}
