"""A small venue written by hand, as logs: enough for calls, a liquidation, a default and a loss, in milliseconds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

Lines = dict[str, list[dict[str, Any]]]
BOOK = "perp"
START_MS = 1_600_000_000_000
RULES = {"version": 1, "author": "ops", "reason": "opened"}


def _line(kind: str, number: int, time_ms: int, /, **fields: Any) -> dict[str, Any]:
    return {"type": kind, "book": BOOK, "id": f"{kind}-{number}", "time_ms": START_MS + time_ms, **fields}


def _reference() -> list[dict[str, Any]]:
    brackets = {
        "mm_brackets": [{"floor": "0", "rate_ppm": 50_000}],
        "im_brackets": [{"floor": "0", "rate_ppm": 100_000}],
    }
    layers = [
        {"id": "own", "kind": "defaulter_contribution", "rank": 1},
        {"id": "fund", "kind": "insurance", "rank": 2},
        {"id": "mutual", "kind": "guarantee_fund", "rank": 3},
        {"id": "gains", "kind": "gains_haircut", "rank": 4},
        {"id": "rest", "kind": "uncovered", "rank": 5},
    ]
    return [
        _line("book", 1, 0, settlement_asset="USD", decimals=2, **RULES),
        _line("instrument", 1, 0, instrument="BTC", kind="linear", tick="0.5", lot="0.001", mark="10000",
              max_price="100000", position_limit="1000", half_spread_ticks=1, **brackets, **RULES),
        _line("parameters", 1, 0, call_ms=600_000, liquidation_fee_ppm=5_000, window_ms=5_000, **RULES),
        _line("waterfall", 1, 0, layers=layers, **RULES),
    ]  # fmt: skip


def venue() -> Lines:
    """Six members, alice highly levered long; the price falls by 30% in a minute and comes back in part."""
    deposits = {
        "alice": "11000",
        "bob": "60000",
        "carol": "9000",
        "dave/btc": "5200",
        "erin": "30000",
        "frank": "20000",
    }
    transfers = [
        _line("deposit", number, 1_000, account=name, amount=amount)
        for number, (name, amount) in enumerate({"@insurance/perp": "500", **deposits}.items())
    ]
    transfers += [_line("contribution", 1, 1_000, member="bob", amount="1500")]
    transfers += [_line("withdrawal", 1, 70_000, account="bob", amount="100.25")]
    transfers += [_line("withdrawal", 2, 70_500, account="erin", amount="29999")]
    pairs = [("alice", "bob", "10"), ("carol", "bob", "6"), ("dave/btc", "erin", "5"), ("frank", "erin", "2")]
    trades = [
        _line("trade", number, 3_000, buyer=buyer, seller=seller, instrument="BTC", quantity=lots, price="10000")
        for number, (buyer, seller, lots) in enumerate(pairs)
    ]
    path = [10000, 9900, 9450, 9400, 8990.5, 8500, 8200, 7600, 7000, 7250, 7400]
    prices = [_line("price", 0, 2_000, instrument="BTC", mark="10000")]
    prices += [
        _line("price", number, 5_000 * number, instrument="BTC", mark=str(price))
        for number, price in enumerate(path, 1)
    ]
    prices += [_line("price", 90, 90_000, instrument="BTC", mark="7500.0")]
    opened = _line("command", 1, 500, kind="open_account", account="dave/btc", limited=True, **RULES)
    return {"reference": _reference(), "commands": [opened], "transfers": transfers, "prices": prices, "trades": trades}


def encode(lines: Lines) -> dict[str, bytes]:
    """Each topic as the bytes of its log."""
    return {topic: b"".join(json.dumps(line).encode() + b"\n" for line in rows) for topic, rows in lines.items()}


def write(directory: Path, lines: Lines | None = None) -> Path:
    """The venue's logs in a directory."""
    directory.mkdir(parents=True, exist_ok=True)
    for topic, content in encode(lines or venue()).items():
        (directory / f"{topic}.jsonl").write_bytes(content)
    return directory
