"""A run of inputs under judgement (runs): their kinds, ids and times, and how far nothing is wrong with them."""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.accounts import Ints
from engine.book import Book
from schemas.inputs import TOPIC_OF, Heartbeat, Price, Trade
from schemas.message import Input

_TIME, _ID = attrgetter("time_ms"), attrgetter("id")
KINDS = (Price, Trade, Heartbeat)


@dataclass(slots=True)
class Draft:
    """`stop` is the length so far not found wrong; `at` and `of` are positions and messages by kind, `clock` the time
    of the log after each.
    """

    messages: list[Input]
    stop: int
    times: Ints
    clock: Ints
    at: dict[type, list[int]] = field(default_factory=dict)
    of: dict[type, list[Any]] = field(default_factory=dict)

    def end(self, places: list[int] | Ints, bad: NDArray[np.bool_]) -> None:
        """The first bad one ends the run."""
        if bad.any():
            self.stop = min(self.stop, int(places[int(bad.argmax())]))


def drafted(book: Book, due_ms: int | None, messages: list[Input]) -> Draft:
    """The draft of some inputs: timely, before anything is due, of the kinds that go in runs, and with new ids."""
    count = len(messages)
    times = np.fromiter(map(_TIME, messages), np.int64, count)
    clock = np.maximum.accumulate(np.concatenate(([book.clock_ms], times)))
    draft = Draft(messages, count, times, clock[1:])
    bad = (times < clock[:-1] - book.parameters.late_ms) | (times > clock[:-1] + book.parameters.ahead_ms)
    if due_ms is not None:
        bad |= draft.clock >= due_ms
    draft.end(range(count), bad)  # type: ignore[arg-type]  # places are their own positions
    _sort(draft)
    for kind in KINDS:
        _require_new(draft, kind, book.seen.get(TOPIC_OF[kind], {}))
    return draft


def _sort(draft: Draft) -> None:
    """Places and messages by kind; one of another kind ends the run."""
    kinds = list(map(type, draft.messages))
    if len(set(kinds)) == 1:
        draft.at[kinds[0]], draft.of[kinds[0]] = range(len(kinds)), draft.messages  # type: ignore[assignment]
    else:
        for kind in set(kinds):
            at = [place for place, one in enumerate(kinds) if one is kind]
            draft.at[kind], draft.of[kind] = at, [draft.messages[place] for place in at]
    for kind, places in draft.at.items():
        if kind not in KINDS:
            draft.stop = min(draft.stop, places[0])


def _require_new(draft: Draft, kind: type, seen: dict[str, Input]) -> None:
    """An id that the book remembers, or that stands twice in the run, ends it."""
    ids = list(map(_ID, draft.of.get(kind, ())))
    new = set(ids)
    if len(new) == len(ids) and seen.keys().isdisjoint(new):
        return
    new.clear()
    for place, id in zip(draft.at[kind], ids, strict=True):
        if id in seen or id in new:
            draft.stop = min(draft.stop, place)
            return
        new.add(id)
