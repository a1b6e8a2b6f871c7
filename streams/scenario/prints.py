"""Readers of files finer than bars: quotes by the minute, every trade, every change of the best quotes."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from streams.scenario.bars import Columns, floats, ints
from streams.scenario.market import (
    DAY_MS,
    Fills,
    Floats,
    Ints,
    Market,
    Series,
    UnknownMarketFile,
    daily_volatility,
    to_ticks,
)
from streams.scenario.venues import LOTS

TICKS = {"BTCUSDT": (1, 1), "ETHUSDT": (1, 2)}
LIQUIDATED_SHARE = 0.01  # of the volume, for the file that has no volume
GRID = 240  # points a session is cut into to measure its volatility


def read_quotes(columns: Columns) -> Market:
    """ETHUSDT by the minute: the mid of bid and ask, rounded to the tick, at the time of the sample."""
    bid, ask = floats(columns, "bid"), floats(columns, "ask")
    ticks = np.rint((bid + ask) / 2 * 100).astype(np.int64)
    times = ints(columns, "sample_ts_ms")
    liquidated = floats(columns, "liq_long_eth").sum() + floats(columns, "liq_short_eth").sum()
    series = Series(
        symbol="ETHUSDT", kind="linear", tick=TICKS["ETHUSDT"], lot=LOTS["ETHUSDT"],
        opening_ticks=int(ticks[0]), times_ms=times, ticks=ticks,
        daily_quantity=float(liquidated) / LIQUIDATED_SHARE * DAY_MS / float(times[-1] - times[0] + 60_000),
        volatility=daily_volatility(ticks.astype(np.float64), 60_000),
        half_spread_ticks=max(1, round(float(np.mean(ask - bid)) * 50)),
    )  # fmt: skip
    real = ["ETHUSDT quotes by the minute, 9 to 13 January 2021: their mid and their spread"]
    assumed = ["the volume, which the file lacks: its real liquidated volume is taken as 1 percent of it"]
    return Market("binance", "binance-usdt", "USDT", 6, 60_000, 100_000, (series,), real=real, assumed=assumed)


def read_trades(path: Path, session: int) -> Market:
    """Every trade of Binance's USDT perpetuals in one session; an INSURANCE_FUND print is a trade but no price."""
    rows = [r for r in gz_rows(path) if r["market"] == "um" and r["session"] == str(session)]
    if not rows:
        raise UnknownMarketFile(f"no session {session}: the sessions are 1, 2 and 3")
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    symbols = sorted(set(columns["symbol"]))
    which = np.array([symbols.index(symbol) for symbol in columns["symbol"]], dtype=np.int64)
    times, prices, coins = ints(columns, "trade_ts_ms"), floats(columns, "price"), floats(columns, "qty")
    ordinary = np.array([kind != "INSURANCE_FUND" for kind in columns["order_type"]])
    series, ticks, lots = [], np.zeros(len(rows), dtype=np.int64), np.zeros(len(rows), dtype=np.int64)
    for at, symbol in enumerate(symbols):
        own = which == at
        ticks[own], lots[own] = to_ticks(prices[own], TICKS[symbol]), to_ticks(coins[own], LOTS[symbol])
        traded = float(coins[own].sum()) * DAY_MS / float(times[-1] - times[0])
        series.append(print_series(symbol, times[own & ordinary], ticks[own & ordinary], traded, 1))
    fills = Fills(times, which, ticks, lots, np.array([side == "buy" for side in columns["taker_side"]]))
    real = [f"every trade of session {session} of {', '.join(symbols)}: price, size, time, taker's side"]
    assumed = [
        "who bought and who sold: accounts are drawn for each real trade",
        "a day's volume: the session's, extended",
    ]
    return Market("binance", "binance-usdt", "USDT", 6, 100, 10_000, tuple(series), fills, real, assumed)


def read_quote_changes(path: Path) -> Market:
    """Every change of the best quotes of the USDT perpetuals: the mid, rounded down to the tick, at exchange time."""
    kept: dict[str, list[tuple[int, float, float, float]]] = {}
    for row in gz_rows(path):
        if row["market"] == "um":
            sizes = float(row["bid_qty"]) + float(row["ask_qty"])
            kept.setdefault(row["symbol"], []).append(
                (int(row["event_ts_ms"]), float(row["bid"]), float(row["ask"]), sizes)
            )
    series = [quote_series(symbol, kept[symbol]) for symbol in sorted(kept)]
    real = [f"every change of the best bid and ask of {', '.join(sorted(kept))}: their mid and their spread"]
    assumed = ["a day's volume, which the file lacks: the mean size quoted at the best prices, traded once a second"]
    return Market("binance", "binance-usdt", "USDT", 6, 100, 10_000, tuple(series), real=real, assumed=assumed)


def quote_series(symbol: str, rows: list[tuple[int, float, float, float]]) -> Series:
    """One instrument's mids in the order of exchange time."""
    table = np.array(sorted(rows, key=lambda row: row[0]), dtype=np.float64)
    bid, ask = to_ticks(table[:, 1], TICKS[symbol]), to_ticks(table[:, 2], TICKS[symbol])
    half = max(1, round(float(np.mean(ask - bid)) / 2))
    traded = float(table[:, 3].mean()) / 2 * 86_400
    return print_series(symbol, table[:, 0].astype(np.int64), (bid + ask) // 2, traded, half)


def print_series(symbol: str, times: Ints, ticks: Ints, traded: float, half_spread: int) -> Series:
    """A series of prints; its volatility is measured on an even grid, since single prints bounce."""
    grid = np.linspace(float(times[0]), float(times[-1]), GRID)
    sampled: Floats = ticks[np.searchsorted(times, grid, side="right") - 1].astype(np.float64)
    return Series(
        symbol=symbol, kind="linear", tick=TICKS[symbol], lot=LOTS[symbol], opening_ticks=int(ticks[0]),
        times_ms=times, ticks=ticks, daily_quantity=traded, half_spread_ticks=half_spread,
        volatility=daily_volatility(sampled, float(times[-1] - times[0]) / (GRID - 1)),
    )  # fmt: skip


def gz_rows(path: Path) -> Iterator[dict[str, str]]:
    """Rows of a packed CSV file."""
    with gzip.open(path, "rt", newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)
