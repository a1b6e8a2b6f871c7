"""Which reader a market file needs: told by its columns, not by its name."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

from streams.scenario.bars import read_binance_bars, read_bitmex, read_columns, read_ftx
from streams.scenario.market import Market, UnknownMarketFile
from streams.scenario.prints import read_quote_changes, read_quotes, read_trades


def header_of(path: Path) -> set[str]:
    """Column names of a CSV file, plain or packed."""
    if path.suffix == ".gz":
        with gzip.open(path, "rt", encoding="utf-8") as packed:
            return set(packed.readline().strip().split(","))
    with path.open(encoding="utf-8") as plain:
        return set(plain.readline().strip().split(","))


def read_market(path: Path, session: int = 3) -> Market:
    """The market of a file. `session` picks one of three from the file of trades. Raises UnknownMarketFile."""
    try:
        return _read(path, session)
    except UnknownMarketFile:
        raise
    except (ValueError, LookupError, EOFError, csv.Error, gzip.BadGzipFile) as error:
        raise UnknownMarketFile(f"{path.name}: cut or broken: {error}") from error


def _read(path: Path, session: int) -> Market:
    header = header_of(path)
    if "taker_side" in header:
        return read_trades(path, session)
    if {"update_id", "bid_qty"} <= header:
        return read_quote_changes(path)
    bar_readers = {
        "volume_usd_contracts": read_bitmex,
        "volume_quote_usdt": read_binance_bars,
        "volume_usd": read_ftx,
        "liq_long_eth": read_quotes,
    }
    for column, reader in bar_readers.items():
        if column in header:
            return reader(read_columns(path))
    raise UnknownMarketFile(f"{path.name}: no reader knows these columns: {', '.join(sorted(header))}")
