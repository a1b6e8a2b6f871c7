"""One reader of a log: a margin shard or the clearing house, with its own copy of the common data.

`take` is: drop what was seen, judge and apply, number what is said. `save` and `load` are the state between two
records.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from msgspec import Struct

from engine.book import Book
from engine.clearing.door import Clearing
from engine.operations import Resharded
from engine.outbox import Outbox
from engine.saved.book import load_book, save_book
from engine.saved.clearing import load_clearing, save_clearing
from engine.saved.shard import load_shard, save_shard
from engine.shard.door import Shard
from schemas.codes import Halt, Refused
from schemas.events import Event, Refusal
from schemas.journal import AnyEntry
from schemas.message import Input

Document = dict[str, Any]


class Record(Struct, frozen=True):
    """An entry of the log in its envelope: who wrote it, and its running number there, by which repeats are dropped.

    A report's source is `margin/<change of P>/<index>`, with the P that it was one of; it names no account's fate.
    """

    source: str
    number: int
    body: Input | AnyEntry
    shard: int = 0
    shards: int = 1


@dataclass(slots=True)
class Said:
    """What one record made a reader say. `refused`: by common data, alike for every reader; `refusals`: by accounts."""

    records: list[Record] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    refused: Refused | None = None
    reshard: int | None = None


@dataclass(slots=True)
class Reader:
    """`machine` folds; `last` is the highest number seen by source; `numbered` how many records we have said."""

    book: Book
    machine: Shard | Clearing
    source: str
    shards: int = 1
    last: dict[str, int] = field(default_factory=dict)
    numbered: int = 0

    def take(self, record: Record) -> Said:
        """Apply one record, unless it was seen. Halts when one that its writer said before it is missing."""
        said, last = Said(), self.last.get(record.source)
        if last is not None and record.number <= last:
            return said
        self.last[record.source] = record.number
        if isinstance(record.body, Input):
            return self.apply(record.body)
        if record.number != (last or 0) + 1:
            raise Halt(f"the journal has number {record.number} of {record.source} behind number {last or 0}")
        if isinstance(self.machine, Clearing):
            self._say(said, self.machine.read(record.body, record.shard, record.shards))
        else:
            self._say(said, self.machine.read(record.body))
        return said

    def apply(self, message: Input) -> Said:
        """Judge and apply an input that is new."""
        said = Said()
        try:
            operation = self.book.judge(message)
        except Refused as refused:
            said.refused = refused
            return said
        if operation is not None:
            for step in self.book.fold(message, operation):
                self._say(said, self.machine.apply(step))
                if isinstance(step.operation, Resharded):
                    said.reshard = step.operation.shards
        return said

    def _say(self, said: Said, out: Outbox) -> None:
        said.records += [self.number(entry) for entry in out.entries]
        said.events += out.events
        said.refusals += out.refusals

    def number(self, entry: AnyEntry) -> Record:
        """An entry of ours in its envelope."""
        self.numbered += 1
        shard = self.machine.state.index if isinstance(self.machine, Shard) else 0
        return Record(self.source, self.numbered, entry, shard, self.shards)

    def save(self) -> Document:
        """Everything, as JSON values."""
        machine = save_shard(self.machine) if isinstance(self.machine, Shard) else save_clearing(self.machine)
        return {
            "book": save_book(self.book), "machine": machine, "source": self.source, "shards": self.shards,
            "last": dict(sorted(self.last.items())), "numbered": self.numbered,
        }  # fmt: skip


def clearing_reader(opening: Book) -> Reader:
    """The clearing house before the first record."""
    return Reader(opening, Clearing(opening), "clearing")


def shard_reader(opening: Book, index: int, shards: int) -> Reader:
    """Shard `index` of the first P, before the first record."""
    return Reader(opening, Shard(opening, index, shards), f"margin/0/{index}", shards)


def load_reader(saved: Document) -> Reader:
    """A reader as it was saved."""
    book = load_book(saved["book"])
    machine: Shard | Clearing
    if saved["source"] == "clearing":
        machine = load_clearing(book, saved["machine"])
    else:
        index = int(saved["source"].rpartition("/")[2])
        machine = load_shard(book, index, saved["shards"], [saved["machine"]], takes_ledger=True)
    return Reader(book, machine, saved["source"], saved["shards"], dict(saved["last"]), saved["numbered"])


def successor(saved: list[Document], change: int, index: int, shards: int) -> Reader:
    """Shard `index` of a new P, from what all shards of the old one saved where the change stands in the log (2a.9)."""
    book = load_book(saved[0]["book"])
    machine = load_shard(book, index, shards, [one["machine"] for one in saved], takes_ledger=index == 0)
    return Reader(book, machine, f"margin/{change}/{index}", shards, dict(saved[0]["last"]))
