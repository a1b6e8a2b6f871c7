"""Random venues through engine and twin, and live runs beside their replays, for as long as wanted.

`python -m tests.fuzz [--minutes N] [--seed S]`. A failure prints its seed and what disagreed; `--seed S --once` runs
that one again.
"""

from __future__ import annotations

import argparse
import sys
import time

from tests.against_twin import run_venue
from tests.random_venue import random_venue
from tests.test_live import check_replay


def run_seed(seed: int) -> str | None:
    """One venue: 20 to 150 acts, 1 to 8 shards, rows in vectors for odd seeds; every fourth is a live run of up to
    1,600 acts over three partitions instead. What went wrong, or None.
    """
    try:
        if seed % 4 == 0:
            check_replay(seed, 100 + seed * 7 % 1_501, is_mixed=True)
        else:
            run_venue(*random_venue(seed, 20 + seed * 7 % 131), 1 + seed // 2 % 8, vector=seed % 2 == 1)
    except Exception as error:  # noqa: BLE001 - whatever it is, its seed is what is wanted
        return f"seed {seed}: {type(error).__name__}: {error}"
    return None


def main(arguments: list[str] | None = None) -> int:
    """Exit code 1 when a seed failed."""
    parser = argparse.ArgumentParser(prog="script/fuzz", description="Random venues through engine and slow twin.")
    parser.add_argument("--minutes", type=float, default=60, help="how long (default: 60)")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="the first seed (default: the time)")
    parser.add_argument("--once", action="store_true", help="only this seed")
    options = parser.parse_args(arguments)
    end, seed, failed = time.monotonic() + 60 * options.minutes, options.seed, 0
    while True:
        wrong = run_seed(seed)
        if wrong is not None:
            failed += 1
            print(wrong, flush=True)
        seed += 1
        if options.once or time.monotonic() >= end:
            break
    print(f"{seed - options.seed} venues from seed {options.seed}, {failed} failed", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
