"""Replay of real best bids and real trades from disk, against pure decoding of the same lines in the same run.

    python -m benchmarks.replay [LINES]

Logs of LINES lines each (300,000 by default) are written to a temporary directory: every best bid of a Binance
session as a price,
every trade of that session as a trade between two of 20,000 made-up funded accounts. The replay reads, decodes, merges
(with heartbeats) and folds them with one shard; nobody asked for journal and events. Twice the baseline (msgspec alone,
typed, joined arrays) is the goal, and a million a second. `one by one` is the same replay without runs.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from benchmarks import decode
from benchmarks.venue import BASE, machine, median_s, reference
from schemas import inputs
from schemas.message import Input
from streams.driver import Venue
from streams.logs import find_logs
from streams.merge import merge_logs

ROUNDS = 3
HEARTBEAT_MS = 60_000


def replayed(folder: Path, *, in_runs: bool) -> int:
    """Replays all logs of a directory; how many inputs were accepted."""
    venue = Venue()
    for batch in merge_logs(find_logs(folder), HEARTBEAT_MS):
        done = 0
        while done < len(batch.messages) and not (in_runs and venue.books):
            venue.feed(batch.messages[done])  # type: ignore[arg-type]  # these logs hold nothing to refuse
            done += 1
        if done < len(batch.messages):
            _, refused = venue.books["main"].feed_run(batch.messages[done:])  # type: ignore[arg-type]
            if refused:
                raise SystemExit(f"refused: {refused[0]}")
    return venue.books["main"].book.seq


def texts(lines: list[bytes], field: bytes) -> dict[str, str]:
    """The first price of each instrument."""
    found: dict[str, str] = {}
    pattern = re.compile(rb'"instrument":"([^"]+)".*"' + field + rb'":"([^"]+)"')
    for line in lines[:50_000]:
        match = pattern.search(line)
        if match and match[1].decode() not in found:
            found[match[1].decode()] = match[2].decode()
    return found


def write(folder: Path, topic: str, lines: list[bytes], parties: int) -> None:
    """Reference, money and one topic."""
    listed = reference(texts(lines, b"mark" if topic == "prices" else b"price"), late_ms=1_000)
    start = msgspec.json.decode(lines[0])["time_ms"]
    money: list[Input] = []
    for remainder in (9_973,)[:parties]:
        money += [
            inputs.Deposit(
                id=f"in{number}/{remainder}", time_ms=start, account=f"m{number}/main", amount="50000000", **BASE
            )
            for number in range(remainder)
        ]
    opening: dict[str, list[Any]] = {"reference": [msgspec.structs.replace(one, time_ms=start) for one in listed]}
    opening["transfers"] = money
    for name, some in opening.items():
        if some:
            (folder / f"{name}.jsonl").write_bytes(b"".join(msgspec.json.encode(one) + b"\n" for one in some))
    (folder / f"{topic}.jsonl").write_bytes(b"\n".join(lines) + b"\n")


def measure(topic: str, lines: list[bytes], parties: int) -> None:
    """Prints one topic."""
    chunks = [lines[at : at + decode.CHUNK_LINES] for at in range(0, len(lines), decode.CHUNK_LINES)]
    joined = [b"[" + b",".join(chunk) + b"]" for chunk in chunks]
    array = msgspec.json.Decoder(decode.LISTS[topic]).decode
    with tempfile.TemporaryDirectory() as name, tempfile.TemporaryDirectory() as bare:
        folder, empty = Path(name), Path(bare)
        write(folder, topic, lines, parties)
        write(empty, topic, lines[:1], parties)
        steps: list[Callable[[], object]] = [
            decode.each(array, joined),
            lambda: decode.merge_all(folder, HEARTBEAT_MS),
            lambda: replayed(folder, in_runs=True),
            lambda: replayed(empty, in_runs=True),
        ]
        pure, merged, runs, opening = median_s(ROUNDS, *steps)
        (singly,) = median_s(1, lambda: replayed(folder, in_runs=False))
    print(f"{topic}: {len(lines):,} lines")
    rows = {"msgspec alone (baseline)": pure, "read, decoded, merged": merged, "replayed in runs": runs - opening}
    for what, taken in (rows | {"replayed one by one": singly - opening}).items():
        print(
            f"  {what:26} {len(lines) / taken / 1e6:6.3f} M/s {taken / len(lines) * 1e9:8.0f} ns {taken / pure:7.2f} x"
        )
    print(f"  (opening of the venue, taken off: {opening:.2f} s)", flush=True)


def main() -> None:
    """Prints machine, sizes, figures."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 300_000
    print(machine())
    measure("prices", decode.prices(count), 0)
    measure("trades", decode.trades(count), 1)


if __name__ == "__main__":
    main()
