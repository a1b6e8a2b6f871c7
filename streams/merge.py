"""One stream out of several logs (RULEBOOK 16.2): by the running maximum of time in each file, then topic rank, line.

The merge works on windows: all lines of every file that stand at or before the last line of the block that ends
first are sorted at once, as numpy keys; a message is touched only to be put in its place.

A line more than AHEAD_MS past the running maximum of its file does not raise it when the next line of the file with a
time lies more than AHEAD_MS before it: such a jump is a wrong clock, and following it would push the rest of the file
behind all others. A jump that the next line confirms is a pause of a quiet topic. The first line of a file is judged
by its next line alone.

Heartbeats stand on a fixed grid, one for each book opened so far, before the first line later than the grid point.
A gap of more than AHEAD_MS gets none: the fold refuses what stands behind it as too far ahead.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from operator import attrgetter, itemgetter

import numpy as np

from schemas.codes import Refused
from schemas.decode import decode_block
from schemas.inputs import RANK_OF, AnyInput
from streams.batch import NO_TIME, Batch, Times
from streams.heartbeats import with_heartbeats
from streams.logs import Block, Log, read_blocks

AHEAD_MS = 604_800_000
HEARTBEAT_MS_MIN = 1_000
_UNTIMED_BLOCKS = 8
_TIME = attrgetter("time_ms")


@dataclass(slots=True, eq=False)
class _Part:
    """The decoded lines of one block, their keys for the merge, and how many of them have been merged."""

    block: Block
    messages: list[AnyInput | Refused]
    times: Times
    keys: Times
    taken: int = 0


def merge_logs(logs: Iterable[Log], heartbeat_ms: int = 0) -> Iterator[Batch]:
    """The merged stream of some logs."""
    return merge([read_blocks(log) for log in logs], heartbeat_ms)


def merge(sources: Iterable[Iterable[Block]], heartbeat_ms: int = 0) -> Iterator[Batch]:
    """The merged stream of blocks, each source the one log of its topic; `heartbeat_ms` 0: no heartbeats.

    ValueError for a grid finer than HEARTBEAT_MS_MIN.
    """
    if heartbeat_ms != 0 and heartbeat_ms < HEARTBEAT_MS_MIN:
        raise ValueError(f"heartbeats every {heartbeat_ms} ms: expected 0 or at least {HEARTBEAT_MS_MIN}")
    windows = _windows([_parts(blocks) for blocks in sources])
    return with_heartbeats(windows, heartbeat_ms, AHEAD_MS) if heartbeat_ms else windows


def running_maximum(times: Times, before: int, after: int) -> Times:
    """Keys of lines with these times, `NO_TIME` where a line has none; `before` and `after`: the file around them.

    The fast way when no line jumps; else line by line, each jump judged by the next line that has a time.
    """
    keys = np.maximum.accumulate(np.concatenate(([before], times)))
    if before != NO_TIME and not (np.diff(keys) > AHEAD_MS).any():
        return keys[1:]
    timed = np.flatnonzero(times != NO_TIME)
    followers = dict(zip(timed.tolist(), [*times[timed[1:]].tolist(), after], strict=False))
    now = before
    for place, time in enumerate(times.tolist()):
        follower = followers.get(place, NO_TIME)
        jumps = now == NO_TIME or time > now + AHEAD_MS
        if not (jumps and follower != NO_TIME and follower < time - AHEAD_MS):
            now = max(now, time)
        keys[place + 1] = now
    return keys[1:]


def _parts(blocks: Iterable[Block]) -> Iterator[_Part]:
    """The blocks of one log decoded and keyed; the last jump of a block waits for the time that follows it."""
    now, held = NO_TIME, list[tuple[Block, list[AnyInput | Refused], Times]]()
    for block in blocks:
        messages: list[AnyInput | Refused] = [block.refused] if block.refused else []
        messages = messages or decode_block(block.data, block.log.topic)
        times = _times_of(messages)
        timed = times[times != NO_TIME]
        if len(timed) or len(held) >= _UNTIMED_BLOCKS:
            for part in _keyed(held, now, int(timed[0]) if len(timed) else NO_TIME):
                now = int(part.keys[-1])
                yield part
            held = []
        held.append((block, messages, times))
    yield from _keyed(held, now, NO_TIME)


def _keyed(held: list[tuple[Block, list[AnyInput | Refused], Times]], now: int, after: int) -> Iterator[_Part]:
    """Decoded blocks with their keys. Only the first of them has times, so `after` follows them all."""
    for block, messages, times in held:
        keys = running_maximum(times, now, after)
        now = int(keys[-1])
        yield _Part(block, messages, times, keys)


def _times_of(messages: list[AnyInput | Refused]) -> Times:
    """Time of each message, `NO_TIME` where there is none."""
    try:
        return np.fromiter(map(_TIME, messages), np.int64, len(messages))
    except AttributeError:  # a refusal among them
        return np.array([getattr(message, "time_ms", NO_TIME) for message in messages], np.int64)


def _windows(files: list[Iterator[_Part]]) -> Iterator[Batch]:
    """The merge proper: as long as a file has lines, all lines up to the end of the block that ends first."""
    parts: list[_Part | None] = [next(file, None) for file in files]
    while loaded := [part for part in parts if part is not None]:
        bound = min((int(part.keys[-1]), RANK_OF[part.block.log.topic]) for part in loaded)
        yield _window(loaded, *bound)
        for number, part in enumerate(parts):
            if part is not None and part.taken == len(part.messages):
                parts[number] = next(files[number], None)


def _window(loaded: list[_Part], bound_ms: int, bound_rank: int) -> Batch:
    """All lines at or before the bound, by key, then rank, then line; the bounding block is used up."""
    keys, ranks, parts, places = [], [], [], []
    messages: list[AnyInput | Refused] = []
    for number, part in enumerate(loaded):
        rank = RANK_OF[part.block.log.topic]
        # At the bound itself, files of higher rank wait: the bounding file may have more lines of this time.
        # Times are whole, so "before the bound" is "up to the millisecond before it".
        limit = bound_ms if rank <= bound_rank else bound_ms - 1
        start = part.taken
        part.taken = stop = max(start, int(np.searchsorted(part.keys, limit, side="right")))
        messages += part.messages[start:stop] if stop - start < len(part.messages) else part.messages
        keys.append(part.keys[start:stop])
        ranks.append(np.full(stop - start, rank, np.int64))
        parts.append(np.full(stop - start, number, np.int64))
        places.append(np.arange(start, stop, dtype=np.int64))
    key, part_of, place = np.concatenate(keys), np.concatenate(parts), np.concatenate(places)
    order = np.lexsort((np.concatenate(ranks), key))
    if len(messages) > 1:
        messages = list(itemgetter(*order.tolist())(messages))
    return Batch(messages, key[order], part_of[order], place[order], [part.block for part in loaded])
