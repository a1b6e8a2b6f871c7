"""Runs of quiet inputs (engine/runs.py) against one input after the other: the same bytes, refusals and state."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import numpy as np
import pytest

from engine.numbers import BOUND
from engine.saved.book import save_book
from engine.saved.clearing import save_clearing
from engine.saved.shard import save_shard
from engine.shard import quiet, reserve
from engine.shard.entries import entries_after
from engine.shard.legs import Legs, cells_of
from engine.value import entry_after
from schemas import governed, inputs
from schemas.codes import Refused
from schemas.decimals import decimal_text
from schemas.governed import BookMessage
from schemas.inputs import TOPICS
from schemas.message import Input
from streams.driver import BookRun, Sinks
from streams.scenario import make_scenario
from tests.random_venue import messages, random_venue
from tests.venue_opening import Settings, opening

DATA = Path(__file__).parent.parent / "data"
MEMBERS = [f"m{number}" for number in range(30)]
PLAIN = Settings(*(0 for _ in fields(Settings)))
BASE: dict[str, Any] = {"book": "usd"}


class Trail:
    """Everything that one way of feeding leaves behind."""

    def __init__(self, first: BookMessage, shards: int) -> None:
        self.said: list[bytes] = []
        self.refused: list[str] = []
        self.quiet = 0
        keep = lambda one: self.said.append(msgspec.json.encode(one))  # noqa: E731
        self.run = BookRun(first, shards, Sinks(journal=keep, event=keep))
        advance = self.run.pacing.runs.advance

        def counted(messages: list[Input]) -> int:
            done = advance(messages)
            self.quiet += done
            return done

        self.run.pacing.runs.advance = counted  # type: ignore[method-assign]

    def singly(self, stream: list[Input]) -> None:
        for place, message in enumerate(stream):
            try:
                self.note(place, self.run.feed(message))
            except Refused as refused:
                self.note(place, refused)

    def in_runs(self, stream: list[Input], random: Random) -> None:
        start = 0
        while start < len(stream):
            stop = start + random.choice([1, 3, 40, 500, 5_000])
            told: list[int] = []
            for place, outcome in self.run.feed_run(stream[start:stop], told.append)[1]:
                self.note(start + place, outcome)
            assert told == list(range(len(stream[start:stop])))
            start = stop

    def note(self, place: int, outcome: object) -> None:
        if outcome is not None:
            self.refused.append(f"{place}: {outcome}")

    def state(self) -> dict[str, Any]:
        run = self.run
        return {
            "book": save_book(run.book), "clearing": save_clearing(run.clearing),
            "shards": [save_shard(shard) for shard in run.shards],
            "rows": [shard.state.accounts.names for shard in run.shards],
            "seen": {topic: sorted(ids) for topic, ids in run.book.seen.items()},
        }  # fmt: skip


def assert_same(stream: list[Input], seed: int) -> int:
    """Feeds both ways in stretches and compares after each; how many inputs went in runs."""
    random = Random(seed)
    first, shards = stream[0], 1 + seed % 3
    assert isinstance(first, BookMessage)
    one, other = Trail(first, shards), Trail(first, shards)
    other.run.pacing.chunk = random.choice([64, 500])
    stretch = max(1, len(stream) // 4)
    for start in range(0, len(stream), stretch):
        one.singly(stream[start : start + stretch])
        other.in_runs(stream[start : start + stretch], random)
        assert other.said == one.said
        assert other.refused == one.refused
        assert other.state() == one.state()
    return other.quiet


def venue(settings: Settings) -> Iterator[Input]:
    """The random venue's listing with wider limits and no brackets to speak of, and thirty funded members."""
    for message in opening(settings, "usd"):
        if isinstance(message, governed.InstrumentMessage):
            yield msgspec.structs.replace(message, position_limit="4000")
        else:
            yield message
    for number, member in enumerate(MEMBERS):
        yield inputs.Deposit(
            id=f"in/{member}", time_ms=0, account=member, amount=f"{[900, 9_000, 60_000][number % 3]}.25", **BASE
        )


def market(seed: int, count: int, calm: int) -> Iterator[Input]:
    """Prices that wander by a tick, trades of a few lots, heartbeats; now and then a fault, a crash, something else."""
    random, now, price = Random(seed), 10, {"LIN": 200, "INV": 200, "RAT": 2_000}
    sent: list[Input] = []
    for name in price:
        yield inputs.Price(id=f"first/{name}", time_ms=now, instrument=name, mark=text_of(name, price[name]), **BASE)
    for number in range(count):
        now += random.choice([0, 1, 5, 20, 20])
        one = act(random, number, now, price, calm)
        if random.random() < 0.004 and sent:
            one = random.choice([sent[-1], random.choice(sent), spoiled(random, sent[-1], number)])
        sent.append(one)
        yield one


def act(random: Random, number: int, now: int, price: dict[str, int], calm: int) -> Input:
    base: dict[str, Any] = {"id": f"x{number}", "time_ms": now, **BASE}
    name, kind = random.choice(list(price)), random.random()
    if kind < 0.4:
        step = 100 if random.randrange(calm) == 0 else 1
        price[name] = max(20, price[name] + random.choice([-step, 0, 0, step]) * (10 if name == "RAT" else 1) // 4)
        return inputs.Price(instrument=name, mark=text_of(name, price[name]), **base)
    if kind < 0.95:
        parties = random.sample([*MEMBERS, "@market"], 2)
        lots = random.choice([1, 2, 5, 40 if random.randrange(calm) == 0 else 3])
        quantity = decimal_text(lots, 2) if name == "RAT" else str(lots)
        at = text_of(name, price[name] + random.choice([-1, 0, 1]))
        return inputs.Trade(buyer=parties[0], seller=parties[1], instrument=name, quantity=quantity, price=at, **base)
    if kind < 0.99:
        return inputs.Heartbeat(**base)
    if kind < 0.995:
        return inputs.Deposit(account=random.choice(MEMBERS), amount="50", **base)
    return inputs.Withdrawal(account=random.choice(MEMBERS), amount="50", **base)


def text_of(name: str, ticks: int) -> str:
    return decimal_text(ticks, 1) if name == "RAT" else decimal_text(ticks * 5, 1)


def spoiled(random: Random, message: Input, number: int) -> Input:
    """The message with one fault."""
    changes: dict[str, Any] = {"id": f"bad{number}"}
    fault = random.randrange(7)
    if fault == 0:
        changes["time_ms"] = 0
    elif fault == 1:
        changes["time_ms"] = message.time_ms + 10**12
    elif isinstance(message, inputs.Price):
        price: list[dict[str, Any]] = [{"mark": "1.23"}, {"mark": "-1"}, {"instrument": "NONE"}, {"asset": "GOLD"}, {}]
        changes |= price[fault - 2]
    elif isinstance(message, inputs.Trade):
        trade: list[dict[str, Any]] = [
            {"quantity": "0"}, {"seller": message.buyer}, {"buyer": "new/one"}, {"buyer": "@other"},
            {"liquidation_id": "l"},
        ]  # fmt: skip
        changes |= trade[fault - 2]
    return msgspec.structs.replace(message, **changes)


def streams_of(seed: int, calm: int, count: int = 1_500) -> list[Input]:
    random = Random(seed)
    settings = replace(
        PLAIN, call=random.randrange(4), band=random.randrange(4), venue=random.randrange(4), window=seed % 4
    )
    return [*venue(settings), *market(seed, count, calm)]


def all_same(count: int) -> None:
    for seed in range(count):
        assert_same(streams_of(seed, 60), seed)


@pytest.mark.parametrize("seed", range(12))
def test_a_calm_market_goes_in_runs_and_leaves_the_same(seed: int) -> None:
    assert assert_same(streams_of(seed, 10**9), seed) > 600


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_a_market_with_crashes_leaves_the_same(seed: int) -> None:
    assert assert_same(streams_of(seed, 60), seed) > 0


@pytest.mark.parametrize("seed", range(40))
def test_random_venues_leave_the_same(seed: int) -> None:
    assert_same([one for one in messages(*random_venue(seed, 120)) if one.book == "usd"], seed)


def test_real_prices_leave_the_same(tmp_path: Path) -> None:
    make_scenario(DATA / "bitmex_xbtusd_1m_20200311_20200314.csv", 60, 1, tmp_path)
    decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(inputs.AnyInput)
    found = []
    for rank, topic in enumerate(TOPICS):
        last = 0
        for number, line in enumerate((tmp_path / f"{topic}.jsonl").read_bytes().splitlines()):
            message = decoder.decode(line)
            last = max(last, message.time_ms)
            found.append((last, rank, number, message))
    found.sort(key=lambda one: one[:3])
    assert assert_same([message for *_, message in found], 1) > 10_000


@pytest.mark.slow
def test_a_bound_without_the_legs_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The guard taken out: effects of a tenth let accounts through that single inputs call or liquidate."""
    whole = quiet._effects

    def weak(*args: Any) -> Any:
        effect, room = whole(*args)
        return effect // 10, room

    monkeypatch.setattr(quiet, "_effects", weak)
    with pytest.raises(AssertionError):
        all_same(30)


@pytest.mark.slow
def test_a_reserve_that_is_not_spent_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The guard taken out: legs on rows with a reserve cost a hundredth of what they may do."""
    whole = reserve.effects
    monkeypatch.setattr(reserve, "effects", lambda *args: np.where((e := whole(*args)) < BOUND, e // 100, e))
    with pytest.raises(AssertionError):
        all_same(30)


@pytest.mark.slow
def test_a_bound_without_the_marks_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The guard taken out: rows that trade are not asked what marks do to what they held before."""
    monkeypatch.setattr(quiet, "_move", lambda _state, sway, *_: np.zeros(len(sway), np.int64))
    monkeypatch.setattr(quiet, "running", lambda _group, amount: np.zeros_like(amount))
    with pytest.raises(AssertionError):
        all_same(30)


@pytest.mark.parametrize("seed", range(20))
def test_entry_values_in_vectors_are_those_of_single_legs(seed: int) -> None:
    random = Random(seed)
    run = BookRun(next(m for m in opening(PLAIN, "usd") if isinstance(m, BookMessage)))
    for message in opening(PLAIN, "usd"):
        run.feed(message)
    accounts = run.shards[0].state.accounts
    size = random.choice([10, 10**6, 2**40])
    accounts.positions[:4], accounts.entries[:4] = 0, 0
    expected: dict[tuple[int, int], tuple[int, int]] = {}
    legs = []
    for _ in range(random.choice([3, 60, 200])):
        cell = random.randrange(4), random.randrange(3)
        lots = random.choice([-1, 1]) * random.randint(1, 9) * size // random.randint(1, 3)
        paid = random.choice([-1, 1]) * random.randint(1, size)
        held, entry = expected.get(cell, (0, 0))
        expected[cell] = held + lots, entry_after(entry, held, lots, paid)
        legs.append((*cell, lots, paid))
    rows, columns, lots_of, paid_of = (np.array(one, np.int64) for one in zip(*legs, strict=True))
    at = np.arange(len(legs))
    entries_after(accounts, cells_of(Legs(at, at, rows, columns, lots_of, -paid_of, paid_of), accounts.columns))
    for (row, column), (_, entry) in expected.items():
        assert int(accounts.entries[row, column]) == entry
