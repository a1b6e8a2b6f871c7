"""Real crashes, end to end (RULEBOOK 14): real prices, drawn members, the fresh driver, and every journal replayed."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from engine.book import Book
from schemas.codes import Refused
from schemas.events import Event
from schemas.governed import BookMessage
from schemas.journal import Allocation, AnyEntry, Marker
from schemas.message import Input
from streams.driver import BookRun, Sinks, Venue
from streams.logs import find_logs
from streams.merge import merge_logs
from streams.reader import Reader, Record, clearing_reader, load_reader, shard_reader
from streams.rereading import JournalRun
from streams.scenario import make_scenario
from tests.against_twin import same
from tests.engine_invariants import Invariants
from tests.live_runs import outcome

DATA = Path(__file__).resolve().parent.parent / "data"
CRASHES = {
    "march-2020-inverse": ("bitmex_xbtusd_1m_20200311_20200314.csv", 300),
    "january-2021-eth": ("ethusdt_1m_quotes_liquidations_20210109_20210113.csv", 300),
    "ftx-january-2022": ("ftx_btc_perp_1m_20220120_20220125.csv", 200),
    "august-2024": ("binance_spot_30m_20240803_20240807.csv", 300),
    "october-2025": ("binance_spot_15m_20251009_20251012.csv", 300),
    "march-2020-coins": ("binance_spot_2h_20200308_20200316.csv", 300),
}
ALL_SHARDS = ("march-2020-coins", "january-2021-eth")
pytestmark = pytest.mark.slow
Said = dict[str, bytes]


class Crash:
    """One crash, run once: its inputs, journal, events and end."""

    def __init__(self, name: str, directory: Path, accounts: int = 0) -> None:
        file, usual = CRASHES[name]
        make_scenario(DATA / file, accounts or usual, 12, directory)
        batches = merge_logs(find_logs(directory), 60_000)
        self.inputs = [one for batch in batches for one in batch.messages if not isinstance(one, Refused)]
        self.events: list[Event] = []
        self.run, self.journal = self.fresh(1)
        self.log = [Record("driver", number, entry) for number, entry in enumerate(self.journal)]

    @property
    def opening(self) -> BookMessage:
        opening = self.inputs[0]
        assert isinstance(opening, BookMessage)
        return opening

    def fresh(self, shards: int) -> tuple[BookRun, list[Input | AnyEntry]]:
        """A fresh run; quiet stretches go as one (tests/test_runs.py shows that it is the same)."""
        journal: list[Input | AnyEntry] = []
        self.events = []
        run = BookRun(self.opening, shards, Sinks(journal=journal.append, event=self.events.append))
        run.feed_run(self.inputs)
        return run, journal

    def said(self) -> Said:
        """Events by id."""
        return {event.id: msgspec.json.encode(event) for event in self.events}


def digest(journal: list[Input | AnyEntry], events: list[Event]) -> str:
    """Of all bytes of a run."""
    both = sha256(msgspec.json.encode(journal))
    both.update(msgspec.json.encode(events))
    return both.hexdigest()


@pytest.mark.parametrize("name", CRASHES)
def test_a_crash_ends_conserved_and_quiet(name: str, tmp_path: Path) -> None:
    """14.1, 14.2, 14.5, 14.8, 14.11: sums of zero, nobody liquidatable, one id once, any shards."""
    crash = Crash(name, tmp_path)
    kinds = {event.kind for event in crash.events}
    assert kinds >= {"liquidation-triggered", "liquidation-filled", "margin-called"}, "this was no crash"
    ids = [event.id for event in crash.events]
    assert len(set(ids)) == len(ids), "14.5: ids are not unique"
    venue = Venue(1)
    venue.books[crash.run.book.name] = crash.run
    Invariants(venue, []).check()
    assert not crash.run.queue
    require_replay(crash, 3)
    if name in ALL_SHARDS:
        expected, state = digest(crash.journal, crash.events), outcome(crash.run)
        for shards in (2, 8):
            run, journal = crash.fresh(shards)
            assert digest(journal, crash.events) == expected, f"{shards} shards show in the journal"
            assert outcome(run) == state


def require_replay(crash: Crash, shards: int) -> None:
    """14.11: the journal recomputed by another number of shards is the same state and event bytes."""
    events: list[Event] = []
    again = JournalRun(crash.opening, shards, Sinks(event=events.append))
    for record in crash.log:
        again.take(record)
    same(outcome(again), outcome(crash.run), f"replayed by {shards}")
    same({event.id: msgspec.json.encode(event) for event in events}, crash.said(), "events")
    assert len(events) == len(crash.events)


def readers(crash: Crash, shards: int) -> list[Reader]:
    """The clearing house and the shards before the first entry, each with its own common data."""
    make = lambda: Book(crash.opening.book, crash.opening.settlement_asset, crash.opening.decimals)  # noqa: E731
    return [clearing_reader(make()), *(shard_reader(make(), index, shards) for index in range(shards))]


def test_a_reloaded_state_goes_on_to_the_same_end(tmp_path: Path) -> None:
    """14.7: saved as JSON at random entries and loaded again, each reader says and becomes the same."""
    crash = Crash("march-2020-coins", tmp_path, 150)
    random = Random(7)
    ours, others = readers(crash, 2), readers(crash, 2)
    cuts = {random.randrange(len(crash.log)) for _ in range(12)}
    busy = [at for at, one in enumerate(crash.journal) if isinstance(one, Marker | Allocation)]
    cuts |= set(random.sample(busy, 12))  # within a round, where the most is under way
    said: Said = {}
    for at, record in enumerate(crash.log):
        if at in cuts:
            others = [load_reader(json.loads(json.dumps(reader.save()))) for reader in others]
        heard = [reader.take(record) for reader in ours]
        for reader, before in zip(others, heard, strict=True):
            now = reader.take(record)
            assert now == before, f"entry {at} says something else after a reload"
            said |= {event.id: msgspec.json.encode(event) for event in now.events}
    same(said, crash.said(), "events")
    assert [reader.save() for reader in others] == [reader.save() for reader in ours]
    shards: list[Any] = [reader.machine for reader in others[1:]]
    run: Any = SimpleNamespace(book=others[0].book, clearing=others[0].machine, shards=shards)
    same(outcome(run), outcome(crash.run), "state")
