"""A journal replayed in its own order (RULEBOOK 2a.3, 2a.8): every recorded report and decision against the recomputed.

The number of shards that recompute is free: reports name accounts, and the answers to one marker are compared as their
union. The first difference is named, and nothing after it counts.
"""

from __future__ import annotations

from collections import Counter, deque

import msgspec

from engine.book import Book
from engine.clearing.door import Clearing
from engine.clearing.rounds import union
from engine.outbox import Outbox
from engine.shard.door import Shard
from schemas.codes import Halt
from schemas.events import Refusal
from schemas.inputs import BookMessage, Input
from schemas.journal import Allocation, Answer, AnyEntry, Marker, Retired, WindowOpened
from streams.driver import Sinks
from streams.reader import Record

_encode = msgspec.json.Encoder(order="deterministic").encode


class JournalRun:
    """One book, recomputed from its journal. `take` in journal order; repeats are dropped by their envelope."""

    def __init__(self, opening: BookMessage, shards: int = 1, sinks: Sinks | None = None) -> None:
        self.book = Book(opening.book, opening.settlement_asset, opening.decimals)
        self.clearing = Clearing(self.book)
        self.shards = [Shard(self.book, index, shards) for index in range(shards)]
        self.sinks = sinks or Sinks()
        self.last: dict[str, int] = {}
        self.decisions: deque[AnyEntry] = deque()
        self.reports: Counter[bytes] = Counter()
        self.answers: dict[tuple[int, int], Answer] = {}
        self.heard: dict[tuple[int, int], list[Answer]] = {}
        self.refusal: Refusal | None = None

    def take(self, record: Record) -> None:
        """The next record. Raises Halt at the first difference, Refused for an input that the fold refuses."""
        if record.number <= self.last.get(record.source, -1):
            return
        self.last[record.source] = record.number
        self.refusal = None
        self.sinks.journal(record.body)
        if isinstance(record.body, Input):
            operation = self.book.judge(record.body)
            if operation is not None:
                for step in self.book.fold(record.body, operation):
                    self._hear(self.clearing.apply(step), [shard.apply(step) for shard in self.shards])
            return
        self._compare(record.body, record.shards)
        said = self.clearing.read(record.body, record.shard, record.shards)
        self._hear(said, [shard.read(record.body) for shard in self.shards])

    def _hear(self, ours: Outbox, theirs: list[Outbox]) -> None:
        """Keep what was recomputed until the journal comes to it."""
        self.decisions.extend(ours.entries)
        answers = []
        for one in theirs:
            for entry in one.entries:
                if isinstance(entry, Answer):
                    answers.append(entry)
                else:
                    self.reports[_encode(entry)] += 1
        if answers:
            whole = union(answers)
            self.answers[whole.round, whole.attempt] = whole
        for box in (ours, *theirs):
            for event in box.events:
                self.sinks.event(event)
            for refusal in box.refusals:
                self.refusal = refusal

    def _compare(self, entry: AnyEntry, shards: int) -> None:
        """The recorded entry against what we said at its cause."""
        if isinstance(entry, Marker | WindowOpened | Allocation):
            ours = self.decisions.popleft() if self.decisions else None
            if ours != entry:
                raise Halt(f"recorded decision {_short(entry)} differs from the recomputed {_short(ours)}")
        elif isinstance(entry, Answer):
            self._compare_answer(entry, shards)
        elif not isinstance(entry, Retired):
            key = _encode(entry)
            if not self.reports[key]:
                raise Halt(f"recorded report {_short(entry)} was not recomputed")
            self.reports[key] -= 1

    def _compare_answer(self, entry: Answer, shards: int) -> None:
        key = (entry.round, entry.attempt)
        heard = self.heard.setdefault(key, [])
        heard.append(entry)
        if len(heard) == shards:
            ours, theirs = self.answers.pop(key, None), union(self.heard.pop(key))
            if ours != theirs:
                raise Halt(f"recorded answers {_short(theirs)} differ from the recomputed {_short(ours)}")


def _short(entry: AnyEntry | None) -> str:
    return "nothing" if entry is None else _encode(entry)[:400].decode()
