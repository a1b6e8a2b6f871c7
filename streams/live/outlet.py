"""The one way out: an idempotent producer whose every write is waited for, and given up after a deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from streams.live.connect import kafka_arguments
from streams.live.outputs import Outgoing
from streams.live.settings import Settings
from streams.live.tables import Transient
from streams.live.topics import RECORD_BYTES_MAX

BATCH_BYTES = 1 << 20  # of one partition only one batch is under way; a larger record makes a batch of its own
PULSE_S = 2
AWAY_S = 0.1  # between two tries to learn where the brokers are; without it the client asks thousands of times a second


class Outlet:
    """Sends to the journal and to the outputs. A send of aiokafka never fails by itself while its broker is away."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.producer: AIOKafkaProducer | None = None
        self._asked = self._answered = 0.0

    async def start(self) -> None:
        """Connect. Raises Transient."""
        producer = AIOKafkaProducer(
            **kafka_arguments(self.settings),
            acks="all",
            enable_idempotence=True,
            linger_ms=0,
            max_batch_size=BATCH_BYTES,
            max_request_size=RECORD_BYTES_MAX,
        )
        _breathe(producer)
        await self._bounded(producer.start())
        self.producer, self._answered = producer, asyncio.get_running_loop().time()

    async def stop(self) -> None:
        """Disconnect; what was not acknowledged is not waited for."""
        if self.producer is not None:
            producer, self.producer = self.producer, None
            try:
                async with asyncio.timeout(2):
                    await producer.stop()
            except (TimeoutError, KafkaError):
                pass

    async def send(self, records: Sequence[Outgoing]) -> None:
        """Write the records, in their order per partition, and wait until all are acknowledged. Raises Transient."""
        if records:
            await self._bounded(self._send(records))

    async def pulse(self) -> None:
        """Ask where the brokers are. Raises Transient when none has answered for as long as the deadline."""
        now = asyncio.get_running_loop().time()
        if self.producer is None or now < self._asked + PULSE_S:
            return
        self._asked = now
        with suppress(TimeoutError):
            async with asyncio.timeout(PULSE_S):
                if await self.producer.client.force_metadata_update():
                    self._answered = asyncio.get_running_loop().time()
        if now > self._answered + self.settings.deadline_s:
            raise Transient(f"Kafka: no broker has answered for {self.settings.deadline_s} s")

    async def _send(self, records: Sequence[Outgoing]) -> None:
        if self.producer is None:
            raise Transient("the producer is not connected")
        places: dict[tuple[str, int], list[Outgoing]] = {}
        for one in records:
            places.setdefault((one.topic, one.partition), []).append(one)
        acks = [ack for place, some in places.items() for ack in await self._batches(self.producer, *place, some)]
        await asyncio.gather(*acks)

    async def _batches(
        self, producer: AIOKafkaProducer, topic: str, partition: int, some: Sequence[Outgoing]
    ) -> list[Awaitable[Any]]:
        """Hand over the records of one partition as whole batches: a future for each, not one for each record."""
        acks, batch = [], producer.create_batch()
        for one in some:
            if batch.append(timestamp=None, key=one.key, value=one.value, headers=one.headers) is None:
                acks.append(await producer.send_batch(batch, topic, partition=partition))
                batch = producer.create_batch()
                batch.append(timestamp=None, key=one.key, value=one.value, headers=one.headers)
        acks.append(await producer.send_batch(batch, topic, partition=partition))
        return acks

    async def _bounded(self, act: Awaitable[Any]) -> None:
        try:
            async with asyncio.timeout(self.settings.deadline_s):
                await act
        except (KafkaError, TimeoutError, OSError) as error:
            raise Transient(f"Kafka: {type(error).__name__} {error}") from error


def _breathe(producer: AIOKafkaProducer) -> None:
    """A pause after each failed look for the brokers, in private code of aiokafka."""
    client = producer.client
    update = client._metadata_update

    async def patient(*args: Any, **kwargs: Any) -> Any:
        found = await update(*args, **kwargs)
        if not found:
            await asyncio.sleep(AWAY_S)
        return found

    client._metadata_update = patient
