"""Bytes an account costs a shard, with positions in 10 instruments: columns, names, indexes, tiers.

    python -m benchmarks.accounts [ACCOUNTS]

Measured as growth of resident memory while the accounts are opened, filled and placed, after a garbage collection:
as it stands, and once the allocator has given back what it holds free (`malloc_trim` of glibc). Some more capacity than
rows is usual (columns grow by an eighth).
"""

from __future__ import annotations

import ctypes
import gc
import sys
from pathlib import Path

from benchmarks.ticks import NAMES
from benchmarks.venue import fill, machine, opened, reference
from engine.shard import watch

GOAL_BYTES = 300


def resident_bytes() -> int:
    """Resident memory of this process."""
    gc.collect()
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) << 10
    raise SystemExit("no VmRSS: this needs Linux")


def main() -> None:
    """Prints machine, size and figures."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    warm = opened(reference(NAMES))
    fill(warm, 1_000)
    run = opened(reference(NAMES))
    state = run.shards[0].state
    before = resident_bytes()
    fill(run, count)
    watch.look_at(state)
    grown = (resident_bytes() - before) / count
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    kept = (resident_bytes() - before) / count
    accounts = state.accounts
    columns = ("cash", "flows", "start", "positions", "entries", "status", "special")
    arrays = sum(getattr(accounts, name).nbytes for name in columns) / count
    tiers = sum(tier.rows.nbytes + tier.radii.nbytes for tier in state.triggers.tiers)
    tiers += sum(getattr(state.triggers, name).nbytes for name in ("owner", "reserve", "radius"))
    names = sum(map(sys.getsizeof, accounts.names)) / count
    dicts = (sys.getsizeof(accounts.row_of) + sys.getsizeof(accounts.first_row) + sys.getsizeof(accounts.names)) / count
    print(f"{machine()}; {count:,} accounts, {len(NAMES)} instruments")
    print(f"  resident {kept:6.0f} bytes an account (goal {GOAL_BYTES}); {grown:.0f} before the allocator gave back")
    print(f"  columns {arrays:.0f} (capacity included), tiers {tiers / count:.0f}")
    print(f"  names {names:.0f}, dictionaries {dicts:.0f}")


if __name__ == "__main__":
    main()
