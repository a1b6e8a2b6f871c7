"""Readers of bar files: each bar becomes up to four prices inside its own time.

A bar does not tell the order of its high and low. Assumed: open, low, high, close when it closes at or above its
open, else open, high, low, close; at 25, 50, 75 and 100 percent of the bar. So each price stands inside the bar
that made it, and nothing of a bar is known before the bar began.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from streams.scenario.market import DAY_MS, Floats, Ints, Market, Series, daily_volatility, to_ticks
from streams.scenario.venues import LOTS

Columns = dict[str, list[str]]
PATH_ASSUMED = (
    "order inside a bar: open, low, high, close if it closes at or above its open, else open, high, low, close, "
    "at 25, 50, 75 and 100 percent of the bar"
)
# Of coins: wide enough for what all coins did together, down and up again; one venue's wick or bad print is beyond.
LONG_BAND_PPM, SHORT_BAND_PPM = 650_000, 450_000


def read_columns(path: Path) -> Columns:
    """A CSV file by column."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        header = next(rows)
        return dict(zip(header, (list(c) for c in zip(*rows, strict=True)), strict=True))


def floats(columns: Columns, name: str) -> Floats:
    return np.array(columns[name], dtype=np.float64)


def ints(columns: Columns, name: str) -> Ints:
    return np.array(columns[name], dtype=np.int64)


def decimals_of(columns: Columns, *names: str) -> int:
    """Most decimal places that any of the columns shows."""
    return max(len(text.partition(".")[2]) for name in names for text in columns[name])


def bar_points(columns: Columns, tick: tuple[int, int], traded: Floats) -> tuple[Ints, Ints]:
    """(times, ticks) of all bars that traded; an open outside its bar's range is drawn to the nearest price in it."""
    low, high, close = (to_ticks(floats(columns, name), tick) for name in ("low", "high", "close"))
    first = np.clip(to_ticks(floats(columns, "open"), tick), low, high)
    rises = close >= first
    ticks = np.stack([first, np.where(rises, low, high), np.where(rises, high, low), close], axis=1)
    start, end = ints(columns, "bar_start_ms"), ints(columns, "bar_end_ms")
    times = start[:, None] + (end - start)[:, None] * np.arange(1, 5)[None, :] // 4
    live = traded > 0
    return times[live].ravel(), ticks[live].ravel()


def bar_series(
    columns: Columns, symbol: str, kind: str, tick: tuple[int, int], lot: tuple[int, int], quantity: Floats
) -> Series:
    """One instrument of a bar file; `quantity` is what each bar traded, in coins (inverse: contracts)."""
    times, ticks = bar_points(columns, tick, quantity)
    start, end = ints(columns, "bar_start_ms"), ints(columns, "bar_end_ms")
    opening = int(to_ticks(floats(columns, "open")[:1], tick)[0])
    return Series(
        symbol=symbol, kind=kind, tick=tick, lot=lot, opening_ticks=opening, times_ms=times, ticks=ticks,
        daily_quantity=float(quantity.sum()) * DAY_MS / float(end[-1] - start[0]),
        volatility=daily_volatility(floats(columns, "close"), float(end[0] - start[0])),
        half_spread_ticks=max(1, round(opening * 0.5e-4)),
    )  # fmt: skip


def read_bitmex(columns: Columns) -> Market:
    """BitMEX XBTUSD: inverse, a contract is USD 1, tick 0.5, settled in XBT."""
    series = bar_series(columns, "XBTUSD", "inverse", (5, 1), (1, 0), floats(columns, "volume_usd_contracts"))
    real = ["BitMEX XBTUSD last-trade prices by the minute, 11 to 14 March 2020; bars without volume give no price"]
    return Market("bitmex", "bitmex-xbt", "XBT", 8, 15_000, 250_000, (series,), real=real, assumed=[PATH_ASSUMED])


def read_ftx(columns: Columns) -> Market:
    """FTX BTC-PERP: linear, settled in USD, price increment 1, size increment 0.0001."""
    coins = floats(columns, "volume_usd") / floats(columns, "close")
    series = bar_series(columns, "BTC-PERP", "linear", (1, 0), (1, 4), coins)
    real = ["FTX BTC-PERP prices and volume by the minute, 20 to 25 January 2022"]
    return Market("ftx", "ftx-usd", "USD", 6, 15_000, 100_000, (series,), real=real, assumed=[PATH_ASSUMED])


def read_binance_bars(columns: Columns) -> Market:
    """Several coins in one USDT book; the tick is the finest place a coin's prices show."""
    symbols = np.array(columns["symbol"])
    found = []
    for symbol in sorted(set(columns["symbol"])):
        rows = np.flatnonzero(symbols == symbol)
        own = {name: [texts[row] for row in rows] for name, texts in columns.items()}
        tick = (1, decimals_of(own, "open", "high", "low", "close"))
        found.append(bar_series(own, symbol, "linear", tick, LOTS[symbol], floats(own, "volume_base")))
    step = int(columns["bar_end_ms"][0]) - int(columns["bar_start_ms"][0])
    band = LONG_BAND_PPM if step > 3_600_000 else SHORT_BAND_PPM
    real = [f"Binance spot prices and volume of {len(found)} coins, {step // 60_000}-minute bars, bad prints and all"]
    assumed = [PATH_ASSUMED, "spot prices of one venue stand for the marks of its perpetuals"]
    return Market("binance", "binance-usdt", "USDT", 6, step // 4, band, tuple(found), real=real, assumed=assumed)
