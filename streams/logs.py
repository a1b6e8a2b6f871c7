"""A directory of logs (RULEBOOK 16.2): one JSON-lines file a topic, plain, .gz or .zst, read in blocks of whole lines.

Nothing is held beyond a block: not a file, not a long line, not what a few compressed bytes can swell to. What is
wrong with a file comes out where it stands, as a block of one refused line: LINE_TOO_LONG, CUT_LINE, CUT_FILE.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from schemas.codes import Code, Refused
from schemas.decode import LINE_MAX_BYTES
from schemas.diagnose import is_json
from schemas.inputs import TOPICS
from streams.unpack import GZ_READ_BYTES, ZST_READ_BYTES, Cut, gunzip, unzstd

BLOCK_BYTES = 1 << 20
PREFIX_BYTES = 1 << 12
SUFFIXES = (".jsonl", ".jsonl.gz", ".jsonl.zst")


class LogsError(ValueError):
    """The logs cannot be read as asked: no directory, no known file, two files for a topic, no permission."""


@dataclass(slots=True)
class Log:
    """One file of one topic; `done_bytes` of its `size_bytes` on disk have been read so far."""

    path: Path
    topic: str
    size_bytes: int = 0
    done_bytes: int = 0


@dataclass(slots=True, eq=False)
class Block:
    r"""Some consecutive lines of a log: `data` holds them joined by b"\n", with no empty line.

    `numbers` are their places in the file, from 1. With `refused` the block is one line that is refused as it stands;
    of a line that is too long, `data` is the beginning.
    """

    log: Log
    data: bytes
    numbers: NDArray[np.int64]
    refused: Refused | None = None
    _lines: list[bytes] = field(default_factory=list, init=False, repr=False)

    def lines(self) -> list[bytes]:
        """The lines without their ends; made when first asked for, which good lines never are."""
        if not self._lines:
            self._lines = [self.data] if self.refused else self.data.split(b"\n")
        return self._lines


def find_logs(directory: Path) -> list[Log]:
    """The log of each topic that has one, in the order of the topics. Raises LogsError."""
    try:
        names = {path.name for path in directory.iterdir()}
    except OSError as error:
        raise LogsError(f"cannot read the directory {directory}: {error.strerror}") from error
    found = []
    for topic in TOPICS:
        paths = [directory / f"{topic}{suffix}" for suffix in SUFFIXES if f"{topic}{suffix}" in names]
        if len(paths) > 1:
            raise LogsError(f"two logs for one topic: {', '.join(path.name for path in paths)} in {directory}")
        found += [open_log(path, topic) for path in paths]
    if not found:
        known = ", ".join(f"{topic}.jsonl" for topic in TOPICS)
        raise LogsError(f"no log in {directory}: expected at least one of {known} (or .jsonl.gz, .jsonl.zst)")
    return found


def open_log(path: Path, topic: str) -> Log:
    """One file as a log; the suffix says how it is packed. Raises LogsError."""
    try:
        return Log(path, topic, path.stat().st_size)
    except OSError as error:
        raise LogsError(f"cannot read {path}: {error.strerror}") from error


def read_blocks(log: Log) -> Iterator[Block]:
    """The lines of a log, in order. Raises LogsError when the file cannot be read; all else comes out refused."""
    splitter = _Splitter(log)
    try:
        with log.path.open("rb") as file:
            for piece in _unpacked(log, file):
                yield from splitter.feed(piece)
    except Cut as cut:
        yield from splitter.finish(Refused(Code.CUT_FILE, f"{log.path.name}: {cut}"))
    except OSError as error:
        raise LogsError(f"cannot read {log.path}: {error.strerror}") from error
    else:
        yield from splitter.finish(None)


def _unpacked(log: Log, file: BinaryIO) -> Iterator[bytes]:
    """The content of a log in pieces of bounded size."""
    if log.path.suffix == ".gz":
        return gunzip(_pieces(log, file, GZ_READ_BYTES), BLOCK_BYTES)
    if log.path.suffix == ".zst":
        return unzstd(_pieces(log, file, ZST_READ_BYTES))
    return _pieces(log, file, BLOCK_BYTES)


def _pieces(log: Log, file: BinaryIO, size: int) -> Iterator[bytes]:
    """The bytes on disk, counted."""
    while piece := file.read(size):
        log.done_bytes += len(piece)
        yield piece


class _Splitter:
    """Cuts pieces into blocks of whole lines; holds at most one unfinished line, and of a long one its beginning."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._tail = b""
        self._tail_bytes = 0  # how long the unfinished line is, of which the tail may be only the beginning
        self._next = 1

    def feed(self, piece: bytes) -> Iterator[Block]:
        """Blocks of the lines that are complete now."""
        for start in range(0, len(piece), BLOCK_BYTES):
            yield from self._feed(piece[start : start + BLOCK_BYTES])

    def _feed(self, piece: bytes) -> Iterator[Block]:
        first = piece.find(b"\n")
        if first < 0:
            self._keep(piece)
            return
        # The unfinished line ends here; later lines of the piece are shorter than the piece, so never too long.
        self._keep(piece[:first])
        head, head_bytes = self._tail, self._tail_bytes
        last = piece.rfind(b"\n")
        self._tail, self._tail_bytes = piece[last + 1 :], len(piece) - last - 1
        if head_bytes > LINE_MAX_BYTES:
            yield self._too_long(head, head_bytes)
            yield from self._block(piece[first + 1 : last]) if last > first else ()
        else:
            yield from self._block(head + piece[first:last])

    def finish(self, cut: Refused | None) -> Iterator[Block]:
        """The last line, if it has no end; then the refusal of a file that was cut."""
        tail, self._tail = self._tail, b""
        if self._tail_bytes > LINE_MAX_BYTES:
            yield self._too_long(tail, self._tail_bytes)
        elif is_json(tail):
            yield from self._block(tail)
        elif cut is not None:
            yield self._refused(tail, cut)
            return
        elif tail.strip():
            reason = f"{self._log.path.name} ends in the middle of line {self._next}"
            yield self._refused(tail, Refused(Code.CUT_LINE, reason))
        if cut is not None:
            yield self._refused(b"", cut)

    def _keep(self, piece: bytes) -> None:
        """The unfinished line grows; once it is too long, only its beginning is kept."""
        self._tail_bytes += len(piece)
        if self._tail_bytes <= LINE_MAX_BYTES:
            self._tail += piece
        elif len(self._tail) != PREFIX_BYTES:
            self._tail = (self._tail + piece)[:PREFIX_BYTES]

    def _block(self, data: bytes) -> Iterator[Block]:
        """Consecutive lines, empty ones taken out but counted; none at all gives no block."""
        if b"\r" in data:
            data = data.replace(b"\r\n", b"\n").removesuffix(b"\r")
        ends = np.flatnonzero(np.frombuffer(data, np.uint8) == ord("\n"))
        numbers = np.arange(self._next, self._next + len(ends) + 1, dtype=np.int64)
        self._next += len(numbers)
        if data[:1] in b"\n" or data[-1:] == b"\n" or (np.diff(ends) == 1).any():
            lines = data.split(b"\n")
            kept = [at for at, line in enumerate(lines) if line]
            data, numbers = b"\n".join([lines[at] for at in kept]), numbers[kept]
        if data:
            yield Block(self._log, data, numbers)

    def _too_long(self, head: bytes, size: int) -> Block:
        reason = f"{size} bytes, at most {LINE_MAX_BYTES}; only the first {PREFIX_BYTES} are kept here"
        return self._refused(head[:PREFIX_BYTES], Refused(Code.LINE_TOO_LONG, reason))

    def _refused(self, data: bytes, refused: Refused) -> Block:
        number = self._next
        self._next += 1
        return Block(self._log, data, np.array([number], np.int64), refused)
