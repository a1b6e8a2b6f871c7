"""How fast lines become inputs: pure msgspec, decode_chunk, decode_block, and the merge of two logs from disk.

    python -m benchmarks.decode [LINES]

The lines are real: every best bid of a Binance session as a price, every trade of three sessions as a trade, repeated
with later times until there are LINES of them (300,000 by default). The baseline in the same run is msgspec alone,
typed, on the same lines: once as one joined array a chunk, once line by line.
"""

import csv
import gzip
import os
import platform
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import zstandard

from schemas.decode import decode_block, decode_chunk
from schemas.inputs import Funding, OpenOrders, Price, Settlement, Trade
from streams.logs import BLOCK_BYTES, find_logs, read_blocks
from streams.merge import merge_logs

DATA = Path(__file__).resolve().parent.parent / "data"
CHUNK_LINES = 4_000
ROUNDS = 5
TYPES: dict[str, Any] = {"prices": Price | Funding | Settlement, "trades": Trade | OpenOrders}
LISTS: dict[str, Any] = {"prices": list[Price | Funding | Settlement], "trades": list[Trade | OpenOrders]}


def table(name: str) -> list[dict[str, str]]:
    """The rows of a packed CSV file."""
    with gzip.open(DATA / name, "rt", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def repeated(rows: list[tuple[int, str]], count: int) -> Iterator[bytes]:
    """Rows of (time, line with two holes), sorted by time and repeated with later times, as lines."""
    rows.sort(key=lambda row: row[0])
    turn_ms = rows[-1][0] - rows[0][0] + 1
    for number in range(count):
        turn, place = divmod(number, len(rows))
        time_ms, text = rows[place]
        yield (text % (number, time_ms + turn * turn_ms)).encode()


def prices(count: int) -> list[bytes]:
    """Best bids as prices; the exchange's clock where it is given, else the receiver's."""
    text = '{"type":"price","book":"main","id":"p%%d","time_ms":%%d,"instrument":"%s","mark":"%s"}'
    rows = [
        (int(row["event_ts_ms"] or int(row["recv_ts_us"]) // 1000), text % (row["symbol"], row["bid"]))
        for row in table("binance_bbo_20240808_20240809.csv.gz")
    ]
    return list(repeated(rows, count))


def trades(count: int) -> list[bytes]:
    """Trades of the third session, the one that the best bids are of, with made-up parties."""
    text = (
        '{"type":"trade","book":"main","id":"t%%d","time_ms":%%d,"buyer":"m%s/main","seller":"m%s/main",'
        '"instrument":"%s","quantity":"%s","price":"%s"}'
    )
    rows = []
    for row in table("binance_trades_2023_2024.csv.gz"):
        if row["session"] == "3":
            number = int(row["trade_id"])
            parties = (number % 9_973, number % 9_967)
            rows.append((int(row["trade_ts_ms"]), text % (*parties, row["symbol"], row["qty"], row["price"])))
    return list(repeated(rows, count))


def seconds(run: Callable[[], object]) -> float:
    """Processor time of the best of some rounds: the others measure the neighbours."""
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.process_time()
        run()
        best = min(best, time.process_time() - start)
    return best


def each(step: Callable[[Any], object], chunks: list[Any]) -> Callable[[], None]:
    """Runs a step on each chunk and lets go of its result, as a stream does."""

    def run() -> None:
        for chunk in chunks:
            step(chunk)

    return run


def report(name: str, lines: int, taken: float, pure: float) -> None:
    """One row: what, events a second, nanoseconds an event, ratio to pure decode."""
    print(f"  {name:46} {lines / taken / 1e6:6.2f} M/s {taken / lines * 1e9:7.0f} ns {taken / pure:6.2f} x")


def decoding(topic: str, lines: list[bytes]) -> float:
    """Prints the rows of one topic and returns the time of pure decode."""
    chunks = [lines[at : at + CHUNK_LINES] for at in range(0, len(lines), CHUNK_LINES)]
    joined = [b"[" + b",".join(chunk) + b"]" for chunk in chunks]
    blocks = [b"\n".join(chunk) for chunk in chunks]
    numbers = [[re.sub(rb'"(mark|price|quantity)":"([^"]+)"', rb'"\1":\2', line) for line in chunk] for chunk in chunks]
    spoilt = [[*chunk[:50], b"{}", *chunk[51:]] for chunk in chunks]
    array, single = msgspec.json.Decoder(LISTS[topic]).decode, msgspec.json.Decoder(TYPES[topic]).decode
    pure = seconds(each(array, joined))
    print(f"{topic}: {len(lines):,} lines of {sum(map(len, lines)) // len(lines)} bytes, {CHUNK_LINES:,} a chunk")
    report("msgspec, a joined array a chunk (baseline)", len(lines), pure, pure)
    report("msgspec, line by line", len(lines), seconds(each(lambda chunk: list(map(single, chunk)), chunks)), pure)
    rows: dict[str, tuple[Callable[[Any], object], list[Any]]] = {
        "decode_chunk": (lambda chunk: decode_chunk(chunk, topic), chunks),
        "decode_chunk, one bad line a chunk": (lambda chunk: decode_chunk(chunk, topic), spoilt),
        "decode_chunk, decimals as JSON numbers": (lambda chunk: decode_chunk(chunk, topic), numbers),
        "decode_block (lines not made)": (lambda block: decode_block(block, topic), blocks),
    }
    for name, (step, inputs) in rows.items():
        report(name, len(lines), seconds(each(step, inputs)), pure)
    return pure


def merge_all(folder: Path, grid_ms: int) -> None:
    """Reads, decodes and merges all logs of a directory, and lets go of each batch."""
    for _ in merge_logs(find_logs(folder), grid_ms):
        pass


def merging(lines: dict[str, list[bytes]], pure: float) -> None:
    """Prints the rows of both topics read from disk, alone and merged."""
    total = sum(map(len, lines.values()))
    pack: dict[str, Callable[[bytes], bytes]] = {
        "": bytes,
        ".gz": gzip.compress,
        ".zst": zstandard.ZstdCompressor().compress,
    }
    for suffix, packed in pack.items():
        with tempfile.TemporaryDirectory() as folder:
            for topic, some in lines.items():
                (Path(folder) / f"{topic}.jsonl{suffix}").write_bytes(packed(b"\n".join(some) + b"\n"))
            size = sum(log.size_bytes for log in find_logs(Path(folder)))
            print(f"from disk, .jsonl{suffix}: {total:,} lines, {size / 1e6:.1f} MB, blocks of {BLOCK_BYTES >> 10} KiB")
            read = seconds(lambda: [len(block.data) for log in find_logs(Path(folder)) for block in read_blocks(log)])
            report("blocks of lines only", total, read, pure)
            for grid_ms in (0, 1000):
                merged = seconds(partial(merge_all, Path(folder), grid_ms))
                report(f"decoded and merged, heartbeat_ms={grid_ms}", total, merged, pure)


def main() -> None:
    """Prints machine, sizes, and figures."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 300_000
    python = f"Python {platform.python_version()}, msgspec {msgspec.__version__}"
    print(f"{platform.machine()}, {os.cpu_count()} CPUs, {python}")
    lines = {"prices": prices(count), "trades": trades(count)}
    pure = sum(decoding(topic, some) for topic, some in lines.items())
    merging(lines, pure)


if __name__ == "__main__":
    main()
