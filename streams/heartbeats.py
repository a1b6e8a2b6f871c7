"""Heartbeats in a merged stream (RULEBOOK 16.2): time passes on a fixed grid also where the market is silent.

One for each book opened so far, before the first line later than its grid point. The id is `heartbeat/<grid time>`:
ids are per book and topic, and the name of a book may be as long as an id.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from schemas.codes import Refused
from schemas.governed import BookMessage
from schemas.inputs import AnyInput, Heartbeat
from streams.batch import NO_TIME, Batch, Times

BATCH_MESSAGES = 1 << 15


def with_heartbeats(windows: Iterable[Batch], grid_ms: int, gap_ms: int) -> Iterator[Batch]:
    """The same stream with heartbeats; a gap of more than `gap_ms` between two lines gets none."""
    now = NO_TIME
    books: dict[str, None] = {}
    for window in windows:
        steps = np.concatenate((np.array([now], np.int64), window.times_ms))
        yield from _woven(window, _gaps(steps, grid_ms, gap_ms), books, grid_ms)
        now = int(steps[-1])


def _gaps(steps: Times, grid_ms: int, gap_ms: int) -> list[tuple[int, int, int]]:
    """(position of the later line, first grid point, last grid point) where the grid is crossed.

    Between lines at times a < b stand the grid points g with a <= g < b: a line at g itself is not later than g.
    """
    marks = (steps - 1) // grid_ms
    crossed = (np.diff(marks) > 0) & (np.diff(steps) <= gap_ms) & (steps[:-1] != NO_TIME)
    places = np.flatnonzero(crossed)
    firsts, lasts = (marks[places] + 1) * grid_ms, marks[places + 1] * grid_ms
    return list(zip(places.tolist(), firsts.tolist(), lasts.tolist(), strict=True))


def _woven(window: Batch, gaps: list[tuple[int, int, int]], books: dict[str, None], grid_ms: int) -> Iterator[Batch]:
    """A window with heartbeats in its gaps, in batches of bounded size; `books` grows by those opened in it."""
    opened = _opened(window)
    weave, start = _Weave(window), 0
    for stop, first, last in gaps:
        weave.add_lines(start, stop)
        start = stop
        while opened and opened[0][0] < stop:
            books[opened.pop(0)[1]] = None
        for time_ms in range(first, last + 1, grid_ms) if books else ():
            weave.add_heartbeats(time_ms, books)
            if len(weave.messages) >= BATCH_MESSAGES:
                yield weave.batch()
                weave = _Weave(window)
    weave.add_lines(start, len(window.messages))
    books.update((book, None) for _, book in opened)
    yield weave.batch()


def _opened(window: Batch) -> list[tuple[int, str]]:
    """(position, book) of every message that opens a book."""
    parts = [number for number, block in enumerate(window.blocks) if block.log.topic == "reference"]
    messages = ((place, window.messages[place]) for place in np.flatnonzero(np.isin(window.part, parts)).tolist())
    return [
        (place, message.book) for place, message in messages if isinstance(message, BookMessage) and _opens(message)
    ]


def _opens(message: BookMessage) -> bool:
    """Whether the fold takes it: one that is to be in force before its own time is refused (17.2)."""
    return message.effective_ms is None or message.effective_ms >= message.time_ms


class _Weave:
    """A batch in the making: lines of one window, heartbeats between them."""

    def __init__(self, window: Batch) -> None:
        self.messages: list[AnyInput | Refused] = []
        self._window = window
        self._places: list[Times] = []
        self._times: list[Times] = []

    def add_lines(self, start: int, stop: int) -> None:
        """Lines of the window, as they stand."""
        self.messages += self._window.messages[start:stop]
        self._places.append(np.arange(start, stop, dtype=np.int64))
        self._times.append(self._window.times_ms[start:stop])

    def add_heartbeats(self, time_ms: int, books: Iterable[str]) -> None:
        """One for each book."""
        name = f"heartbeat/{time_ms}"
        beats = [Heartbeat(book=book, id=name, time_ms=time_ms) for book in books]
        self.messages += beats
        self._places.append(np.full(len(beats), -1, np.int64))
        self._times.append(np.full(len(beats), time_ms, np.int64))

    def batch(self) -> Batch:
        """What was added so far."""
        places = np.concatenate(self._places)
        ours = places < 0
        part, place = self._window.part[places], self._window.place[places]
        part[ours], place[ours] = -1, 0
        return Batch(self.messages, np.concatenate(self._times), part, place, self._window.blocks)
