"""What a venue wrote, as any client reads it: its journals and dead letters as they grow, and all of its events."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.codes import Halt
from schemas.governed import BookMessage
from streams.live.connect import kafka_arguments
from streams.live.frames import InputsFrame, decode_frame
from streams.live.outputs import Outgoing
from streams.live.settings import Settings
from streams.live.topics import Topics

FETCH_BYTES = 16 << 20
OPENING = 20  # frames among which is the one that opens a book


class Hearing:
    """`frames` of each journal and `letters` so far; `seen` are the places of the records that stand in either."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.topics = settings, Topics(settings.prefix)
        self.frames: dict[int, list[bytes]] = defaultdict(list)
        self.letters: list[Outgoing] = []
        self.seen: set[tuple[str, int]] = set()

    async def start(self) -> None:
        """From the beginning on."""
        self.consumer = self._consumer()
        await self.consumer.start()
        journal = [TopicPartition(self.topics.journal, place) for place in range(len(self.settings.books))]
        self.places = [*journal, TopicPartition(self.topics.dead_letters, 0)]
        self.consumer.assign(self.places)
        await self.consumer.seek_to_beginning(*self.places)

    async def stop(self) -> None:
        """Disconnect."""
        await self.consumer.stop()

    def _consumer(self) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            **kafka_arguments(self.settings), enable_auto_commit=False, max_partition_fetch_bytes=FETCH_BYTES
        )

    async def hear(self) -> None:
        """What is new."""
        async for record in read_on(self.consumer, self.places):
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

    def is_open(self, partition: int) -> bool:
        """Whether a book was opened."""
        frames = map(decode_frame, self.frames[partition][:OPENING])
        return any(
            isinstance(one, BookMessage) for frame in frames if isinstance(frame, InputsFrame) for one in frame.messages
        )

    async def outputs(self) -> list[Outgoing]:
        """Everything on the topics of events."""
        topics, books = self.topics.outputs, range(len(self.settings.books))
        places = [TopicPartition(topic, place) for topic in topics for place in books]
        async with self._consumer() as consumer:
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
