"""What a live venue left behind, beside the replay of its journal: the same, to the byte (RULEBOOK 14.11)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from engine.ledger import Ledger
from engine.saved.book import save_common
from engine.saved.clearing import save_clearing
from engine.saved.shard import save_shard
from schemas.codes import Code, Refused
from schemas.decode import decode_chunk
from schemas.events import Event
from schemas.governed import BookMessage
from streams.driver import Sinks
from streams.live.frames import CLOCK, EntriesFrame, InputsFrame, Raw, decode_frame
from streams.live.outputs import Outgoing, outgoing_event, outgoing_letter
from streams.live.states import Saved
from streams.live.topics import Topics
from streams.reader import Record
from streams.rereading import JournalRun
from tests.against_twin import same

Place = tuple[str, int]
Found = dict[tuple[str, str], Outgoing]  # by topic and ce_id


@dataclass(slots=True)
class Replayed:
    """One book, recomputed from its frames by `shards` shards; `told` is what should be on the output topics."""

    topics: Topics
    partition: int
    shards: int
    told: list[Outgoing] = field(default_factory=list)
    places: set[Place] = field(default_factory=set)
    run: JournalRun | None = None
    unopened: dict[str, int] = field(default_factory=dict)

    def read(self, values: list[bytes]) -> None:
        """All frames. Halts where a recorded report or decision is not the recomputed one."""
        for frame in map(decode_frame, values):
            if isinstance(frame, InputsFrame):
                for line, (message, (source, offset)) in enumerate(zip(frame.messages, frame.places(), strict=True)):
                    self.places.add((source, offset))
                    self._input(frame, line, Record(source, offset, message))
            else:
                self._entries(frame)

    def _entries(self, frame: EntriesFrame) -> None:
        head = frame.head
        for number, entry in enumerate(frame.entries, head.first):
            assert self.run is not None, "entries of a book that is not open"
            self.run.take(Record(head.source, number, entry, head.shard, head.shards))

    def _input(self, frame: InputsFrame, line: int, record: Record) -> None:
        opened = self.run
        if opened is None:
            if record.number <= self.unopened.get(record.source, -1):
                return
            self.unopened[record.source] = record.number
            if not isinstance(record.body, BookMessage):
                self._refuse(frame.raw(line), Refused(Code.UNKNOWN_BOOK, _unknown(record.body)))
                return
            opened = self.run = JournalRun(record.body, self.shards, Sinks(event=self._tell))
            opened.last.update({**self.unopened, record.source: record.number - 1})
        is_open, taken = opened.taken > 0, opened.taken
        try:
            opened.take(record)
        except Refused as refused:
            self._refuse(frame.raw(line), refused)
            if not is_open:
                self.run = None  # an opening that is refused opens nothing
            return
        if opened.taken > taken and opened.refusal is not None:
            self._refuse(frame.raw(line), Refused(Code(opened.refusal.code), opened.refusal.reason))

    def _refuse(self, raw: Raw, refused: Refused) -> None:
        if raw.source != CLOCK:
            self.told.append(outgoing_letter(self.topics, raw, refused))

    def _tell(self, event: Event) -> None:
        assert self.run is not None
        self.told.append(outgoing_event(self.topics, self.partition, event, self.run.book))


def _unknown(message: Any) -> str:
    return f"no book named {message.book} is open"


def refused_at_intake(topics: Topics, books: tuple[str, ...], raws: list[Raw]) -> list[Outgoing]:
    """The dead letters of records that are no inputs."""
    found = []
    for raw in raws:
        (outcome,) = decode_chunk([raw.value], raw.source.partition("/")[0])
        if not isinstance(outcome, Refused) and outcome.book not in books:
            outcome = Refused(Code.UNKNOWN_BOOK, f"no book named {outcome.book} is kept here")
        if isinstance(outcome, Refused):
            found.append(outgoing_letter(topics, raw, outcome))
    return found


def by_id(records: list[Outgoing]) -> Found:
    """Records by topic and id. The same one twice is allowed, another one under its id is not."""
    found: Found = {}
    for record in records:
        key = (record.topic, dict(record.headers)["ce_id"].decode())
        assert found.setdefault(key, record) == record, f"{key} was said with other content"
    return found


def same_tables(run: JournalRun, clearing: Saved, shards: list[Saved]) -> None:
    """Account by account, and what belongs to none: what Redis holds is what the replay holds."""
    documents = [save_shard(shard) for shard in run.shards]
    accounts = {name: _text(one) for document in documents for name, one in document["accounts"].items()}
    kept = [(name, _canonical(value)) for one in shards for name, value in one.accounts.items()]
    assert len(kept) == len(dict(kept)), "an account stands in two tables"
    same(dict(kept), accounts, "accounts in Redis and in the replay")
    same(
        _part(clearing, "clearing"),
        {name: _text(value) for name, value in save_clearing(run.clearing).items()},
        "house",
    )
    for one in [clearing, *shards]:
        same(_part(one, "book"), {name: _text(value) for name, value in save_common(run.book).items()}, "common data")
    ledgers = [msgspec.json.decode(one.fields["shard.ledger"], type=Ledger, strict=False) for one in shards]
    same(_total(ledgers), _total([shard.state.ledger for shard in run.shards]), "named accounts of the shards")


def _text(value: Any) -> str:
    return _canonical(msgspec.json.encode(value))


def _canonical(value: bytes) -> str:
    return msgspec.json.encode(msgspec.json.decode(value), order="sorted").decode()


def _part(saved: Saved, name: str) -> dict[str, str]:
    prefix = f"{name}."
    return {key.removeprefix(prefix): _canonical(one) for key, one in saved.fields.items() if key.startswith(prefix)}


def _total(ledgers: list[Ledger]) -> dict[str, Any]:
    total = Ledger()
    for ledger in ledgers:
        for name, units in ledger.cash.items():
            total.add(name, units)
        for name, held in ledger.lots.items():
            for column, lots in held.items():
                total.add_lots(name, column, lots)
    lots = {f"{name}/lots/{column}": n for name, held in total.lots.items() for column, n in held.items()}
    return {name: count for name, count in {**total.cash, **lots}.items() if count}
