"""Dead letters on the broker: read, and sent in again, each once.

A letter that is sent in again goes to the partition it came from, key, value and headers as they were, with the header
`rhodian.retry-of`. Two marks in the topic of dead letters, records without a value, say that this was begun, from which
offset on it would be found, and that it is done. Where only the first is there, the partition is looked through.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from schemas.codes import Code, Refused
from schemas.decode import decode_chunk
from streams.live.connect import kafka_arguments
from streams.live.outlet import Outlet
from streams.live.outputs import Headers, Outgoing
from streams.live.settings import Settings
from streams.live.tables import Transient
from streams.live.topics import RECORD_BYTES_MAX, Topics

BATCH = 500
ALL_S, PAUSE_S = 60, 0.2
RETRY_OF, RETRIED, STAGE, FROM = "rhodian.retry-of", "rhodian.retried", "rhodian.stage", "rhodian.from"
_FIRST = "ce_id"  # the first of the headers that we add behind those of the producer


@dataclass(frozen=True, slots=True)
class Letter:
    """An input that was refused, as its producer wrote it. `topic` is its short name; `time_ms` when it was refused."""

    name: str
    code: Code
    reason: str
    topic: str
    partition: int
    offset: int
    time_ms: int
    key: bytes | None
    value: bytes
    headers: Headers

    def again(self, settings: Settings, value: bytes | None = None) -> Outgoing:
        """The record to send in."""
        headers = [*self.headers, (RETRY_OF, self.name.encode())]
        return Outgoing(
            f"{settings.prefix}.{self.topic}", self.partition, self.key, self.value if value is None else value, headers
        )

    def is_of_intake(self, books: Collection[str]) -> bool:
        """Whether it never came into a journal: what its book refused is no line that cannot be read."""
        (outcome,) = decode_chunk([self.value], self.topic)
        return isinstance(outcome, Refused) or outcome.book not in books


@dataclass(slots=True)
class Letters:
    """All letters by id, in their order. `done` were sent in again, `begun` may have been: from which offset on."""

    letters: dict[str, Letter] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)
    begun: dict[str, int] = field(default_factory=dict)

    def chosen(self, code: Code | None, name: str | None) -> list[Letter]:
        """Those of a code, or the one of an id, or all."""
        return [one for one in self.letters.values() if code in (None, one.code) and name in (None, one.name)]


async def refused_at_intake(settings: Settings, count: int) -> list[Letter]:
    """The letters of intake, by their place; waits for so many. Raises Transient."""
    try:
        async with asyncio.timeout(ALL_S):
            while True:
                letters = (await read_letters(settings)).letters.values()
                found = [one for one in letters if one.is_of_intake(settings.books)]
                if len(found) >= count:
                    return sorted(found, key=lambda one: (one.topic, one.partition, one.offset))
                await asyncio.sleep(PAUSE_S)
    except TimeoutError:
        raise Transient(f"intake has written {len(found)} of {count} dead letters after {ALL_S} s") from None


async def read_letters(settings: Settings) -> Letters:
    """All that are in the topic. Raises Transient."""
    found = Letters()
    topic = Topics(settings.prefix).dead_letters
    async for record in _records(settings, TopicPartition(topic, 0)):
        headers = dict(record.headers)
        if RETRIED in headers:
            name = headers[RETRIED].decode()
            found.begun[name] = int(headers[FROM])
            if headers[STAGE] == b"done":
                found.done.add(name)
        elif (letter := _letter(record)) is not None:
            found.letters.setdefault(letter.name, letter)  # a repeat says the same
    return found


def _letter(record: Any) -> Letter | None:
    """A record as a letter: its producer's headers stand before ours. None for what is not of ours."""
    starts = [place for place, (name, _) in enumerate(record.headers) if name == _FIRST]
    if not starts:
        return None
    ours = {name: value.decode() for name, value in record.headers[starts[-1] :]}
    return Letter(
        name=ours[_FIRST],
        code=Code(int(ours["rhodian.code"])),
        reason=ours["__streams.errors.message"],
        topic=ours["__streams.errors.topic"],
        partition=int(ours["__streams.errors.partition"]),
        offset=int(ours["__streams.errors.offset"]),
        time_ms=record.timestamp,
        key=record.key,
        value=record.value or b"",
        headers=list(record.headers[: starts[-1]]),
    )


async def retry(
    settings: Settings, known: Letters, letters: list[Letter], *, value: bytes | None = None, again: bool = False
) -> list[Letter]:
    """Send letters in, those that were not yet, or all; answers which. `value` stands for that of each."""
    due = [one for one in letters if again or not await _is_done(settings, known, one)]
    outlet = Outlet(settings)
    await outlet.start()
    try:
        for start in range(0, len(due), BATCH):
            some = due[start : start + BATCH]
            ends = await _ends(settings, some)
            await outlet.send([_mark(settings, one, b"begun", ends[_place(settings, one)]) for one in some])
            await outlet.send([one.again(settings, value) for one in some])
            await outlet.send([_mark(settings, one, b"done", ends[_place(settings, one)]) for one in some])
    finally:
        await outlet.stop()
    return due


async def _is_done(settings: Settings, known: Letters, letter: Letter) -> bool:
    """Whether it was sent in; where that was begun and nobody says that it was done, its partition tells."""
    if letter.name in known.done or letter.name not in known.begun:
        return letter.name in known.done
    records = _records(settings, _place(settings, letter), known.begun[letter.name])
    return any([(RETRY_OF, letter.name.encode()) in record.headers async for record in records])


def _place(settings: Settings, letter: Letter) -> TopicPartition:
    return TopicPartition(f"{settings.prefix}.{letter.topic}", letter.partition)


def _mark(settings: Settings, letter: Letter, stage: bytes, start: int) -> Outgoing:
    headers = [(RETRIED, letter.name.encode()), (STAGE, stage), (FROM, str(start).encode())]
    return Outgoing(Topics(settings.prefix).dead_letters, 0, letter.key, b"", headers)


async def _ends(settings: Settings, letters: Iterable[Letter]) -> dict[TopicPartition, int]:
    consumer = AIOKafkaConsumer(**kafka_arguments(settings))
    try:
        await consumer.start()
        return dict(await consumer.end_offsets({_place(settings, one) for one in letters}))
    except (KafkaError, OSError) as error:
        raise Transient(f"Kafka: {type(error).__name__} {error}") from error
    finally:
        await consumer.stop()


async def _records(settings: Settings, part: TopicPartition, start: int = 0) -> AsyncIterator[Any]:
    """All records of a partition from an offset on, up to its present end."""
    consumer = AIOKafkaConsumer(
        **kafka_arguments(settings), max_partition_fetch_bytes=RECORD_BYTES_MAX, auto_offset_reset="earliest"
    )
    try:
        await consumer.start()
        if part.topic not in await consumer.topics():
            raise Transient(f"there is no topic {part.topic}; rhodian topics create makes it")
        consumer.assign([part])
        consumer.seek(part, start)
        end = (await consumer.end_offsets([part]))[part]
        while await consumer.position(part) < end:
            for record in (await consumer.getmany(timeout_ms=1_000)).get(part, []):
                yield record
    except (KafkaError, OSError) as error:
        raise Transient(f"Kafka: {type(error).__name__} {error}") from error
    finally:
        await consumer.stop()
