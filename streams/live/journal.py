"""The journal of each book as a client reads it, without a group: its ends, a stretch of it, the records at an end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from types import TracebackType
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from schemas.codes import Halt
from streams.live.connect import reader_arguments
from streams.live.settings import Settings
from streams.live.tables import Transient
from streams.live.topics import Topics


class Journal:
    """Reads beside the groups. Every call is bounded by `deadline_s` and raises Transient."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.topic = settings, Topics(settings.prefix).journal
        self.delivered = 0  # records, of all that were asked for
        self._lock = asyncio.Lock()
        self._consumer: AIOKafkaConsumer | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Connect."""
        consumer = AIOKafkaConsumer(**reader_arguments(self.settings))
        try:
            async with asyncio.timeout(self.settings.deadline_s):
                await consumer.start()
        except (KafkaError, TimeoutError, OSError) as error:
            raise Transient(f"Kafka: {error}") from error
        self._consumer = consumer

    async def stop(self) -> None:
        """Disconnect."""
        if self._consumer is not None:
            consumer, self._consumer = self._consumer, None
            await consumer.stop()

    async def ends(self, partition: int) -> tuple[int, int]:
        """The first offset that there is, and the one after the last."""
        tp = TopicPartition(self.topic, partition)
        try:
            async with asyncio.timeout(self.settings.deadline_s):
                first = await self._connected().beginning_offsets([tp])
                end = await self._connected().end_offsets([tp])
        except (KafkaError, TimeoutError, OSError) as error:
            raise Transient(f"Kafka: {error}") from error
        return int(first[tp]), int(end[tp])

    async def frames(self, partition: int, start: int, stop: int) -> list[bytes]:
        """The values of the records from `start` up to `stop`; the deadline is for each fetch."""
        return [value async for some in self.stream(partition, start, stop) for _, value in some]

    async def stream(self, partition: int, start: int, stop: int) -> AsyncGenerator[list[tuple[int, bytes]], None]:
        """The same as it comes, with offsets. Halts where one is missing."""
        if start >= stop:
            return
        tp, position = TopicPartition(self.topic, partition), start
        async with self._lock:
            consumer = self._connected()
            consumer.assign([tp])
            consumer.seek(tp, start)
            while position < stop:
                some = [record for record in await self._fetch(consumer, tp) if record.offset < stop]
                if not some or some[0].offset != position:
                    raise Halt(f"{self.topic}/{partition} has no record {position}")
                position = some[-1].offset + 1
                self.delivered += len(some)
                yield [(record.offset, record.value or b"") for record in some]

    async def _fetch(self, consumer: AIOKafkaConsumer, tp: TopicPartition) -> list[Any]:
        try:
            async with asyncio.timeout(self.settings.deadline_s):
                while not (records := (await consumer.getmany(timeout_ms=1_000)).get(tp)):
                    pass
        except (KafkaError, TimeoutError, OSError) as error:
            raise Transient(f"Kafka: no record of the journal came in time: {error}") from error
        return list(records)

    def _connected(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            raise Transient("the reader of the journal is not connected")
        return self._consumer
