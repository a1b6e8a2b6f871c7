"""The live pipeline on one machine: trades a second beside other stream processors, and how long an answer takes.

    python -m benchmarks.live [TRADES] [--others PYTHON]

Kafka, Redis and workers are this benchmark's own, on loopback. Throughput: the trades of a Binance session between
9,973 funded accounts are in the topic before the workers go on; measured until every reader has written down that it
read them all. The contestants read the same records and count them (`benchmarks/contestants`); those that are not
ours run with the Python of --others (`contestants/requirements.txt`), and are left out without. Latency: a price in,
the event that it is held by its band out, one at a time, in multiples of a bare produce and consume; it crosses three
topics.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import NewTopic

from benchmarks import decode, replay
from benchmarks.venue import BASE, BOOK, machine, reference
from schemas import inputs
from streams.live.connect import kafka_admin
from streams.live.feeding import Feeding
from streams.live.topics import Topics
from streams.local.venue import LocalVenue

ROUNDS = 3
PINGS = 300
WARM = 30
OURS = ("raw", "stock_faust")
OTHERS = ("bytewax_nothing", "quix_state")


async def write(venue: LocalVenue, topic: str, lines: list[bytes]) -> None:
    """All lines into one partition, in whole batches."""
    producer = AIOKafkaProducer(bootstrap_servers=venue.kafka.address, linger_ms=0, max_batch_size=1 << 20)
    await producer.start()
    batch, acks = producer.create_batch(), []
    for line in lines:
        if batch.append(key=None, value=line, timestamp=None) is None:
            acks.append(await producer.send_batch(batch, topic, partition=0))
            batch = producer.create_batch()
            batch.append(key=None, value=line, timestamp=None)
    acks.append(await producer.send_batch(batch, topic, partition=0))
    await asyncio.gather(*acks)
    await producer.stop()


def contest(venue: LocalVenue, python: str, name: str, topic: str, count: int, folder: Path) -> float:
    """Records a second of one contestant."""
    root = Path(__file__).parent.parent
    environment = os.environ | {"PYTHONPATH": str(root), "BENCH_STATE": str(folder / f"{name}-{time.time()}")}
    command = [python, str(root / "benchmarks" / "contestants" / f"{name}.py"), venue.kafka.address, topic, str(count)]
    done = subprocess.run(
        command, env=environment, cwd=folder, capture_output=True, text=True, timeout=300, check=False
    )
    try:
        return count / float(done.stdout.split()[-1].rpartition("h")[2])
    except (IndexError, ValueError):
        raise SystemExit(f"{name}: {done.stdout[-300:]} {done.stderr[-1000:]}") from None


async def ours(folder: Path, lines: list[bytes], *, apart: bool) -> float:
    """Trades a second of a whole venue."""
    with tempfile.TemporaryDirectory() as logs:
        replay.write(Path(logs), "trades", lines, 1)
        listed, money = (
            (Path(logs) / f"{name}.jsonl").read_bytes().splitlines() for name in ("reference", "transfers")
        )
    async with LocalVenue(folder, (BOOK,), 1, 0, apart=apart) as venue, Feeding(venue.settings) as feeding:
        topics = Topics(venue.settings.prefix)
        for topic, some in ((topics.reference, listed), (topics.transfers, money)):
            await write(venue, topic, some)
            feeding.wanted += len(some)
            while feeding.heard < feeding.wanted:
                await feeding.hear(30)
        await feeding.settled()
        for worker in venue.workers:
            os.kill(worker.pid or 0, signal.SIGSTOP)
        await write(venue, topics.trades, lines)
        started = time.perf_counter()
        for worker in venue.workers:
            os.kill(worker.pid or 0, signal.SIGCONT)
        feeding.wanted += len(lines)
        while feeding.heard < feeding.wanted:
            await feeding.hear(60)
        await feeding.settled()
        return len(lines) / (time.perf_counter() - started)


async def throughput(count: int, others: str | None) -> None:
    """Prints medians of alternated rounds."""
    lines = decode.trades(count)
    found: dict[str, list[float]] = {}
    for number in range(ROUNDS):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for what, apart in (("rhodian, all in one process", False), ("rhodian, one process each", True)):
                found.setdefault(what, []).append(await ours(folder / f"{number}{apart}", lines, apart=apart))
            async with LocalVenue(folder / "bare", (BOOK,), 1, 0, apart=False) as venue:
                async with kafka_admin(venue.settings) as admin:
                    await admin.create_topics([NewTopic("bench", 1, 1)])
                for worker in venue.workers:
                    worker.stop()
                await write(venue, "bench", lines)
                rivals = [(sys.executable, one) for one in OURS] + ([(others, one) for one in OTHERS] if others else [])
                for python, rival in rivals:
                    some = min(count, 60_000) if rival == "stock_faust" else count
                    speed = await asyncio.to_thread(contest, venue, python, rival, "bench", some, folder)
                    found.setdefault(rival, []).append(speed)
    stock = statistics.median(found["stock_faust"])
    for what, speeds in sorted(found.items(), key=lambda item: -statistics.median(item[1])):
        speed = statistics.median(speeds)
        print(f"  {what:28} {speed:10,.0f} a second {speed / stock:7.1f} x stock Faust", flush=True)


async def pings(venue: LocalVenue, topic: str, out: str, values: list[bytes]) -> list[float]:
    """Seconds from each value written to the next record of `out`, one at a time."""
    producer = AIOKafkaProducer(bootstrap_servers=venue.kafka.address, linger_ms=0)
    consumer = AIOKafkaConsumer(out, bootstrap_servers=venue.kafka.address, auto_offset_reset="earliest")
    await producer.start()
    await consumer.start()
    found: list[float] = []
    for value in values:
        started = time.perf_counter()
        await producer.send(topic, value, partition=0)
        await asyncio.wait_for(consumer.getone(), 30)
        found.append(time.perf_counter() - started)
        await asyncio.sleep(0.02)
    await producer.stop()
    await consumer.stop()
    return found[WARM:]


async def latency() -> None:
    """Prints p50 and p99 at idle."""
    listed: list[Any] = [msgspec.structs.replace(one, time_ms=0) for one in reference({"A": "100"}, band_ppm=1)]
    for apart in (False, True):
        with tempfile.TemporaryDirectory() as name:
            async with LocalVenue(Path(name), (BOOK,), 1, 0, apart=apart) as venue:
                topics = Topics(venue.settings.prefix)
                async with kafka_admin(venue.settings) as admin:
                    await admin.create_topics([NewTopic("ping", 1, 1)])
                first = inputs.Price(id="first", time_ms=1, instrument="A", mark="100", **BASE)
                await write(venue, topics.reference, [msgspec.json.encode(one) for one in listed])
                await asyncio.sleep(1)
                await write(venue, topics.prices, [msgspec.json.encode(first)])
                await asyncio.sleep(1)
                marks = [f"{120 + 40 * (number % 2)}" for number in range(PINGS + WARM)]  # never two that agree
                prices: list[inputs.Price] = [
                    inputs.Price(id=f"p{number}", time_ms=2 + number, instrument="A", mark=mark, **BASE)
                    for number, mark in enumerate(marks)
                ]
                values = [msgspec.json.encode(one) for one in prices]
                bare = statistics.quantiles(await pings(venue, "ping", "ping", values), n=100)
                held = statistics.quantiles(await pings(venue, topics.prices, topics.events, values), n=100)
        what = "one process each" if apart else "all in one process"
        print(f"  bare round trip              p50 {bare[49] * 1e3:6.2f} ms, p99 {bare[98] * 1e3:6.2f} ms")
        print(f"  price to event, {what:18} p50 {held[49] * 1e3:6.2f} ms, p99 {held[98] * 1e3:6.2f} ms, ", end="")
        print(f"{held[49] / bare[49] / 3:.2f} and {held[98] / bare[98] / 3:.2f} x a hop", flush=True)


def main() -> None:
    """Prints machine, sizes, figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("trades", type=int, nargs="?", default=200_000)
    parser.add_argument("--others")
    chosen = parser.parse_args()
    print(f"{machine()}; {chosen.trades:,} trades, {ROUNDS} rounds")
    asyncio.run(latency())
    asyncio.run(throughput(chosen.trades, chosen.others))


if __name__ == "__main__":
    main()
