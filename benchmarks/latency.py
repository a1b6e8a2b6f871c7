"""How long an answer takes, at idle and while trades go on, beside a bare produce and consume in the same rounds.

    python -m benchmarks.latency [TRADES_A_SECOND]

One price at a time, until a record about it is there: that it is held by its band; a liquidation order to the venue; a
loss that was allocated. Each price of the latter two makes one more account fall, of many that stand in a row. A trip
is a record written and read on the way: to the topic of prices; what the journal had to hold before the answer, counted
and named from the journal itself (a reader's records in a row are one trip); then to the topic of the answer.
`benchmarks.live` runs it with half of what the machine sustained; without a rate, at idle alone.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
import time
from itertools import groupby
from pathlib import Path

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import NewTopic
from redis.asyncio import Redis

from benchmarks import decode, pings, replay
from benchmarks.load import write
from benchmarks.pings import TIME_MS, Ping
from benchmarks.venue import BOOK, machine
from streams.live.connect import kafka_admin
from streams.live.feeding import Feeding
from streams.live.fold import Fold
from streams.live.frames import InputsFrame, decode_frame
from streams.live.journal import Journal
from streams.live.tables import table_of
from streams.live.topics import Topics
from streams.local.venue import LocalVenue
from streams.local.workers import Child

ROUNDS = 3
PINGS = 100  # of one round
WARM = 10
PAUSE_S = 0.02
ANSWER_S = 60
SETTLE_S = 5.0
TRADES = 50_000  # to find the instruments in
Found = dict[str, list[float]]


class Pinging:
    """A venue with everything in place, and who asks it."""

    def __init__(self, venue: LocalVenue) -> None:
        self.venue, self.topics = venue, Topics(venue.settings.prefix)
        self.bare, *self.paths = pings.paths()
        self.version = 1
        self.producer = AIOKafkaProducer(bootstrap_servers=venue.kafka.address, linger_ms=0)

    async def open(self, lines: list[bytes]) -> None:
        """Listings, money and positions, each behind the other."""
        async with kafka_admin(self.venue.settings) as admin:
            await admin.create_topics([NewTopic(self.topic(self.bare.topic), 1, 1)])
        async with Feeding(self.venue.settings) as feeding:
            for topic, some in pings.opening(replay.texts(lines, b"price"), 2 * ROUNDS * (PINGS + WARM)).items():
                await write(self.venue.kafka.address, self.topic(topic), [msgspec.json.encode(one) for one in some])
                feeding.wanted += len(some)
                while feeding.heard < feeding.wanted:
                    await feeding.hear(ANSWER_S)
            await feeding.settled()
        await self.producer.start()

    def topic(self, name: str) -> str:
        """A topic of the venue."""
        return f"{self.venue.settings.prefix}.{name}"

    async def execute(self, execution: str) -> None:
        """Have another way of execution, and wait until the shard has written it down."""
        self.version += 1
        rules = msgspec.json.encode(pings.parameters(execution, self.version))
        await self.producer.send_and_wait(self.topics.reference, rules, partition=0)
        redis = Redis.from_url(self.venue.redis.url)
        key = table_of(redis, self.venue.settings, BOOK, "margin/0/0").state_key
        while f'"version":{self.version}'.encode() not in (await redis.hget(key, "book.rules") or b""):
            await asyncio.sleep(PAUSE_S)
        await redis.aclose()

    async def ask(self, ping: Ping, found: Found) -> None:
        """One round of one path."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.venue.kafka.address)
        await consumer.start()
        place = TopicPartition(self.topic(ping.topic), 0)
        consumer.assign([place])
        await consumer.seek_to_end(place)
        await consumer.position(place)
        for number in range(PINGS + WARM):
            value = ping.next()
            started = time.perf_counter()
            await self.producer.send(self.topic(ping.into), value, partition=0)
            while True:
                record = await asyncio.wait_for(consumer.getone(), ANSWER_S)
                if dict(record.headers).get("ce_type", b"") == ping.kind.encode():
                    break
            if number >= WARM:
                found.setdefault(ping.name, []).append(time.perf_counter() - started)
            await asyncio.sleep(PAUSE_S)
        await consumer.stop()

    async def rounds(self) -> Found:
        """All paths, alternated; a bare round trip beside each."""
        found: Found = {}
        for execution in ("venue", "simulated"):
            await self.execute(execution)
            for _ in range(ROUNDS):
                for ping in (self.bare, *self.paths):
                    if execution in ping.executions:
                        await self.ask(ping, found)
        return found

    async def trips(self, ping: Ping) -> list[str]:
        """What the journal held between the last price of a path and its answer, by who wrote it."""
        async with Journal(self.venue.settings) as journal:
            _, end = await journal.ends(0)
            frames = [decode_frame(value) for value in await journal.frames(0, 0, end)]
        fold, price, between = Fold(ping.role.opens), 0, (0, 0)
        for offset, frame in enumerate(frames):
            if isinstance(frame, InputsFrame) and any(ping.is_of(message) for message in frame.messages):
                price = offset
            fold.take(offset, frame)
            if any(event.kind == ping.kind for event in fold.drain().events):
                between = price, offset + 1
        said = [pings.told(frame) for frame in frames[slice(*between)]]
        groups = groupby(said, key=lambda one: one[0])
        return [f"{source}: {', '.join(what for _, what in some)}" for source, some in groups]

    def report(self, what: str, found: Found, trips: dict[str, list[str]]) -> None:
        """Prints the percentiles of one state of the machine."""
        bare = statistics.quantiles(found[self.bare.name], n=100)
        print(f"{what}: bare round trip p50 {bare[49] * 1e3:.2f} ms, p99 {bare[98] * 1e3:.2f} ms")
        for ping in self.paths:
            one, count = statistics.quantiles(found[ping.name], n=100), len(trips[ping.name]) + 2
            p50, p99 = one[49] / bare[49], one[98] / bare[98]
            print(f"  {ping.name:26} p50 {one[49] * 1e3:7.2f} ms, p99 {one[98] * 1e3:7.2f} ms: ", end="")
            print(f"{p50:5.2f} and {p99:5.2f} x bare, of {count} trips {p50 / count:.2f} and {p99 / count:.2f} x each")
        sys.stdout.flush()


async def busy(asking: Pinging, rate: float, what: str, trips: dict[str, list[str]]) -> None:
    """The same while trades go on."""
    venue, topic = asking.venue, asking.topics.trades
    arguments = (venue.kafka.address, topic, str(rate), str(TIME_MS))
    child = Child(venue.folder / "load", "load", "benchmarks.load", *arguments)
    async with AIOKafkaConsumer(bootstrap_servers=venue.kafka.address) as consumer:
        place = TopicPartition(topic, 0)
        before = (await consumer.end_offsets([place]))[place]
        venue.launch(child)
        while (await consumer.end_offsets([place]))[place] == before:
            await asyncio.sleep(PAUSE_S)
        await asyncio.sleep(SETTLE_S)
        before, started = (await consumer.end_offsets([place]))[place], time.perf_counter()
        found = await asking.rounds()
        written = (await consumer.end_offsets([place]))[place] - before
        true_rate = written / (time.perf_counter() - started)
    asking.report(f"{what}, {true_rate:,.0f} trades a second", found, trips)
    child.stop()
    stopped = time.perf_counter()
    async with Feeding(venue.settings) as feeding:
        await feeding.settled()
    print(f"  {time.perf_counter() - stopped:.1f} s after the last trade all were in", flush=True)


async def measure(rate: float, *, apart: bool) -> None:
    """Prints one way to run a venue: at idle, and with `rate` trades a second going on."""
    with tempfile.TemporaryDirectory() as name:
        async with LocalVenue(Path(name), (BOOK,), 1, 0, apart=apart) as venue:
            asking = Pinging(venue)
            await asking.open(decode.trades(TRADES))
            what = "one process each" if apart else "all in one process"
            found = await asking.rounds()
            trips = {ping.name: await asking.trips(ping) for ping in asking.paths}
            asking.report(f"{what}, at idle", found, trips)
            if rate:
                await busy(asking, rate, what, trips)
            await asking.producer.stop()
    for path, some in trips.items() if apart else ():
        print(f"trips of {path}: prices > {' > '.join(some)} > answer", flush=True)


def main() -> None:
    """Prints machine and figures."""
    rate = float(sys.argv[1]) if len(sys.argv) > 1 else 0.0
    print(f"{machine()}, load {os.getloadavg()[0]:.1f}; {ROUNDS} rounds of {PINGS} prices")
    for apart in (False, True):
        asyncio.run(measure(rate, apart=apart))


if __name__ == "__main__":
    main()
