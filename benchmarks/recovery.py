"""How soon readers go on after a loss: accounts from Redis, a journal from the broker, a standby after a kill.

    python -m benchmarks.recovery [ACCOUNTS] [--instruments M] [--entries N] [--only accounts|journal|takeover]

Accounts: a margin shard of ACCOUNTS (1,000,000) with positions in M (2) instruments is written to a private Redis as
a worker writes it, and read by fresh processes: a reader that claims the table and loads it, and, as the baseline,
HGETALL of the same hash. Seconds are of the wall, since Redis works too, and of the processor; memory is what the
process has grown by, and its peak.
The other two are `benchmarks.journal` and `benchmarks.takeover`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from redis.asyncio import Redis

from benchmarks import journal, takeover
from benchmarks.accounts import resident_bytes
from benchmarks.venue import BOOK, fill, machine, opened, reference
from engine.shard import watch
from engine.shard.door import Shard
from streams.live.fold import Fold
from streams.live.readers import Role
from streams.live.states import accounts_of, fields_of, load, stand_of
from streams.live.tables import Table
from streams.local.redis import LocalRedis
from streams.reader import Reader

ROUNDS = 3
GOAL_S = 5.0
PART = 50_000  # accounts of one write
DEADLINE_S = 600
ROLE = Role(0, 1)


def table_in(url: str, writer: str) -> Table:
    """The table of the shard."""
    redis = Redis.from_url(url, socket_timeout=DEADLINE_S)
    return Table(redis, f"bench:{BOOK}:{ROLE.source}", writer, DEADLINE_S)


async def write(url: str, count: int, instruments: int) -> dict[str, float]:
    """Make the shard and write it down; microseconds an account of either step, and bytes."""
    run = opened(reference({f"I{number}": "100" for number in range(instruments)}))
    fill(run, count)
    shard = run.shards[0]
    fold = Fold(ROLE.opens, Reader(run.book, shard, ROLE.source))
    table = table_in(url, "writer")
    await table.claim()
    rows, spent, sent, size = list(range(count)), 0.0, 0.0, 0
    for first in range(0, count, PART):
        shard.state.accounts.changed = set(rows[first : first + PART])
        started = time.process_time()
        accounts = accounts_of(fold)
        spent += time.process_time() - started
        size += sum(map(len, accounts.values()))
        started = time.perf_counter()
        await table.save(0, fields_of(fold), accounts)
        sent += time.perf_counter() - started
    await table.redis.aclose()
    return {"documents made, processor": spent / count * 1e6, "written": sent / count * 1e6, "bytes": size / count}


async def read(url: str, kind: str) -> dict[str, float]:
    """One reading in this process: `hgetall`, or `load` as a worker does it."""
    table, before = table_in(url, kind), resident_bytes()
    await table.redis.ping()
    started, spent = time.perf_counter(), time.process_time()
    found: dict[str, float] = {}
    kept: Any
    if kind == "hgetall":
        kept = await table.redis.hgetall(table.accounts_key)
    else:
        saved = await table.claim()
        if saved is None:
            raise SystemExit("the table is empty")
        found["claimed"] = time.perf_counter() - started
        reader = load(saved, [])
        kept = Fold(ROLE.opens, reader, stand_of(saved).seen)
        del saved
    found |= {"seconds": time.perf_counter() - started, "processor": time.process_time() - spent}
    found["grown"] = resident_bytes() - before
    found["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before
    shard = kept.open_reader().machine if isinstance(kept, Fold) else None
    if isinstance(shard, Shard):
        started = time.perf_counter()
        watch.look_at(shard.state)
        found["looked"] = time.perf_counter() - started
    await table.redis.aclose()
    return found


def accounts(count: int, instruments: int) -> None:
    """Prints the recovery of a shard."""
    found: dict[str, dict[str, list[float]]] = {kind: defaultdict(list) for kind in ("hgetall", "load")}
    with tempfile.TemporaryDirectory() as name, LocalRedis(Path(name)) as server:
        written = asyncio.run(write(server.url, count, instruments))
        for _ in range(ROUNDS):
            for kind, figures in found.items():
                command = [sys.executable, "-m", "benchmarks.recovery", "--child", kind, server.url]
                done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=DEADLINE_S)
                if done.returncode:
                    raise SystemExit(f"{kind}: {done.stderr[-2000:]}")
                for what, value in json.loads(done.stdout).items():
                    figures[what].append(value)
    print(f"{count:,} accounts from Redis, {instruments} instruments, {written.pop('bytes'):.0f} bytes an account")
    print(f"  writing: {', '.join(f'{what} {value:.1f} us an account' for what, value in written.items())}")
    medians = {kind: {what: statistics.median(some) for what, some in one.items()} for kind, one in found.items()}
    base = medians["hgetall"]["seconds"]
    for kind, one in medians.items():
        print(
            f"  {kind:8} {one['seconds']:7.2f} s {one['seconds'] / count * 1e6:6.2f} us an account "
            f"{one['seconds'] / base:6.2f} x (processor {one['processor'] / count * 1e6:.2f} us), "
            f"memory {one['grown'] / count:5.0f} bytes an account, at the peak {one['peak'] / count:5.0f}"
        )
    one = medians["load"]
    print(f"  of load: {one['claimed']:.2f} s until all is here; behind it, {one['looked']:.2f} s to place all rows")
    print(f"  goal {GOAL_S:.0f} s for 1,000,000: {one['seconds'] * 1e6 / count:.2f} s", flush=True)


def main() -> None:
    """Prints machine, sizes, figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("accounts", type=int, nargs="?", default=1_000_000)
    parser.add_argument("--instruments", type=int, default=2)
    parser.add_argument("--entries", type=int, default=300_000)
    parser.add_argument("--only", choices=["accounts", "journal", "takeover"])
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.child:
        kind, url = chosen.child
        print(json.dumps(asyncio.run(read(url, kind))))
        return
    print(f"{machine()}, load {os.getloadavg()[0]:.1f}; {ROUNDS} rounds")
    if chosen.only in (None, "accounts"):
        accounts(chosen.accounts, chosen.instruments)
    if chosen.only in (None, "journal"):
        journal.measure(chosen.entries)
    if chosen.only in (None, "takeover"):
        takeover.measure()


if __name__ == "__main__":
    main()
