"""Lanes: what intake has of each partition, and in which order it goes on.

Keys are the running maximum of event time in a partition, so each keeps its own order; among partitions the smallest
key goes first, then the lower rank of its topic. What goes is taken in stretches of consecutive lines of one chunk.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from streams.live.frames import Lines

Stretch = tuple["Chunk", int, int]


@dataclass(slots=True, eq=False)
class Chunk:
    """The good lines of a chunk, whose book each is for, and their keys; `at` goes next, `done` acknowledges all."""

    lines: Lines
    books: list[str]
    keys: NDArray[np.int64]
    done: Callable[[], None]
    at: int = 0

    def of(self, book: str, start: int, stop: int) -> Lines:
        """The lines of a stretch that are for a book."""
        lines, books = self.lines[start:stop], self.books[start:stop]
        return lines if books.count(book) == len(books) else lines.only([one == book for one in books])


@dataclass(slots=True)
class Lane:
    """A partition: its chunks in order, the offset behind the last, the latest event time among them.

    `waits_since`: when it began to hold the others back.
    """

    rank: tuple[int, int]
    chunks: deque[Chunk] = field(default_factory=deque)
    next: int = 0
    latest_ms: int = 0
    waits_since: float | None = None

    def add(self, lines: Lines, books: list[str], times: list[int], done: Callable[[], None]) -> None:
        """One more chunk."""
        keys = np.maximum.accumulate(np.array([self.latest_ms, *times], np.int64))
        self.latest_ms = int(keys[-1])
        self.chunks.append(Chunk(lines, books, keys[1:], done))

    @property
    def first(self) -> Chunk | None:
        """The chunk whose line is next."""
        return next((chunk for chunk in self.chunks if chunk.at < len(chunk.keys)), None)

    @property
    def waiting(self) -> int:
        """Lines that have not gone yet."""
        return sum(len(chunk.keys) - chunk.at for chunk in self.chunks)

    @property
    def head(self) -> tuple[int, tuple[int, int]] | None:
        """The key of the next line, with the lane's rank."""
        chunk = self.first
        return None if chunk is None else (int(chunk.keys[chunk.at]), self.rank)

    def acknowledge(self) -> None:
        """The chunks of which every line went, in their order."""
        while self.chunks and self.chunks[0].at == len(self.chunks[0].keys):
            self.chunks.popleft().done()


def ready(lanes: Iterable[Lane], may_empty: Callable[[Lane], bool]) -> list[Stretch]:
    """What may go now, in order: up to where a lane runs empty that `may_empty` denies, since more of it is to come."""
    found: list[Stretch] = []
    by_rank = {lane.rank: lane for lane in lanes}
    while heads := sorted(head for lane in by_rank.values() if (head := lane.head)):
        lane = by_rank[heads[0][1]]
        chunk = lane.first
        if chunk is None:
            break
        stop = len(chunk.keys)
        if len(heads) > 1:
            key, rank = heads[1]
            stop = int(np.searchsorted(chunk.keys, key, "right" if lane.rank < rank else "left"))
        found.append((chunk, chunk.at, stop))
        chunk.at = stop
        if lane.first is None and not may_empty(lane):
            break
    return found
