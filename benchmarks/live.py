"""The live pipeline on one machine: trades a second beside other stream processors, and how long an answer takes.

    python -m benchmarks.live [TRADES] [--others PYTHON]

Kafka, Redis and workers are this benchmark's own, on loopback. Throughput: the trades of a Binance session between
9,973 funded accounts are in the topic before the workers go on; measured until every reader has written down that it
read them all. The contestants read the same records and count them (`benchmarks/contestants`); those that are not
ours run with the Python of --others (`contestants/requirements.txt`), and are left out without. Latency is
`benchmarks.latency`, at idle and at half of the trades a second that were found here.
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

from aiokafka.admin import NewTopic

from benchmarks import decode, latency, replay
from benchmarks.load import write
from benchmarks.venue import BOOK, machine
from streams.live.connect import kafka_admin
from streams.live.feeding import Feeding
from streams.live.topics import Topics
from streams.local.venue import LocalVenue

ROUNDS = 3
OURS = {False: "rhodian, all in one process", True: "rhodian, one process each"}
HERE = ("raw", "stock_faust")
OTHERS = ("bytewax_nothing", "quix_state")


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
            await write(venue.kafka.address, topic, some)
            feeding.wanted += len(some)
            while feeding.heard < feeding.wanted:
                await feeding.hear(30)
        await feeding.settled()
        for worker in venue.workers:
            os.kill(worker.pid or 0, signal.SIGSTOP)
        await write(venue.kafka.address, topics.trades, lines)
        started = time.perf_counter()
        for worker in venue.workers:
            os.kill(worker.pid or 0, signal.SIGCONT)
        feeding.wanted += len(lines)
        while feeding.heard < feeding.wanted:
            await feeding.hear(60)
        await feeding.settled()
        return len(lines) / (time.perf_counter() - started)


async def throughput(count: int, others: str | None) -> dict[bool, float]:
    """Prints medians of alternated rounds; ours by whether each has a process of its own."""
    lines = decode.trades(count)
    found: dict[str, list[float]] = {}
    for number in range(ROUNDS):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for apart, what in OURS.items():
                found.setdefault(what, []).append(await ours(folder / f"{number}{apart}", lines, apart=apart))
            async with LocalVenue(folder / "bare", (BOOK,), 1, 0, apart=False) as venue:
                async with kafka_admin(venue.settings) as admin:
                    await admin.create_topics([NewTopic("bench", 1, 1)])
                for worker in venue.workers:
                    worker.stop()
                await write(venue.kafka.address, "bench", lines)
                rivals = [(sys.executable, one) for one in HERE] + ([(others, one) for one in OTHERS] if others else [])
                for python, rival in rivals:
                    some = min(count, 60_000) if rival == "stock_faust" else count
                    speed = await asyncio.to_thread(contest, venue, python, rival, "bench", some, folder)
                    found.setdefault(rival, []).append(speed)
    stock = statistics.median(found["stock_faust"])
    for what, speeds in sorted(found.items(), key=lambda item: -statistics.median(item[1])):
        speed = statistics.median(speeds)
        print(f"  {what:28} {speed:10,.0f} a second {speed / stock:7.1f} x stock Faust", flush=True)
    return {apart: statistics.median(found[what]) for apart, what in OURS.items()}


def main() -> None:
    """Prints machine, sizes, figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("trades", type=int, nargs="?", default=200_000)
    parser.add_argument("--others")
    chosen = parser.parse_args()
    print(f"{machine()}, load {os.getloadavg()[0]:.1f}; {chosen.trades:,} trades, {ROUNDS} rounds")
    sustained = asyncio.run(throughput(chosen.trades, chosen.others))
    for apart in (False, True):
        asyncio.run(latency.measure(sustained[apart] / 2, apart=apart))


if __name__ == "__main__":
    main()
