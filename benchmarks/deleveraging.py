"""How long one round of deleveraging over many candidates takes, next to one numpy sort of as many int64.

Run from the repository root: python -m benchmarks.deleveraging [candidates]

Draws are of columns, as the clearing house has them once the answers are read; sort and draw alternate in one process.
Below stands the whole of one decision from the rows of the answers: the batch by its rule, by the three others for the
counterfactual, and apart from that the receipts, each hashed under a root.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable
from statistics import median
from time import process_time

import numpy as np

from benchmarks.allocation import processor
from engine.allocation import allocate
from engine.deleveraging import draw
from engine.deleveraging.receipts import lot_draw
from engine.deleveraging.tiers import give
from schemas.rows import Batch, Candidate

REPEATS, FEW = 11, 3


def main() -> None:
    """Print machine, size, and a line per draw."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    chance = np.random.default_rng(7)
    held = chance.integers(1, 2**30, count)
    rooms = np.minimum(held, chance.integers(1, 2**30, count))
    scores, weights = chance.integers(0, 2**40, count), chance.integers(1, 2**40, count)
    lots, numbers = int(rooms.sum()) // 3, chance.integers(0, 2**62, count)
    print(f"{processor()}; Python {platform.python_version()}, numpy {np.__version__}")
    print(f"{count} candidates, a third of their room to give, medians of {REPEATS} runs, processor time of one thread")
    _show("queue by score", lambda: draw.queue(lots, scores, rooms), numbers, REPEATS)
    _show("pro rata to lots", lambda: allocate(lots, held, rooms), numbers, REPEATS)
    _show("capped pro rata", lambda: allocate(lots, held, draw.capped(rooms, held, 500_000)), numbers, REPEATS)
    _show("risk-aware weights", lambda: allocate(lots, weights, rooms), numbers, REPEATS)
    columns = (one.tolist() for one in (held, rooms, scores, weights))
    rows = [Candidate(f"m{at:07}", 2, -q, room, score, weight)
            for at, (q, room, score, weight) in enumerate(zip(*columns, strict=True))]  # fmt: skip
    batch = Batch("z", "X", lots, 1, 1, 0, "adl", 1, "bankruptcy", "queue", "hyperliquid", 500_000, 1)
    _show("one decision, with counterfactuals", lambda: give(lots, rows, batch), numbers, FEW)
    given = give(lots, rows, batch).given[0]
    _show("its receipts", lambda: lot_draw(given), numbers, FEW)


def seconds(work: Callable[[], object]) -> float:
    """Processor time of one call: all here is one thread."""
    start = process_time()
    work()
    return process_time() - start


def _show(
    name: str, work: Callable[[], object], numbers: np.ndarray[tuple[int], np.dtype[np.int64]], runs: int
) -> None:
    """One line: medians of the work and of the sort between its runs."""
    pairs = [(seconds(work), seconds(lambda: np.sort(numbers))) for _ in range(runs + 1)][1:]
    mine, sort = (median(one) for one in zip(*pairs, strict=True))
    print(f"{name:<36} {mine * 1e3:9.1f} ms   sort {sort * 1e3:6.1f} ms   ratio {mine / sort:7.1f}")


if __name__ == "__main__":
    main()
