"""A journal replayed in its own order (RULEBOOK 2a.3, 2a.8): every recorded report and decision against the recomputed.

The number of shards that recompute is free: reports name accounts, and the answers to one marker are compared as their
union. The first difference is named, and nothing after it counts.
"""

from __future__ import annotations

from engine.clearing.rounds import union
from engine.outbox import Outbox
from schemas.codes import Halt
from schemas.governed import BookMessage
from schemas.journal import Answer, AnyEntry, Decision, Retired
from schemas.message import Input
from streams.awaited import Awaited
from streams.driver import BookRun, Sinks
from streams.reader import Record


class JournalRun(BookRun):
    """One book, recomputed from its journal. `take` in journal order; repeats are dropped by their envelope."""

    def __init__(self, opening: BookMessage, shards: int = 1, sinks: Sinks | None = None) -> None:
        super().__init__(opening, shards, sinks)
        self.last: dict[str, int] = {}
        self.awaited = Awaited()
        self.heard: dict[tuple[int, int], list[Answer]] = {}
        self.taken = 0

    def is_repeat(self, record: Record) -> bool:
        """Whether it was taken before."""
        return record.number <= self.last.get(record.source, -1)

    def require_next(self, record: Record) -> None:
        """Halts where something that the writer of an entry said before it is missing."""
        last = self.last.get(record.source, 0)
        if not isinstance(record.body, Input) and record.number != last + 1:
            raise Halt(f"number {record.number} of {record.source} stands behind number {last}")

    def take(self, record: Record) -> None:
        """The next record. Raises Halt at the first difference, Refused for an input that the fold refuses."""
        if self.is_repeat(record):
            return
        self.last[record.source] = record.number
        self.taken += 1
        self.refusal = None
        self.sinks.journal(record.body)
        said: list[list[Outbox]] = []
        if isinstance(record.body, Input):
            operation = self.book.judge(record.body)
            if operation is not None:
                for step in self.book.fold(record.body, operation):
                    said.append(self.apply(step))
        else:
            self._compare(record.body, record.shards)
            ours = self.clearing.read(record.body, record.shard, record.shards)
            said.append([ours, *(shard.read(record.body) for shard in self.shards)])
        for readers in said:
            self._keep(readers)
        self.tell(said)

    def note(self, record: Record) -> None:
        """An input that was applied in a run: no reader said anything of it."""
        self.last[record.source] = record.number
        self.taken += 1
        self.sinks.journal(record.body)

    def _keep(self, readers: list[Outbox]) -> None:
        """What was recomputed waits until the journal comes to it."""
        self.awaited.decisions.extend(readers[0].entries)
        answers = []
        for entry in (entry for one in readers[1:] for entry in one.entries):
            if isinstance(entry, Answer):
                answers.append(entry)
            elif not isinstance(entry, Decision | Retired):
                self.awaited.expect(self.taken, entry)
        if answers:
            whole = union(answers)
            self.awaited.answers[whole.round, whole.attempt] = self.taken, whole

    def _compare(self, entry: AnyEntry, shards: int) -> None:
        """The recorded entry against what we said at its cause."""
        if isinstance(entry, Decision):
            self.awaited.decide(entry)
        elif isinstance(entry, Answer):
            key = (entry.round, entry.attempt)
            heard = self.heard.setdefault(key, [])
            heard.append(entry)
            if len(heard) == shards:
                self.awaited.answer(key, union(self.heard.pop(key)))
        elif not isinstance(entry, Retired):
            self.awaited.report(entry)
