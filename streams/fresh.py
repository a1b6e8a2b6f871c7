"""A fresh run (RULEBOOK 2a.8, 16.2): all lines of some topic logs in merged order, quiet stretches at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from operator import attrgetter

import numpy as np

from schemas.codes import Refused
from schemas.inputs import AnyInput
from schemas.message import Input
from streams.batch import Batch
from streams.logs import Log
from streams.merge import merge_logs
from streams.present import iso
from streams.under_way import Ended, UnderWay

PROGRESS_LINES = 64
STRETCH = 8192  # lines looked at for a run at once
_BOOK = attrgetter("book")


def run_logs(run: UnderWay, logs: list[Log]) -> None:
    """All lines of some logs. Raises Ended."""
    size = sum(log.size_bytes for log in logs) or 1
    done = 0.0
    for batch in merge_logs(logs, run.settings.heartbeat_ms):
        share = sum(log.done_bytes for log in logs) / size
        _run_batch(run, batch, done, share)
        done = share


def _run_batch(run: UnderWay, batch: Batch, done: float, share: float) -> None:
    """One batch; progress goes from `done` to `share`."""
    until_ms, count, told = run.settings.until_ms, len(batch.messages), 0
    if run.settings.swap is not None:
        swap = run.settings.swap
        batch.messages = [one if isinstance(one, Refused) else swap(one) for one in batch.messages]
    end = count if until_ms is None else int(np.searchsorted(batch.times_ms, until_ms, "right"))

    def is_over(position: int) -> bool:
        nonlocal told
        if told <= position < count:
            told = position + PROGRESS_LINES
            run.watch.progress(done + (share - done) * position / count, int(batch.times_ms[position]))
        return run.watch.is_stopped

    position = 0
    for stop in _stops(batch.messages, end):
        while position < stop:
            some = _stretch(run, batch.messages[position:stop])
            fed = _feed_stretch(run, batch, position, some, is_over) if some else 1
            if not fed or (not some and is_over(position)):
                raise Ended("interrupted", "stopped by a signal")
            if not some:
                run.outputs.at(batch, position)
                _feed_line(run, batch.messages[position], is_ours=bool(batch.part[position] < 0))
            position += fed
    if end < count and until_ms is not None:
        raise Ended("until", f"stopped before the first line later than {iso(until_ms)}")


def _stops(messages: list[AnyInput | Refused], end: int) -> Iterator[int]:
    """Where stretches of one book end: where the book changes, around refusals, and every STRETCH lines."""
    try:
        books = list(map(_BOOK, messages[:end]))
    except AttributeError:  # a refusal among them
        books = [getattr(message, "book", place) for place, message in enumerate(messages[:end])]
    last = 0
    for place in [place for place, (one, other) in enumerate(pairwise(books), 1) if one != other] + [end]:
        yield from range(last + STRETCH, place, STRETCH)
        yield place
        last = place


def _stretch(run: UnderWay, some: list[AnyInput | Refused]) -> list[Input]:
    """Those of some lines of one open book that can be fed in a run: no snapshot is due before or among them."""
    inputs: list[Input] = [one for one in some if isinstance(one, Input)]
    if len(inputs) < len(some) or run.settings.strict or inputs[0].book not in run.outputs.venue.books:
        return []
    return inputs[: run.free_of_snapshots(inputs)]


def _feed_stretch(run: UnderWay, batch: Batch, start: int, some: list[Input], is_over: Callable[[int], bool]) -> int:
    """Feed a stretch; how much of it was fed."""
    outputs, book = run.outputs, run.outputs.venue.books[some[0].book]
    count, outcomes = book.feed_run(
        some, lambda place: outputs.at(batch, start + place), lambda place: is_over(start + place)
    )
    for shard in book.shards:
        shard.state.accounts.changed.clear()  # a replay writes no account down, so it need not know which
    ours = int((batch.part[start : start + count] < 0).sum())
    run.ran.heartbeats += ours
    run.ran.lines += count - ours
    wrong = {place for place, outcome in outcomes if isinstance(outcome, Refused)}
    times = [one.time_ms for place, one in enumerate(some[:count]) if place not in wrong]
    for time_ms in (min(times), max(times)) if times else ():
        run.ran.see(time_ms)
    for place, outcome in outcomes:
        outputs.at(batch, start + place)
        if isinstance(outcome, Refused):
            run.refuse(outcome)
        else:
            run.refuse_accepted(outcome)
    return count


def _feed_line(run: UnderWay, message: AnyInput | Refused, *, is_ours: bool) -> None:
    """Feed one line; a refusal goes to the dead letters."""
    run.ran.heartbeats += is_ours
    run.ran.lines += not is_ours
    if isinstance(message, Refused):
        run.refuse(message)
        return
    run.watch_opening(message)
    try:
        refusal = run.outputs.venue.feed(message)
    except Refused as refused:
        run.refuse(refused)
        return
    run.ran.see(message.time_ms)
    if refusal is not None:
        run.refuse_accepted(refusal)
