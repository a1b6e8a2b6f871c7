"""How long one exact allocation over many members takes, next to one numpy sort of as many int64.

Run from the repository root: python -m benchmarks.allocation [members]

Sort and allocation alternate in one process, so that both meet the same caches, clock and allocator; the ratio
is that of the medians. Times include validation and all temporary memory. Remainder ranks are asked for only
where receipts are written, and stand on their own line. `heavy` fills one member with each pass of a plain
fixed point; in `close` all caps per weight agree to about 40 binary digits; `wide` leaves int64.
"""

import platform
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from engine.allocation import Allocation, allocate

Column = NDArray[np.int64] | NDArray[np.object_]
Case = tuple[str, int, Column, Column | None]

REPEATS = 21
WIDE_REPEATS = 3


def cases(members: int) -> Iterator[Case]:
    """Name, amount, weights, caps; weights are sums of money, up to 2^40 units."""
    chance = np.random.default_rng(20)
    weights = chance.integers(1, 2**40, members)
    caps = chance.integers(0, 2**40, members)
    yield "a  no caps", int(weights.sum()) * 3 // 7, weights, None
    yield "a  caps of twice the weight", int(weights.sum()) * 3 // 7, weights, 2 * weights
    for percent in (50, 90, 99):
        yield f"b  random caps, {percent}% of them drawn", int(caps.sum()) * percent // 100, weights, caps
    yield "c  adversarial caps: heavy", *heavy(members)
    close = weights + chance.integers(0, 2, members)
    yield "c  adversarial caps: close", int(close.sum()) - members // 5, weights, close
    yield "   wide: weights of 70 bits", int(caps.sum()) // 2, weights.astype(object) << 30, caps


def heavy(members: int) -> tuple[int, NDArray[np.int64], NDArray[np.int64]]:
    """Weights that halve, each cap just above what its member pays at the level before; the rest never full."""
    count, left, before = 36, 2**60, (0, 1)
    weights, caps = np.ones(members, dtype=np.int64), np.full(members, 2**50, dtype=np.int64)
    weights[:count] = [members << (count - i) for i in range(count)]
    total = int(weights.sum())
    for i, weight in enumerate(weights[:count].tolist()):
        cap = min(before[0] * weight // before[1] + 1, left * weight // total)
        caps[i], before, left, total = cap, (left, total), left - cap, total - weight
    return 2**60, weights, caps


def seconds(work: Callable[[], object]) -> float:
    """Time of one call."""
    start = perf_counter()
    work()
    return perf_counter() - start


def ranks(result: Allocation) -> object:
    """The ranks anew, past the cache."""
    return Allocation(
        result.shares, result.remainders, result.winners, result.level_units, result.level_weight
    ).remainder_ranks


def show(name: str, work: Callable[[], object], numbers: NDArray[np.int64], repeats: int) -> None:
    """One line: medians of the work and of the sort between its runs."""
    pairs = [(seconds(work), seconds(lambda: np.sort(numbers))) for _ in range(repeats + 1)][1:]
    mine, sort = (median(column) for column in zip(*pairs, strict=True))
    print(f"{name:<36} {mine * 1e3:9.1f} ms   sort {sort * 1e3:6.1f} ms   ratio {mine / sort:7.1f}")


def processor() -> str:
    """The model as the system names it."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.processor()}, {len(names) or 'unknown'} cores"


def main() -> None:
    """Print machine, size, and a line per case."""
    members = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    numbers = np.random.default_rng(1).integers(0, 2**62, members)
    print(f"{processor()}; Python {platform.python_version()}, numpy {np.__version__}")
    print(f"{members} members, medians of {REPEATS} runs (wide: {WIDE_REPEATS}), one thread")
    for name, amount, weights, caps in cases(members):
        wide = weights.dtype == object
        show(name, lambda: allocate(amount, weights, caps), numbers, WIDE_REPEATS if wide else REPEATS)  # noqa: B023
        if name.startswith("b  random caps, 50"):
            result = allocate(amount, weights, caps)
            show("   ranks of that, on demand", lambda: ranks(result), numbers, REPEATS)  # noqa: B023


if __name__ == "__main__":
    main()
