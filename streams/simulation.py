"""A seeded simulation of a live system (RULEBOOK 2a): one log, and readers that run at their own pace.

What may happen between two things happens: delays between intake, shards, clearing house and log, repeats of what was
written, crashes with reload from the last saved state, batch cuts, changes of P. The order is drawn from a seed, so a
failure is a number. In lock-step the next raw input waits until nothing is under way (2a.8).
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from engine.book import Book
from engine.shard.door import Shard
from schemas.codes import Halt
from schemas.governed import BookMessage
from schemas.journal import Retired
from schemas.message import Input
from streams.reader import Reader, Record, Said, clearing_reader, load_reader, shard_reader, successor

Draw = Callable[[int], int]  # a number below the given one; the only source of chance


@dataclass(slots=True, eq=False)
class Worker:
    """A reader in its process: where it stands in the log, what it has not published yet, and what it saved last.

    `change` counts the changes of P before it.
    """

    reader: Reader
    position: int
    change: int = 0
    outbox: deque[Record] = field(default_factory=deque)
    saved: str = ""
    saved_position: int = 0
    is_retired: bool = False
    saved_retired: bool = False

    def save(self) -> None:
        """Write the state down; only what has published everything may."""
        if not self.outbox:
            self.saved, self.saved_position = json.dumps(self.reader.save()), self.position
            self.saved_retired = self.is_retired

    def crash(self) -> None:
        """Lose everything since the last save; the same will be said again, under the same numbers."""
        self.reader, self.position = load_reader(json.loads(self.saved)), self.saved_position
        self.outbox.clear()
        self.is_retired = self.saved_retired


@dataclass(slots=True)
class Chances:
    """Weights of what may happen next; zero: never."""

    feed: int = 30
    step: int = 80
    publish: int = 60
    repeat: int = 5
    save: int = 5
    crash: int = 1
    batch: int = 4


class LiveRun:
    """One book, live. `log` is the journal; `events` are by id, and must be the same bytes whenever they are said
    again.
    """

    def __init__(self, inputs: list[Input], shards: int, draw: Draw, chances: Chances, *, lock_step: bool) -> None:
        self.inputs, self.draw, self.chances, self.lock_step = inputs, draw, chances, lock_step
        self.fed = 0
        self.log: list[Record] = []
        self.events: dict[str, bytes] = {}
        self.change = 0
        self.clearing = Worker(clearing_reader(self._book()), 0, -1)
        self.margin = [Worker(shard_reader(self._book(), index, shards), 0) for index in range(shards)]
        self.retired: list[Worker] = []
        for worker in self._workers():
            worker.save()

    def _book(self) -> Book:
        opening = self.inputs[0]
        if not isinstance(opening, BookMessage):
            raise Halt("a live run begins with the opening of its book")
        return Book(opening.book, opening.settlement_asset, opening.decimals)

    def _workers(self) -> list[Worker]:
        return [self.clearing, *self.margin, *self.retired]

    def run(self) -> None:
        """Until every input is fed and nothing is under way."""
        while True:
            acts = self._acts()
            if not acts:
                return
            at = self.draw(sum(weight for weight, _ in acts))
            for weight, act in acts:
                at -= weight
                if at < 0:
                    act()
                    break

    def _acts(self) -> list[tuple[int, Callable[[], None]]]:
        """What may happen now, with its weight. Repeats and crashes alone do not keep a run going."""
        busy = [worker for worker in self._workers() if self._is_behind(worker) or worker.outbox]
        acts: list[tuple[int, Callable[[], None]]] = []
        if self.fed < len(self.inputs) and not (self.lock_step and busy):
            acts.append((self.chances.feed, self._feed))
        for worker in busy:
            if self._is_behind(worker):
                acts.append((self.chances.step, lambda one=worker: self._step(one)))  # type: ignore[misc]
            if worker.outbox and self._may_publish(worker):
                acts.append((self.chances.publish, lambda one=worker: self._publish(one)))  # type: ignore[misc]
        if acts:
            acts.append((self.chances.repeat, self._repeat))
            for worker in self._workers():
                acts.append((self.chances.save, worker.save))
                acts.append((self.chances.crash, worker.crash))
        return [(weight, act) for weight, act in acts if weight]

    def _is_behind(self, worker: Worker) -> bool:
        return not worker.is_retired and worker.position < len(self.log)

    def _may_publish(self, worker: Worker) -> bool:
        """Successors wait until every `retired` of the old P is in the log (2a.9)."""
        return not any(old.outbox or not old.is_retired for old in self.retired if old.change < worker.change)

    def _feed(self) -> None:
        self.log.append(Record("intake", self.fed, self.inputs[self.fed]))
        self.fed += 1

    def _step(self, worker: Worker) -> None:
        """A batch of records, cut anywhere; a change of P ends it."""
        for _ in range(1 + self.draw(self.chances.batch)):
            if not self._is_behind(worker):
                return
            record = self.log[worker.position]
            worker.position += 1
            said = worker.reader.take(record)
            worker.outbox.extend(said.records)
            self._tell(said)
            if said.reshard is not None:
                self._reshard(worker, said.reshard)

    def _tell(self, said: Said) -> None:
        for event in said.events:
            line = msgspec.json.encode(event)
            if self.events.setdefault(event.id, line) != line:
                raise Halt(f"event {event.id} was said with other content")

    def _publish(self, worker: Worker) -> None:
        self.log.append(worker.outbox.popleft())

    def _repeat(self) -> None:
        if self.log:
            self.log.append(self.log[self.draw(len(self.log))])

    def _reshard(self, worker: Worker, shards: int) -> None:
        """An old shard says `retired` and reads no further; with the last of them the successors begin there."""
        if not isinstance(worker.reader.machine, Shard):
            return
        book = worker.reader.book
        worker.outbox.append(worker.reader.number(Retired(book=book.name, seq=book.seq)))
        worker.is_retired = True
        if worker in self.margin and all(one.is_retired for one in self.margin):
            self.change += 1
            saved = [json.loads(json.dumps(one.reader.save())) for one in self.margin]
            self.retired += self.margin
            self.margin = [
                Worker(successor(saved, self.change, index, shards), worker.position, self.change)
                for index in range(shards)
            ]
            for heir in self.margin:
                heir.save()
