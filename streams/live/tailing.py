"""Events of the output topics as they come, each once, for `rhodian tail`.

What was there before is given by event time, whatever topic it is in; what comes then, as it comes, poll by poll. A
worker that starts again may say again what it had said: the same bytes under the same id, which are dropped here.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from msgspec import Struct

from engine.names import member_of
from streams.live.connect import kafka_arguments
from streams.live.outputs import topic_of
from streams.live.settings import Settings
from streams.live.tables import Transient
from streams.live.topics import RECORD_BYTES_MAX, Topics

IDS_MAX = 1_000_000
HELD_MAX = 200_000
POLL_MS = 500
STOP_S = 2


class Told(Struct, frozen=True):
    """What of an event decides whether, and when, it is given; `value` is its line in events.jsonl."""

    seq: int
    time_ms: int
    subject: str
    account: str | None = None
    member: str | None = None
    kind: str = ""
    value: bytes = b""


_decode = msgspec.json.Decoder(Told).decode


@dataclass(frozen=True, slots=True)
class Wanted:
    """`since_ms` None: only what comes from now on. `kinds` empty: all."""

    kinds: tuple[str, ...] = ()
    member: str | None = None
    since_ms: int | None = None
    group: str | None = None
    follows: bool = True

    def topics(self, settings: Settings) -> list[str]:
        """Those in which such events are."""
        topics = Topics(settings.prefix)
        return sorted({topic_of(topics, kind) for kind in self.kinds}) if self.kinds else list(topics.outputs)

    def takes(self, told: Told) -> bool:
        """Whether this is one."""
        if told.time_ms < (self.since_ms or 0) or (self.kinds and told.kind not in self.kinds):
            return False
        if self.member is None:
            return True
        return self.member in (told.member, told.account, member_of(told.account) if told.account else None)


@dataclass(slots=True)
class Order:
    """All partitions: `ends` are where they ended at the start, `places` what is read next of each.

    Each shard writes at its own pace, so not even one partition is in the order of time: a heap holds what was there
    at the start until all of it has come, or HELD_MAX events of it.
    """

    ends: dict[TopicPartition, int] = field(default_factory=dict)
    places: dict[TopicPartition, int] = field(default_factory=dict)
    heap: list[tuple[int, int, int, Told]] = field(default_factory=list)
    seen: OrderedDict[str, None] = field(default_factory=OrderedDict)
    count: int = 0

    def add(self, part: TopicPartition, records: list[Any], wanted: Wanted) -> None:
        """What a partition gave; what is no event of ours is nobody's."""
        self.places[part] = records[-1].offset + 1
        for record in records:
            headers = dict(record.headers)
            if "ce_id" in headers and record.value is not None and self._is_new(headers["ce_id"].decode()):
                head = _decode(record.value)
                told = msgspec.structs.replace(head, kind=headers["ce_type"].decode(), value=record.value)
                if wanted.takes(told):
                    self.count += 1
                    heappush(self.heap, (told.time_ms, told.seq, self.count, told))

    def _is_new(self, name: str) -> bool:
        if name in self.seen:
            return False
        self.seen[name] = None
        if len(self.seen) > IDS_MAX:
            self.seen.popitem(last=False)
        return True

    @property
    def is_behind(self) -> bool:
        """Whether something that was there at the start has not come yet."""
        return any(self.places[part] < end for part, end in self.ends.items())

    def ready(self) -> Iterator[Told]:
        """What may be given now, in order."""
        while len(self.heap) > (HELD_MAX if self.is_behind else 0):
            yield heappop(self.heap)[-1]


async def tail(settings: Settings, wanted: Wanted) -> AsyncGenerator[Told, None]:
    """Events, until the caller has enough, or, if that is wanted, the end is come to. Raises Transient."""
    consumer = AIOKafkaConsumer(
        **kafka_arguments(settings),
        group_id=wanted.group,
        enable_auto_commit=False,
        auto_offset_reset="latest" if wanted.since_ms is None else "earliest",
        max_partition_fetch_bytes=RECORD_BYTES_MAX,
    )
    try:
        async with asyncio.timeout(settings.deadline_s):
            await consumer.start()
            order = await _begun(consumer, wanted, wanted.topics(settings), len(settings.books))
        while wanted.follows or order.is_behind:
            for part, records in (await consumer.getmany(timeout_ms=POLL_MS)).items():
                order.add(part, records, wanted)
            for told in order.ready():
                yield told
            if wanted.group is not None and order.places:
                await consumer.commit()
    except (KafkaError, TimeoutError, OSError) as error:
        raise Transient(f"Kafka: {type(error).__name__} {error}") from error
    finally:
        with suppress(TimeoutError):  # leaving a group may wait for a coordinator that does not answer
            async with asyncio.timeout(STOP_S):
                await consumer.stop()


async def _begun(consumer: AIOKafkaConsumer, wanted: Wanted, topics: list[str], books: int) -> Order:
    """A group says itself where it goes on; without one, all partitions are read, from the beginning or the end."""
    there = await consumer.topics()
    missing = [topic for topic in topics if topic not in there]
    if missing:
        raise Transient(f"there is no topic {', '.join(missing)}; rhodian topics create makes it")
    if wanted.group is not None:
        consumer.subscribe(topics)
        return Order()
    parts = [TopicPartition(topic, part) for topic in topics for part in range(books)]
    consumer.assign(parts)
    ends = await consumer.end_offsets(parts)
    places = dict(ends) if wanted.since_ms is None else await consumer.beginning_offsets(parts)
    for part, offset in places.items():
        consumer.seek(part, offset)
    return Order(dict(ends), dict(places))
