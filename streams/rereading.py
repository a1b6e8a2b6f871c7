"""A journal replayed in its own order (RULEBOOK 2a.3, 2a.8): every recorded report and decision against the recomputed.

The number of shards that recompute is free: reports name accounts, and the answers to one marker are compared as their
union. The first difference is named, and nothing after it counts.
"""

from __future__ import annotations

from collections import Counter, deque

import msgspec

from engine.clearing.rounds import union
from engine.outbox import Outbox
from schemas.codes import Halt
from schemas.governed import BookMessage
from schemas.journal import Allocation, Answer, AnyEntry, Marker, Retired, WindowOpened
from schemas.message import Input
from streams.driver import BookRun, Sinks
from streams.reader import Record

_encode = msgspec.json.Encoder(order="deterministic").encode


class JournalRun(BookRun):
    """One book, recomputed from its journal. `take` in journal order; repeats are dropped by their envelope."""

    def __init__(self, opening: BookMessage, shards: int = 1, sinks: Sinks | None = None) -> None:
        super().__init__(opening, shards, sinks)
        self.last: dict[str, int] = {}
        self.decisions: deque[AnyEntry] = deque()
        self.reports: Counter[bytes] = Counter()
        self.answers: dict[tuple[int, int], Answer] = {}
        self.heard: dict[tuple[int, int], list[Answer]] = {}

    def take(self, record: Record) -> None:
        """The next record. Raises Halt at the first difference, Refused for an input that the fold refuses."""
        if record.number <= self.last.get(record.source, -1):
            return
        self.last[record.source] = record.number
        self.refusal = None
        self.sinks.journal(record.body)
        said: list[list[Outbox]] = []
        if isinstance(record.body, Input):
            operation = self.book.judge(record.body)
            if operation is not None:
                for step in self.book.fold(record.body, operation):
                    said.append([self.clearing.apply(step), *(shard.apply(step) for shard in self.shards)])
        else:
            self._compare(record.body, record.shards)
            ours = self.clearing.read(record.body, record.shard, record.shards)
            said.append([ours, *(shard.read(record.body) for shard in self.shards)])
        for readers in said:
            self._keep(readers)
        self.tell(said)

    def _keep(self, readers: list[Outbox]) -> None:
        """What was recomputed waits until the journal comes to it."""
        self.decisions.extend(readers[0].entries)
        answers = []
        for one in readers[1:]:
            for entry in one.entries:
                if isinstance(entry, Answer):
                    answers.append(entry)
                else:
                    self.reports[_encode(entry)] += 1
        if answers:
            whole = union(answers)
            self.answers[whole.round, whole.attempt] = whole

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
