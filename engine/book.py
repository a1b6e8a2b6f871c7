"""The log's common data (RULEBOOK 2a, 17.2): what every reader of a book folds alike, and judges inputs by.

`judge` is the ladder of refusals, `fold` the line below which nothing can fail: margin shards and the clearing house
read the `Step`s it yields.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice, repeat
from operator import attrgetter, is_
from typing import Literal

from engine.contracts import Contract
from engine.governance import enact_change, subject
from engine.judge import judge
from engine.layers import Waterfall
from engine.marks import Mark
from engine.operations import AccountClosed, Advanced, Changed, Funded, Marked, Operation, Passed, Settled, Step
from engine.rules import Parameters
from schemas.codes import Code, Halt, Refused
from schemas.inputs import TOPIC_OF
from schemas.message import Governed, Input

LATE_MS = 60_000  # until parameters are in force
AHEAD_MS = 604_800_000
MANY = 256
_ID, _TIME = attrgetter("id"), attrgetter("time_ms")

Change = Contract | Parameters | Waterfall
WindingDown = Literal["", "due", "begun", "paid"]


@dataclass(slots=True)
class Book:
    """Settlement asset, listings, rules, marks, halts, ids and clock of one book."""

    name: str
    asset: str
    decimals: int
    seq: int = 0
    clock_ms: int = -1
    contracts: list[Contract] = field(default_factory=list)
    column_of: dict[str, int] = field(default_factory=dict)
    marks: list[Mark] = field(default_factory=list)
    funding_index: list[int] = field(default_factory=list)
    rules: Parameters | None = None
    waterfall: Waterfall | None = None
    halts: set[str] = field(default_factory=set)
    versions: dict[str, int] = field(default_factory=dict)
    pending: list[tuple[int, Governed, Operation]] = field(default_factory=list)
    seen: dict[str, dict[str, Input]] = field(default_factory=dict)
    seen_order: deque[Input] = field(default_factory=deque)
    held: set[int] = field(default_factory=set)
    wind_down: WindingDown = ""

    @property
    def parameters(self) -> Parameters:
        """The parameters in force; readers ask only when the book is ready."""
        if self.rules is None:
            raise Halt(f"book {self.name} has no parameters")
        return self.rules

    @property
    def is_ready(self) -> bool:
        """Opened, with parameters and a waterfall in force."""
        return self.rules is not None and self.waterfall is not None

    def judge(self, message: Input) -> Operation | None:
        """What an input will do, or None for a repeat; refuses with the first failing code (17.2). Writes nothing."""
        if self._is_repeat(message):
            return None
        self._require_timely(message)
        return judge(self, message)

    def fold(self, message: Input, operation: Operation) -> Iterator[Step]:
        """Fold a judged input in. Each step is to be applied by every reader before the next is asked for (17.2).

        Versions that come into force, held marks whose time has come, the passing of time, the input's own effect.
        """
        self.seq += 1
        self._remember(message)
        self.clock_ms = max(self.clock_ms, message.time_ms)
        while self.pending and self.pending[0][0] <= self.clock_ms:
            _, due, late = self.pending.pop(0)
            yield self._step(self._effect(due, late))
        for column in sorted(self.held):
            if self.marks[column].release(self.contracts[column], self.clock_ms):
                self.held.discard(column)
                yield self._step(Marked(column, self.marks[column].price, is_accepted=True, is_late=True))
        yield self._step(Advanced(self._overdue()))
        if isinstance(message, Governed) and (message.effective_ms or 0) > self.clock_ms:
            self._postpone(message, operation)
            operation = Passed()
        yield self._step(self._effect(message, operation))

    def _overdue(self) -> tuple[int, ...]:
        """Marks that have waited beyond `max_stale_ms` for a tick and were not told (17.14)."""
        found = []
        for column in range(len(self.marks)) if self.is_ready else ():
            due_ms = self.marks[column].overdue_ms(self.contracts[column])
            if due_ms is not None and due_ms <= self.clock_ms:
                self.marks[column].is_overdue = True
                found.append(column)
        return tuple(found)

    def _step(self, operation: Operation) -> Step:
        return Step(self.seq, self.clock_ms, operation)

    def is_trusted(self, column: int) -> bool:
        """Whether the mark of a column is live now (RULEBOOK 6.8)."""
        return self.marks[column].is_trusted(self.contracts[column], self.clock_ms)

    def is_liquidation_halted(self) -> bool:
        """No new liquidation, order or grant."""
        return "liquidation" in self.halts or "order_entry" in self.halts

    def price(self, column: int) -> int:
        """The mark in ticks."""
        return self.marks[column].price

    def next_due_ms(self) -> int | None:
        """When time alone next changes the common data: a version comes into force, a held mark is accepted, or one
        is overdue.
        """
        due = [effective for effective, _, _ in self.pending]
        due += [self.marks[c].held[0][0] + self.contracts[c].hold_ms for c in self.held]
        waits = (mark.overdue_ms(contract) for mark, contract in zip(self.marks, self.contracts, strict=True))
        return min([*due, *(ms for ms in waits if ms is not None)], default=None)

    def _is_repeat(self, message: Input) -> bool:
        before = self.seen.get(TOPIC_OF[type(message)], {}).get(message.id)
        if before is None or before.time_ms < self.clock_ms - self._late_ms():
            return False
        if before != message:
            raise Refused(Code.ID_REUSED, f"id {message.id} was used before with other content")
        return True

    def _late_ms(self) -> int:
        return self.rules.late_ms if self.rules else LATE_MS

    def _require_timely(self, message: Input) -> None:
        if self.clock_ms < 0:
            return
        if message.time_ms < self.clock_ms - self._late_ms():
            raise Refused(Code.TOO_LATE, f"{self.clock_ms - message.time_ms} ms behind the clock of the log")
        if message.time_ms > self.clock_ms + (self.rules.ahead_ms if self.rules else AHEAD_MS):
            raise Refused(Code.TOO_FAR_AHEAD, f"{message.time_ms - self.clock_ms} ms ahead of the clock of the log")

    def fold_run(self, messages: list[Input], clock_ms: int) -> None:
        """Fold a run of ungoverned inputs with new ids in, but for their marks (runs); nothing is due within it."""
        self.seq += len(messages)
        for kind in set(map(type, messages)):
            ids = self.seen.setdefault(TOPIC_OF[kind], {})
            some = [message for message in messages if type(message) is kind]
            ids.update(zip(map(_ID, some), some, strict=True))
        self.seen_order.extend(messages)
        self.clock_ms = clock_ms
        self._forget_many(clock_ms - self._late_ms())

    def _remember(self, message: Input) -> None:
        """Keep the id; drop those that no timely input can repeat."""
        self.seen.setdefault(TOPIC_OF[type(message)], {})[message.id] = message
        self.seen_order.append(message)
        self._forget(max(self.clock_ms, message.time_ms) - self._late_ms())
        if isinstance(message, Governed):
            self.versions[subject(message)] = message.version

    def _forget(self, horizon: int, most: int = 2**62) -> None:
        """Drop the oldest ids from before the horizon."""
        while self.seen_order and self.seen_order[0].time_ms < horizon and most:
            most -= 1
            old = self.seen_order.popleft()
            ids = self.seen[TOPIC_OF[type(old)]]
            if ids.get(old.id) is old:
                del ids[old.id]

    def _forget_many(self, horizon: int) -> None:
        """`_forget`, MANY at a time: those of one kind, no id of which was used anew, without looking at each."""
        while len(self.seen_order) >= MANY:
            old = list(islice(self.seen_order, MANY))
            ids, names = self.seen[TOPIC_OF[type(old[0])]], list(map(_ID, old))
            if max(map(_TIME, old)) >= horizon:
                break
            if len(set(map(type, old))) == 1 and all(map(is_, map(ids.get, names), old)):
                deque(map(ids.__delitem__, names), 0)
                deque(map(deque.popleft, repeat(self.seen_order, MANY)), 0)
            else:
                self._forget(horizon, MANY)
        self._forget(horizon)

    def _postpone(self, message: Governed, operation: Operation) -> None:
        """A later version waits for its effective time, by (effective time, order in the log)."""
        if isinstance(operation, AccountClosed):
            operation = AccountClosed(operation.account, is_late=True)
        self.pending.append((message.effective_ms or 0, message, operation))
        self.pending.sort(key=lambda one: one[0])

    def enact(self, change: Change) -> None:
        """A version comes into force; a new listing opens a column."""
        if isinstance(change, Parameters):
            self.rules = change
        elif isinstance(change, Waterfall):
            self.waterfall = change
        elif change.name in self.column_of:
            self.contracts[self.column_of[change.name]] = change
        else:
            self.column_of[change.name] = len(self.contracts)
            self.contracts.append(change)
            self.marks.append(Mark(change.listing_mark, self.clock_ms))
            self.funding_index.append(0)

    def begin_wind_down(self) -> list[int]:
        """The book ends (17.25): every instrument is settled at its mark; the columns of those that were not yet."""
        self.wind_down = "begun"
        listed = zip(self.contracts, self.marks, strict=True)
        ended = [column for column, (one, mark) in enumerate(listed) if not one.is_asset and not mark.settled]
        for column in ended:
            self._end(column, self.price(column))
        return ended

    def _end(self, column: int, price: int) -> None:
        """A contract is settled."""
        mark = self.marks[column]
        mark.price, mark.settled = price, True
        mark.held.clear()
        self.held.discard(column)

    def _effect(self, message: Input, operation: Operation) -> Operation:
        """What the input itself does to the common data."""
        if isinstance(operation, Marked):
            mark = self.marks[operation.column]
            accepted = mark.take(self.contracts[operation.column], operation.price, self.clock_ms)
            (self.held.discard if accepted else self.held.add)(operation.column)
            return Marked(operation.column, operation.price, is_accepted=accepted)
        if isinstance(operation, Settled):
            self._end(operation.column, operation.price)
        elif isinstance(operation, Funded):
            self.funding_index[operation.column] += operation.delta
        elif isinstance(operation, Changed):
            enact_change(self, message)
        return operation
