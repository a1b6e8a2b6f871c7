"""Folds over frames (streams/live/fold, states): a journal in memory, readers that crash and reload, repeats, a new P.

Whatever happens on the way, the readers hold what a replay of their journal holds (RULEBOOK 2a.3, 14.7).
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from random import Random
from typing import Any

import msgspec
import pytest

from engine.clearing.door import Clearing
from engine.saved.clearing import save_clearing
from engine.saved.shard import save_shard
from engine.shard.door import Shard
from schemas.codes import Refused
from schemas.events import Event
from schemas.governed import BookMessage
from schemas.inputs import TOPIC_OF, Trade
from schemas.message import Input
from streams.driver import Sinks
from streams.live.fold import Fold, Heard
from streams.live.frames import InputsFrame, Raw, decode_frame, encode_entries, encode_inputs
from streams.live.readers import Role
from streams.live.replaying import records_of
from streams.live.states import Saved, accounts_of, fields_of, load, stand_of, succeed
from streams.reader import Record
from streams.rereading import JournalRun
from tests.random_venue import messages, random_venue
from tests.test_runs import streams_of


class Worker:
    """One reader: its fold, what it published, and what it wrote down."""

    def __init__(self, journal: list[bytes], fold: Fold, position: int = 0, change: int = 0) -> None:
        self.journal, self.fold, self.position, self.change = journal, fold, position, change
        self.kept: tuple[int, dict[str, bytes], dict[str, bytes]] = (position, {}, {})
        self.is_retired = False

    def step(self, count: int) -> Heard:
        while count and self.position < len(self.journal) and not self.fold.is_retired:
            self.fold.take(self.position, decode_frame(self.journal[self.position]))
            if not self.fold.is_retired:
                self.position += 1
            count -= 1
        self.is_retired = self.fold.is_retired
        return self.fold.drain()

    def save(self) -> None:
        if self.fold.reader is not None:
            accounts = {**self.kept[2], **accounts_of(self.fold)}
            self.kept = self.position, fields_of(self.fold), accounts

    def saved(self) -> Saved:
        return Saved(self.kept[1], self.kept[2])

    def frames(self) -> list[InputsFrame]:
        start = stand_of(self.saved()).seen.start
        found = map(decode_frame, self.journal[start : self.kept[0] + 1])
        return [frame for frame in found if isinstance(frame, InputsFrame)]

    def crash(self) -> None:
        if not self.kept[1] or self.is_retired:
            return
        self.position = self.kept[0]
        reader = load(self.saved(), self.frames())
        self.fold = Fold(self.fold.opens, reader, stand_of(self.saved()).seen, refuses=self.fold.refuses)


class Live:
    """A book in frames, stepped by chance."""

    def __init__(self, inputs: list[Input], shards: int, seed: int) -> None:
        self.random, self.shards = Random(seed), shards
        offsets: Counter[str] = Counter()
        self.raws: list[Raw] = []
        for message in inputs:
            source = f"{TOPIC_OF[type(message)]}/0"
            key = None if self.random.random() < 0.5 else b"k\xff"
            self.raws.append(Raw(source, offsets[source], msgspec.json.encode(message), key))
            offsets[source] += 1
        self.fed = 0
        self.journal: list[bytes] = []
        self.events: dict[str, bytes] = {}
        self.letters: dict[tuple[str, int], str] = {}
        self.clearing = Worker(self.journal, Fold(Role().opens, refuses=True), 0, -1)
        self.margin = [Worker(self.journal, Fold(Role(index, shards).opens)) for index in range(shards)]
        self.old: list[Worker] = []

    def feed(self) -> None:
        start = max(0, self.fed - (self.random.randrange(9) if self.random.random() < 0.1 else 0))
        self.fed = min(len(self.raws), self.fed + self.random.randrange(1, 12))
        self.journal.append(encode_inputs(self.raws[start : self.fed]))

    def step(self, worker: Worker, count: int) -> None:
        if any(not one.is_retired for one in self.old if one.change < worker.change) or worker.is_retired:
            return
        heard = worker.step(count)
        for event in heard.events:
            self.tell(event)
        for letter in heard.letters:
            key = (letter.raw.source, letter.raw.offset)
            assert self.letters.setdefault(key, str(letter.refused)) == str(letter.refused)
        self.publish(heard.records)
        if worker.is_retired:
            worker.save()
        if heard.reshard is not None and worker in self.margin and all(one.is_retired for one in self.margin):
            self.reshard(heard.reshard)

    def tell(self, event: Event) -> None:
        line = msgspec.json.encode(event)
        assert self.events.setdefault(event.id, line) == line

    def publish(self, records: list[Record]) -> None:
        while records:
            count = self.random.randrange(1, 4)
            one, bodies = records[0], [record.body for record in records[:count]]
            self.journal.append(encode_entries(one.source, one.number, one.shard, one.shards, bodies))
            records = records[count:]

    def reshard(self, shards: int) -> None:
        old = self.margin
        change = old[0].change + 1
        saved = [worker.saved() for worker in old]
        self.margin = []
        for index in range(shards):
            reader = succeed(saved, change, index, shards, old[0].frames())
            fold = Fold(Role(index, shards).opens, reader, stand_of(saved[0]).seen)
            self.margin.append(Worker(self.journal, fold, old[0].kept[0], change))
            self.margin[-1].save()
        self.old += old

    def run(self) -> None:
        while True:
            workers = [self.clearing, *self.margin]
            behind = [one for one in workers if one.position < len(self.journal)]
            if not behind and self.fed == len(self.raws):
                return
            chance = self.random.random()
            if chance < 0.3 and self.fed < len(self.raws):
                self.feed()
            elif chance < 0.9 and behind:
                self.step(self.random.choice(behind), self.random.randrange(1, 5))
            else:
                one = self.random.choice(workers)
                one.save() if chance < 0.97 else one.crash()


def replayed(journal: list[bytes], opening: BookMessage, shards: int) -> tuple[JournalRun, dict[str, bytes]]:
    """The journal, recomputed and compared."""
    told: dict[str, bytes] = {}
    run = JournalRun(opening, shards, Sinks(event=lambda event: told.update({event.id: msgspec.json.encode(event)})))
    for frame in map(decode_frame, journal):
        for record in records_of(frame):
            with suppress(Refused):
                run.take(record)
    return run, told


def accounts_in(shards: list[Shard]) -> dict[str, Any]:
    return {name: one for shard in shards for name, one in save_shard(shard)["accounts"].items()}


@pytest.mark.parametrize("seed", range(20))
def test_readers_of_frames_hold_what_a_replay_of_their_journal_holds(seed: int) -> None:
    """Crashes, repeats, other cuts and changes of P on the way."""
    assert_as_replayed(seed)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(20, 320, 20))
def test_many_readers_of_frames_hold_it(first: int) -> None:
    """The same for more seeds; 1003 showed an order for lots that had changed sides."""
    for seed in (*range(first, first + 20), 1003):
        assert_as_replayed(seed)


def assert_as_replayed(seed: int) -> None:
    shards = 1 + seed % 3
    stream = [one for one in messages(*random_venue(seed, 100)) if one.book == "usd"]
    opening = stream[0]
    assert isinstance(opening, BookMessage)
    stream[0] = opening = msgspec.structs.replace(opening, shards=shards)
    live = Live(stream, shards, seed)
    live.run()
    run, told = replayed(live.journal, opening, 1 + (seed + 1) % 3)
    machines = [worker.fold.open_reader().machine for worker in live.margin]
    assert accounts_in([one for one in machines if isinstance(one, Shard)]) == accounts_in(run.shards)
    clearing = live.clearing.fold.open_reader().machine
    assert isinstance(clearing, Clearing)
    assert save_clearing(clearing) == save_clearing(run.clearing)
    assert live.events == told


@pytest.mark.parametrize("name", ["@other", "/x", "x/"])
def test_a_name_that_is_none_is_refused_by_every_reader_in_a_run_too(name: str) -> None:
    """A shard knows nothing of other shards' accounts, but what no account may be called is nobody's."""
    stream = [one for one in streams_of(3, 10**9, 300) if isinstance(one, BookMessage) or one.book == "usd"]
    trade = next(one for one in stream if isinstance(one, Trade))
    stream.append(msgspec.structs.replace(trade, id="odd", time_ms=stream[-1].time_ms, buyer=name))
    stream.append(msgspec.structs.replace(trade, id="last", time_ms=stream[-1].time_ms))
    raws = [Raw("in/0", at, msgspec.json.encode(one)) for at, one in enumerate(stream)]
    frames = [decode_frame(encode_inputs(raws[start : start + 100])) for start in range(0, len(raws), 100)]
    folds = [Fold(Role().opens, refuses=True), Fold(Role(0, 1).opens)]
    for fold in folds:
        for at, frame in enumerate(frames):
            fold.take(at, frame)
    assert folds[0].heard.letters[-1].raw.offset == len(stream) - 2
    assert folds[0].open_reader().book.seq == folds[1].open_reader().book.seq


def test_a_frame_that_was_seen_changes_nothing() -> None:
    """A frame that an intake wrote again, the whole of it, beside one with some lines that are new."""
    stream = [one for one in messages(*random_venue(3, 20)) if one.book == "usd"]
    live = Live(stream, 1, 3)
    fold = Fold(Role(0, 1).opens)
    for offset, start in enumerate([0, 0, 5]):
        fold.take(offset, decode_frame(encode_inputs(live.raws[start : 10 + start])))
    expected = Fold(Role(0, 1).opens)
    expected.take(0, decode_frame(encode_inputs(live.raws[:15])))
    assert accounts_of(fold) == accounts_of(expected)
    assert fold.open_reader().last == expected.open_reader().last
