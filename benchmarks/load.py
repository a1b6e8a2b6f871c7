"""Writing to a private broker: a backlog at once, or, as a process of its own, trades at a pace until it is ended.

    python -m benchmarks.load ADDRESS TOPIC RATE TIME_MS

The trades are those of `decode.trades` over and over, all at one event time; every other turn the parties are swapped,
so that no position grows for ever.
"""

from __future__ import annotations

import asyncio
import re
import sys
import time
from collections.abc import Iterator

from aiokafka import AIOKafkaProducer

from benchmarks import decode

TURN = 40_000  # trades
BEAT_S = 0.01
_LINE = re.compile(rb'(.*"id":"t)\d+(","time_ms":)\d+(,"buyer":")(.*)(","seller":")(.*)(","instrument".*)')


async def write(address: str, topic: str, lines: list[bytes]) -> None:
    """All lines into one partition, in whole batches."""
    producer = AIOKafkaProducer(bootstrap_servers=address, linger_ms=0, max_batch_size=1 << 20)
    await producer.start()
    await send(producer, topic, lines)
    await producer.stop()


async def send(producer: AIOKafkaProducer, topic: str, lines: list[bytes]) -> None:
    """The same by a producer that stays."""
    batch, acks = producer.create_batch(), []
    for line in lines:
        if batch.append(key=None, value=line, timestamp=None) is None:
            acks.append(await producer.send_batch(batch, topic, partition=0))
            batch = producer.create_batch()
            batch.append(key=None, value=line, timestamp=None)
    acks.append(await producer.send_batch(batch, topic, partition=0))
    await asyncio.gather(*acks)


def endless(time_ms: int) -> Iterator[bytes]:
    """Trades without end, each under an id of its own."""
    parts = [match.groups() for match in map(_LINE.match, decode.trades(TURN)) if match]
    at, number = b"%d" % time_ms, 0
    turns = [
        [(head, time + at + buys + one + sells + other + tail) for head, time, buys, one, sells, other, tail in parts],
        [(head, time + at + buys + other + sells + one + tail) for head, time, buys, one, sells, other, tail in parts],
    ]
    while True:
        for head, tail in turns[number // TURN % 2]:
            yield head + b"%d" % number + tail
            number += 1


async def go_on(address: str, topic: str, rate: float, time_ms: int) -> None:
    """Some trades every beat; what is late is caught up with."""
    producer = AIOKafkaProducer(bootstrap_servers=address, linger_ms=0, max_batch_size=1 << 20)
    await producer.start()
    trades, sent, started = endless(time_ms), 0, time.perf_counter()
    while True:
        due = int((time.perf_counter() - started) * rate) - sent
        if due > 0:
            await send(producer, topic, [next(trades) for _ in range(due)])
            sent += due
        await asyncio.sleep(BEAT_S)


def main() -> None:
    """Until it is ended."""
    address, topic, rate, time_ms = sys.argv[1:]
    asyncio.run(go_on(address, topic, float(rate), int(time_ms)))


if __name__ == "__main__":
    main()
