"""A journal replayed from the broker, against reading the same records with aiokafka and doing nothing.

    python -m benchmarks.journal [ENTRIES]

Two journals of ENTRIES (300,000) prices or trades, real ones of a Binance session, in frames of 4,000 on a private
Kafka, one after the other. `decoded` is the reading and `decode_frame`; `shard` a margin worker that has lost its table
and folds its journal from the start; `audit` what `rhodian replay --from-kafka` does: all readers, in runs where
it is quiet, compared, and written to files. A record is a frame, so raw reading does next to nothing an entry.
Entries are all inputs, with what opens the book: seven messages, and for trades money for 9,973.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from aiokafka import AIOKafkaConsumer, TopicPartition

from benchmarks import decode, replay
from benchmarks.load import write
from benchmarks.venue import BOOK, machine
from streams.live.fold import Fold
from streams.live.frames import Frame, Lines, decode_frame, encode_lines
from streams.live.journal import Journal
from streams.live.readers import Role
from streams.live.replaying import FromKafka
from streams.live.settings import Settings
from streams.live.topics import RECORD_BYTES_MAX, Topics
from streams.live.topics_admin import create
from streams.local.kafka import LocalKafka
from streams.replay import replay as run_replay
from streams.under_way import Settings as Run

ROUNDS = 3
FRAME = 4_000
GOAL = 500_000


def frames(topic: str, lines: list[bytes]) -> Iterator[bytes]:
    """What opens the book, then the lines of one topic, as intake writes them."""
    with tempfile.TemporaryDirectory() as name:
        replay.write(Path(name), topic, lines, topic == "trades")
        for log in ("reference", "transfers", topic):
            path = Path(name) / f"{log}.jsonl"
            some = path.read_bytes().splitlines() if path.exists() else []
            for first in range(0, len(some), FRAME):
                values = some[first : first + FRAME]
                offsets = list(range(first, first + len(values)))
                yield encode_lines([Lines(f"{log}/0", offsets, values, [None] * len(values), [()] * len(values))])


async def raw(settings: Settings) -> None:
    """All records, as bytes."""
    place, seen = TopicPartition(Topics(settings.prefix).journal, 0), 0
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka.bootstrap, max_partition_fetch_bytes=RECORD_BYTES_MAX, enable_auto_commit=False
    )
    await consumer.start()
    consumer.assign([place])
    await consumer.seek_to_beginning(place)
    end = (await consumer.end_offsets([place]))[place]
    while seen < end:
        for records in (await consumer.getmany(timeout_ms=1_000)).values():
            seen += len(records)
    await consumer.stop()


async def through(settings: Settings, take: Callable[[int, Frame], None]) -> None:
    """All frames, decoded, to something."""
    async with Journal(settings) as journal:
        _, end = await journal.ends(0)
        async for some in journal.stream(0, 0, end):
            for offset, value in some:
                take(offset, decode_frame(value))


def shard(settings: Settings, entries: int) -> None:
    """By one margin shard from the beginning of its book."""
    fold = Fold(Role(0, 1).opens)
    asyncio.run(through(settings, fold.take))
    if fold.open_reader().book.seq != entries:
        raise SystemExit(f"{fold.open_reader().book.seq} inputs were accepted of {entries}")


def audit(settings: Settings, folder: Path) -> None:
    """As `rhodian replay --from-kafka`."""
    summary = run_replay(Run(None, folder, 1), None, FromKafka(settings, settings.books))
    if summary["end"] != "complete":
        raise SystemExit(f"the audit ended: {summary['end']}, {summary['reason']}")


def timed(step: Callable[[], None]) -> tuple[float, float]:
    """Seconds of the wall, and of this process."""
    wall, spent = time.perf_counter(), time.process_time()
    step()
    return time.perf_counter() - wall, time.process_time() - spent


def journal_of(kafka: LocalKafka, prefix: str, topic: str, lines: list[bytes]) -> tuple[Settings, int]:
    """Writes a journal of its own for some lines; where it is, and its entries."""
    settings = Settings.model_validate({"prefix": prefix, "books": (BOOK,), "kafka": {"bootstrap": kafka.address}})
    found = list(frames(topic, lines))
    asyncio.run(create(settings))
    asyncio.run(write(kafka.address, Topics(prefix).journal, found))
    return settings, sum(frame.count(b"\n") for frame in found)


def compare(kafka: LocalKafka, topic: str, lines: list[bytes], folder: Path) -> None:
    """Prints the journal of one topic."""
    whole, entries = journal_of(kafka, topic, topic, lines)
    steps: dict[str, tuple[Callable[[], None], int, int]] = {
        "raw aiokafka": (lambda: asyncio.run(raw(whole)), entries, ROUNDS),
        "decoded": (lambda: asyncio.run(through(whole, lambda _, __: None)), entries, ROUNDS),
        "shard": (partial(shard, whole, entries), entries, ROUNDS),
        "audit": (partial(audit, whole, folder), entries, 1),
    }
    found: dict[str, list[tuple[float, float]]] = {what: [] for what in steps}
    for number in range(ROUNDS):
        for what, (step, _, rounds) in steps.items():
            if number < rounds:
                found[what].append(timed(step))
    print(f"journal of {entries:,} {topic} from the broker (goal {GOAL:,} entries a second)")
    base = 0.0
    for what, (_, count, _) in steps.items():
        wall, spent = (statistics.median(some) / count for some in zip(*found[what], strict=True))
        base = base or wall
        speed = f"{1 / wall:12,.0f} entries a second {wall / base:8.1f} x"
        print(f"  {what:12} {speed}, processor {spent * 1e9:8,.0f} ns an entry", flush=True)


def measure(count: int) -> None:
    """Prints both journals."""
    with tempfile.TemporaryDirectory() as name, LocalKafka(Path(name) / "kafka") as kafka:
        compare(kafka, "prices", decode.prices(count), Path(name) / "prices")
        compare(kafka, "trades", decode.trades(count), Path(name) / "trades")


def main() -> None:
    """Prints machine, sizes, figures."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 300_000
    print(f"{machine()}, load {os.getloadavg()[0]:.1f}; {ROUNDS} rounds, the audit one")
    measure(count)


if __name__ == "__main__":
    main()
