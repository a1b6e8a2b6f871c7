"""A venue of any size for the benchmarks: N funded accounts with positions in M linear instruments."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np

from engine.ledger import OUTSIDE
from schemas import governed
from schemas.governed import Bracket, LayerMessage
from schemas.message import Input
from streams.driver import BookRun

BOOK = "main"
BASE: dict[str, Any] = {"book": BOOK}


def machine() -> str:
    """What this runs on."""
    versions = f"Python {platform.python_version()}, numpy {np.__version__}, msgspec {msgspec.__version__}"
    return f"{platform.machine()}, {os.cpu_count()} CPUs, {versions}"


def reference(marks: dict[str, str], band_ppm: int = 0, late_ms: int = 60_000, lot: str = "0.00001") -> list[Input]:
    """The messages that open the book: linear instruments with three brackets."""
    rule: dict[str, Any] = {**BASE, "time_ms": 0, "version": 1, "author": "bench", "reason": "bench"}
    mm = [Bracket("0", 5_000), Bracket("1000000", 10_000), Bracket("10000000", 50_000)]
    im = [Bracket("0", 10_000), Bracket("1000000", 20_000), Bracket("10000000", 100_000)]
    listing: dict[str, Any] = {"kind": "linear", "position_limit": "1000", "mm_brackets": mm, "im_brackets": im, **rule}
    found: list[Input] = [governed.BookMessage(id="book", settlement_asset="USDT", decimals=6, **rule)]
    for name, mark in marks.items():
        price: dict[str, Any] = {"tick": "0.0001", "mark": mark, "max_price": "400000", "band_ppm": band_ppm}
        if name.endswith("_PERP"):  # contracts of 10 dollars
            kind = {"kind": "inverse", "contract_value": "10", "lot": "1", "position_limit": "1000000"}
            found.append(governed.InstrumentMessage(id=name, instrument=name, **price, **(listing | kind)))
        else:
            found.append(governed.InstrumentMessage(id=name, instrument=name, lot=lot, **price, **listing))
    found.append(governed.ParametersMessage(id="rules", late_ms=late_ms, call_ms=3_600_000, **rule))
    end = [LayerMessage(id="end", kind="uncovered", rank=1)]
    found.append(governed.WaterfallMessage(id="waterfall", layers=end, **rule))
    return found


def opened(messages: list[Input]) -> BookRun:
    """A run with these fed."""
    first = messages[0]
    if not isinstance(first, governed.BookMessage):
        raise TypeError("the first message opens the book")
    run = BookRun(first)
    for message in messages:
        run.feed(message)
    return run


def fill(run: BookRun, count: int, seed: int = 1) -> None:
    """`count` accounts written straight into the columns, longs against shorts, leverage 1 to 20 in their notional."""
    state = run.shards[0].state
    accounts, random = state.accounts, np.random.default_rng(seed)
    for number in range(count):
        accounts.open(f"m{number}")
    marks = np.array([mark.price for mark in run.book.marks], np.int64)
    lots = random.integers(-9_000, 9_001, (count, len(marks))) * 1_000_000 // marks
    accounts.positions[:count] = lots
    value = lots * state.columns.a // state.columns.b
    notional = np.abs(value).sum(axis=1)
    cash = notional * 100 // random.integers(100, 2_001, count) + 1_000
    accounts.cash[:count] = cash - value.sum(axis=1)
    accounts.entries[:count] = value
    state.ledger.add(OUTSIDE, -sum(accounts.cash[:count].tolist()))
    for column, total in enumerate(lots.sum(axis=0).tolist()):
        state.ledger.add_lots(OUTSIDE, column, -total)
    state.sync()


def median_s(rounds: int, *steps: Callable[[], object]) -> list[float]:
    """The median processor time of each step over alternated rounds."""
    found: list[list[float]] = [[] for _ in steps]
    for _ in range(rounds):
        for step, times in zip(steps, found, strict=True):
            start = time.process_time()
            step()
            times.append(time.process_time() - start)
    return [statistics.median(times) for times in found]
