"""The fresh run that goes ahead of a lock-step feed, in a process of its own: `python -m streams.live.oracle`.

Arguments: the logs, the grid of heartbeats, the number of shards. It writes to its output, each behind four bytes of
length: `Group` after `Group`, then `Fresh`. Groups hold the original lines, those that intake will refuse too.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

import msgspec
from msgspec import Struct

from schemas.codes import Refused
from schemas.decode import decode_block
from schemas.events import Event
from schemas.governed import BookMessage
from schemas.inputs import RANK_OF, AnyInput
from schemas.message import Input
from streams.balances import accounts_of, balances_digest
from streams.batch import Batch
from streams.fingerprints import BookEvents, over_books
from streams.live.lockstep import Lockstep, Open
from streams.live.topics import INPUT_BYTES_MAX
from streams.logs import LogsError, find_logs, read_blocks
from streams.merge import merge_logs
from streams.present import Terms, event_fields, json_line

Line = tuple[int, bytes]
"""The place of its topic in `TOPICS`, and the value."""


class Group(Struct, frozen=True, tag=True, array_like=True):
    """Lines that may be written together, how many of them are no refused ones, and what they cause."""

    lines: list[Line]
    good: int
    entries: int
    answers: int
    time_ms: int


class Fresh(Struct, frozen=True, tag=True, array_like=True):
    """What the fresh run came to."""

    events: int
    events_digest: str
    balances_digest: str


TOLD = msgspec.msgpack.Decoder(Group | Fresh)


def books_of(logs: Path) -> tuple[str, ...]:
    """The books that some logs open. Raises LogsError for none."""
    found: dict[str, None] = {}
    for log in (log for log in find_logs(logs) if log.topic == "reference"):
        for block in read_blocks(log):
            messages = [] if block.refused else decode_block(block.data, log.topic)
            found |= {message.book: None for message in messages if isinstance(message, BookMessage)}
    if not found:
        raise LogsError(f"no book is opened in {logs}")
    return tuple(found)


def goes_in(message: AnyInput | Refused, books: Collection[str]) -> bool:
    """Whether intake writes a line into a journal."""
    return isinstance(message, Input) and message.book in books


def lines_of(batch: Batch, lockstep: Lockstep) -> list[Line]:
    """The lines of a batch as live is fed them: as they stand, but for heartbeats and the opening of books."""
    found: list[Line] = []
    for position, message in enumerate(batch.messages):
        rank, line = RANK_OF[batch.source(position).topic], batch.line(position)
        if not line or (isinstance(message, BookMessage) and message.shards != lockstep.shards):
            line = b"" if isinstance(message, Refused) else msgspec.json.encode(lockstep.as_fed(message))
        found.append((rank, line[:INPUT_BYTES_MAX]))
    return found


def groups(logs: Path, heartbeat_ms: int, lockstep: Lockstep) -> Iterator[Group]:
    """All groups of some logs."""
    books, latest = books_of(logs), dict.fromkeys(range(len(RANK_OF)), 0)
    for batch in merge_logs(find_logs(logs), heartbeat_ms):
        lines = lines_of(batch, lockstep)
        ranks = [rank for rank, _ in lines]
        for start, stop in lockstep.spans(batch.messages):
            *befores, last = list(pairwise([start, *_turns(batch, ranks, start, stop, latest), stop]))
            for begin, end in befores:
                yield _group(batch, lines, begin, end, Open(), books)
            yield _group(batch, lines, *last, lockstep.open, books)
            lockstep.open.entries = lockstep.open.answers = 0


def _turns(batch: Batch, ranks: list[int], start: int, stop: int, latest: dict[int, int]) -> list[int]:
    """Places within a span where intake, which merges by running maximum of time and rank, would go another way.

    A heartbeat stands behind all lines of its time, and a wrong clock is not followed by the merge of files.
    """
    found, before = list[int](), (-1, -1)
    for place in range(start, stop):
        message, rank = batch.messages[place], ranks[place]
        if isinstance(message, Refused):
            continue
        latest[rank] = max(latest[rank], message.time_ms)
        if (latest[rank], rank) < before:
            found.append(place)
        before = (latest[rank], rank)
    return found


def _group(batch: Batch, lines: list[Line], start: int, stop: int, caused: Open, books: Collection[str]) -> Group:
    good = sum(goes_in(one, books) for one in batch.messages[start:stop])
    return Group(lines[start:stop], good, caused.entries, caused.answers, int(batch.times_ms[stop - 1]))


def main(arguments: list[str], out: BinaryIO) -> None:
    """Run to the end."""
    lockstep = Lockstep(int(arguments[2]))
    books, digests, count = lockstep.venue.books, dict[str, BookEvents](), 0
    terms: dict[str, Terms] = {}

    def tell(event: Event) -> None:
        nonlocal count
        count += 1
        if event.book not in terms:
            terms[event.book], digests[event.book] = Terms(books[event.book].book), BookEvents()
        digests[event.book].add(event.seq, event.id, json_line(event_fields(event, terms[event.book])))

    lockstep.venue.sinks.event = tell
    for group in groups(Path(arguments[0]), int(arguments[1]), lockstep):
        _write(out, group)
    balances = {name: balances_digest(run, accounts_of(run)) for name, run in books.items()}
    events = {name: digests[name].hexdigest() if name in digests else BookEvents().hexdigest() for name in books}
    _write(out, Fresh(count, over_books(events), over_books(balances)))


def _write(out: BinaryIO, told: Group | Fresh) -> None:
    text = msgspec.msgpack.encode(told)
    out.write(len(text).to_bytes(4, "big") + text)
    out.flush()


if __name__ == "__main__":
    main(sys.argv[1:], sys.stdout.buffer)
