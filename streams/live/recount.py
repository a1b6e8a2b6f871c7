"""A book recomputed from its live journal, and what each of its readers should have written down (14.11).

It is computed one entry at a time by one run of all readers; workers compute in stretches, each reader alone. Where P
changes the shards are made anew, as their successors are (2a.9).
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec

from engine.operations import Resharded, Step
from engine.outbox import Outbox
from engine.saved.book import save_common
from engine.saved.clearing import save_clearing
from engine.saved.shard import load_shard, save_rest, save_shard
from engine.shard.door import Shard
from schemas.codes import Halt, Refused
from schemas.governed import BookMessage
from schemas.message import Input
from streams.live.stored import Stored
from streams.reader import Record
from streams.rereading import JournalRun

Document = dict[str, Any]


class Recount(JournalRun):
    """One book; `change` counts the changes of P, `numbered` what each reader has said since the last."""

    def __init__(self, opening: BookMessage) -> None:
        super().__init__(opening, opening.shards)
        self.change = 0
        self.numbered: Counter[str] = Counter()
        self._next: int | None = None

    def source(self, index: int) -> str:
        """Who a shard is in the journal."""
        return f"margin/{self.change}/{index}"

    def apply(self, step: Step) -> list[Outbox]:
        """As ever; a change of P is kept in mind."""
        if isinstance(step.operation, Resharded):
            self._next = step.operation.shards
        return super().apply(step)

    def take(self, record: Record) -> None:
        """As ever; behind a change of P its successors go on."""
        super().take(record)
        if self._next is not None:
            self._succeed(self._next)
            self._next = None

    def _keep(self, readers: list[Outbox]) -> None:
        super()._keep(readers)
        self.numbered["clearing"] += len(readers[0].entries)
        for index, one in enumerate(readers[1:]):
            self.numbered[self.source(index)] += len(one.entries)

    def _succeed(self, shards: int) -> None:
        saved = [save_shard(shard) for shard in self.shards]
        self.change += 1
        self.shards = [load_shard(self.book, at, shards, saved, takes_ledger=at == 0) for at in range(shards)]

    def sources(self) -> list[str]:
        """All readers there should be."""
        return ["clearing", *(self.source(index) for index in range(len(self.shards)))]

    def expected(self, source: str) -> Document:
        """What a reader should have written down, each part by its name; accounts as `account <name>`."""
        found = {f"book.{name}": value for name, value in save_common(self.book).items()}
        shard = None if source == "clearing" else self.shards[int(source.rpartition("/")[2])]
        if isinstance(shard, Shard):
            found |= {f"shard.{name}": value for name, value in save_rest(shard.state).items()}
            found |= {f"account {name}": one for name, one in save_shard(shard)["accounts"].items()}
        else:
            found |= {f"clearing.{name}": value for name, value in save_clearing(self.clearing).items()}
        found |= {"source": source, "shards": 1 if shard is None else len(self.shards)}
        found |= {"numbered": self.numbered[source], "last": self.last}
        return canonical(msgspec.json.decode(msgspec.json.encode(found)))


class Opening:
    """A book from the first record of its journal on, which need not open it."""

    def __init__(self) -> None:
        self.run: Recount | None = None
        self.unopened: dict[str, int] = {}
        self.reports = self.decisions = self.inputs = 0

    def take(self, record: Record) -> None:
        """The next record. Raises Halt at the first that is not what is recomputed."""
        run = self.run
        if run is None:
            run = self._open(record)
        if run is None or run.is_repeat(record):
            return
        run.require_next(record)
        self.inputs += isinstance(record.body, Input)
        self.decisions += record.source == "clearing"
        self.reports += record.source.startswith("margin/")
        try:
            run.take(record)
        except Refused:
            if not run.book.seq:  # an opening that is refused opens nothing
                self.run, self.unopened = None, run.last

    def _open(self, record: Record) -> Recount | None:
        if record.number <= self.unopened.get(record.source, -1):
            return None
        if isinstance(record.body, BookMessage):
            self.run = Recount(record.body)
            self.run.last.update(self.unopened)
        elif isinstance(record.body, Input):
            self.unopened[record.source] = record.number
        else:
            raise Halt("an entry stands before the message that opens the book")
        return self.run


def found_in(stored: Stored) -> Document:
    """What a reader wrote down, in the shape of `Recount.expected`."""
    fields, decode = stored.saved.fields, msgspec.json.decode
    found = {name: decode(one) for name, one in fields.items() if name.startswith(("book.", "shard.", "clearing."))}
    found |= {f"account {name}": decode(one) for name, one in stored.saved.accounts.items()}
    stand = decode(fields["reader"])
    return canonical(found | {name: stand[name] for name in ("source", "shards", "numbered", "last")})


def canonical(found: Document) -> Document:
    """Balances that came to zero are there or not, by whether their reader was loaded since: they are left out."""
    for name in ("shard.ledger", "clearing.ledger"):
        if name in found:
            ledger = found[name]
            lots = {who: {column: n for column, n in held.items() if n} for who, held in ledger["lots"].items()}
            cash = {who: units for who, units in ledger["cash"].items() if units}
            found[name] = {"cash": cash, "lots": {who: held for who, held in lots.items() if held}}
    return found
