"""What a tick costs at 1k to 1M accounts by 10 instruments, one by one, in runs, and in a crash.

    python -m benchmarks.ticks [ACCOUNTS ...]

The baseline, in the same run and alternated with it: the margin statement of all accounts as one vector
(`Columns.measure`),
which is what a tick costs without the trigger index. Calm: every tick moves a mark by up to 0.02% around its start.
Crash: all marks fall by a fifth in all, 40 steps of ten ticks (4 steps at 100k accounts and more), so most accounts are
hot, called or liquidated.
"""

from __future__ import annotations

import sys
import time

import numpy as np

from benchmarks.venue import BASE, fill, machine, median_s, opened, reference
from schemas import inputs
from schemas.decimals import decimal_text
from schemas.message import Input
from streams.driver import BookRun

TICKS = 4_000
ROUNDS = 5
NAMES = {f"I{number}": f"{10 * 2**number}" for number in range(10)}


class Market:
    """Numbered prices of one book."""

    def __init__(self, run: BookRun) -> None:
        self.run, self.number = run, 0
        self.start = [mark.price for mark in run.book.marks]
        self.random = np.random.default_rng(7)

    def price(self, column: int, ticks: int) -> Input:
        self.number += 1
        name = self.run.book.contracts[column].name
        mark, now = decimal_text(ticks, 4), 1_000 + self.number
        return inputs.Price(id=f"p{self.number}", time_ms=now, instrument=name, mark=mark, **BASE)

    def calm(self, count: int) -> list[Input]:
        columns = self.random.integers(0, len(self.start), count).tolist()
        moves = self.random.integers(-200, 201, count).tolist()
        return [
            self.price(column, self.start[column] + self.start[column] * move // 1_000_000)
            for column, move in zip(columns, moves, strict=True)
        ]

    def crash(self, step: int, steps: int) -> list[Input]:
        return [self.price(column, start - start * step // (5 * steps)) for column, start in enumerate(self.start)]


def prepared(count: int) -> Market:
    """A venue of `count` accounts after its first ticks."""
    run = opened(reference(NAMES, late_ms=0))
    fill(run, count)
    market = Market(run)
    for column, start in enumerate(market.start):
        run.feed(market.price(column, start))
    for message in market.calm(2_000):  # rows that are near settle into tiers of their own
        run.feed(message)
    return market


def calm(count: int) -> tuple[float, float]:
    """Prints one size; microseconds of a tick one by one and in runs."""
    market = prepared(count)
    run, state = market.run, market.run.shards[0].state
    rows = state.rows()

    def singly() -> None:
        for message in singles.pop(0):
            run.feed(message)

    singles = [market.calm(TICKS) for _ in range(ROUNDS)]
    recompute, one = median_s(ROUNDS, lambda: state.columns.measure(state.accounts, rows), singly)
    chunks = [market.calm(TICKS) for _ in range(ROUNDS)]
    (many,) = median_s(ROUNDS, lambda: run.feed_run(chunks.pop(0)))
    one, many = one / TICKS, many / TICKS
    print(
        f"  {count:9,} accounts: {one * 1e6:7.1f} us a tick, {many * 1e6:6.2f} us in runs; full recompute "
        f"{recompute * 1e6:11.0f} us: {recompute / one:8.0f} x, {recompute / many:9.0f} x",
        flush=True,
    )
    return one, many


def crash(count: int) -> None:
    """Prints one size: a fall of all marks by a fifth, in steps."""
    market = prepared(count)
    run, ticks, steps = market.run, 0, 40 if count < 100_000 else 4
    start = time.process_time()
    for step in range(1, steps + 1):
        for message in market.crash(step, steps):
            run.feed(message)
            ticks += 1
    taken = time.process_time() - start
    status = np.bincount(run.shards[0].state.accounts.status[:count], minlength=7)
    print(
        f"  {count:9,} accounts: {taken / ticks * 1e6:11.0f} us a tick of {ticks}; statuses then {status.tolist()}",
        flush=True,
    )


def main() -> None:
    """Prints machine, sizes and figures."""
    sizes = [int(size) for size in sys.argv[1:]] or [1_000, 10_000, 100_000, 1_000_000]
    print(f"{machine()}; {len(NAMES)} instruments, {TICKS:,} ticks a round, {ROUNDS} rounds, medians")
    print("calm")
    found = [calm(size) for size in sizes]
    for name, column in (("one by one", 0), ("in runs", 1)):
        print(f"  {sizes[-1]:,} against {sizes[0]:,}, {name}: {found[-1][column] / found[0][column]:.2f} x")
    print("crash")
    for size in sizes:
        crash(size)


if __name__ == "__main__":
    main()
