"""RULEBOOK 14.6, 14.9 and 14.10: the engine keeps them in random venues, and an engine that does not is found.

The engine runs alone here, beside no twin: its invariants (tests/engine_invariants.py) must be enough. For each fault
a seed was searched on which it shows (`search` of tests/test_guards.py does the like).
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import execution, liquidation
from engine.book import Book
from engine.clearing import allocating
from engine.execution import bankruptcy_cash, fee, limit_ticks
from engine.numbers import div_down
from engine.shard import run, trades
from engine.shard.state import ShardState
from schemas.codes import Refused
from schemas.events import Event
from streams.driver import Sinks, Venue
from tests.closing_invariant import checked_plans
from tests.engine_invariants import Invariants
from tests.hand_venue import Hand, two_positions
from tests.live_runs import live_run
from tests.random_venue import messages, random_venue
from tests.sequence_invariant import require_whole_sources

Patch = pytest.MonkeyPatch


def check(seed: int) -> int:
    """A random venue through the engine, its invariants checked after each input; the venue fills that were judged."""
    choices, acts = random_venue(seed, 60)
    told: list[Event] = []
    venue = Venue(1 + seed % 3, Sinks(event=told.append))
    invariants = Invariants(venue, told)
    with checked_plans():
        for message in messages(choices, acts, told):
            try:
                venue.feed(message)
            except Refused:
                continue
            invariants.check()
    return sum(fills.checked for fills in invariants.fills.values())


def with_a_gap_in_seq(patch: Patch) -> None:
    """14.6: a refused input takes a number too."""
    judge = Book.judge

    def counted(book: Book, message: Any) -> Any:
        try:
            return judge(book, message)
        except Refused:
            book.seq += 1
            raise

    patch.setattr(Book, "judge", counted)


def with_two_steps(patch: Patch) -> None:
    """14.6: what an account raises, its calls, holes and liquidations, are counted 2, 4, 6."""
    number = ShardState.number
    patch.setattr(ShardState, "number", lambda state, row, what: number(state, row, what) * 2)


def with_lost_allocations(patch: Patch) -> None:
    """14.6: an allocation has the number of its round."""
    following = allocating.next_allocation
    patch.setattr(allocating, "next_allocation", lambda state: {**following(state), "allocation": state.rounds})


def with_twice_the_equity(patch: Patch) -> None:
    """14.10: an order may lose twice what the account has."""

    def twice(*said: Any) -> tuple[int, int]:
        (num, den), line = execution.bankruptcy_value(*said), said[1]
        return 2 * num - line.value * den, den

    patch.setattr(liquidation, "bankruptcy_value", twice)


def with_slices_of_their_own(patch: Patch) -> None:
    """14.10: each slice of a bankruptcy value is rounded as if it stood alone."""
    patch.setattr(
        execution,
        "bankruptcy_cash",
        lambda num, den, position, lots, first=0: bankruptcy_cash(num, den, position, lots),
    )


def with_limits_rounded_away(patch: Patch) -> None:
    """14.9: the limit of an order is rounded against the account."""

    def away(contract: Any, position: int, b_num: int, b_den: int) -> int | None:
        found = limit_ticks(contract, position, b_num, b_den)
        return None if found is None else max(1, found - 1 if position > 0 else found + 1)

    patch.setattr(run, "limit_ticks", away)


def without_fee_cap(patch: Patch) -> None:
    """14.9: the whole fee of a venue fill, whatever is left."""
    patch.setattr(trades, "capped_fee", lambda contract, ppm, lots, mark, _left: fee(contract, ppm, lots, mark))


FAULTS: list[tuple[Callable[[Patch], None], int, str]] = [
    (with_a_gap_in_seq, 1, "14.6"),
    (with_two_steps, 1, "14.6"),
    (with_lost_allocations, 1, "14.6"),
    (with_twice_the_equity, 1, "14.10"),
    (with_slices_of_their_own, 5, "14.10"),
    (with_limits_rounded_away, 136, "14.9"),
    (without_fee_cap, 110, "14.9"),
]


@pytest.mark.parametrize(("fault", "seed", "number"), FAULTS, ids=[fault.__name__ for fault, _, _ in FAULTS])
def test_a_fault_is_found(fault: Callable[[Patch], None], seed: int, number: str, monkeypatch: Patch) -> None:
    """Without the fault the venue passes; with it the invariant is named."""
    check(seed)
    fault(monkeypatch)
    with pytest.raises(AssertionError, match=rf"^{number}:"):
        check(seed)


def test_an_order_does_not_guard_against_later_marks() -> None:
    """17.16: solvent before a fill at the limit, below zero after it, since another mark moved while the order was out;
    with that mark where it was the account lives."""
    for later, equity in ((94, 100), (76, -80)):
        hand = two_positions(stop_ppm=2_000_000, order_ms=60_000, max_close_ms=60_000)
        # 250 - 60 = 190 below MM 94 + 100; all of M goes, at 100 - 190 * 100 / 194 / 10 = 90.2, rounded up
        hand.price(94)
        [order] = hand.told("liquidation-ordered")
        assert (order["instrument"], order["lots"], order["limit_ticks"]) == ("M", -10, 91)
        hand.price(later)
        assert hand.statement("a")[0] == 190 - 10 * (94 - later)
        hand.trade("b", "a", 10, 91, instrument="M", liquidation_id=order["liquidation_id"])
        assert hand.statement("a")[0] == equity
        assert bool(hand.told("hole-found")) == (equity < 0)


def test_truncated_fills_cost_a_unit_each() -> None:
    """17.16: `V` is truncated at each fill, so where it is not whole two halves at the limit pay a unit less."""
    hand = Hand(listing={"contract_value": "0.3"}, execution="venue", order_ms=60_000, max_close_ms=60_000)
    hand.deposit({"a": 57, "b": 5000})
    hand.trade("a", "b", 2)
    # 57 - 60 + floor(2 * 5 * 0.3) = 0: B is 3 for both lots, the limit 5; one lot at 5 pays floor(1.5) = 1
    hand.price(5)
    [order] = hand.told("liquidation-ordered")
    assert (order["bankruptcy_units"], order["limit_ticks"]) == (3, 5)
    hand.trade("b", "a", 1, 5, liquidation_id=order["liquidation_id"])
    assert [hole["equity_units"] for hole in hand.told("hole-found")] == [-1]


@pytest.mark.slow
def test_venue_fills_are_judged() -> None:
    """14.9 in venue execution, 17.16: the invariant is no empty word."""
    assert sum(check(seed) for seed in range(220)) > 20


@given(st.integers(-(10**12), 10**12), st.integers(1, 10**6), st.integers(-500, 500).filter(bool), st.data())
def test_slicing_changes_nothing(b_num: int, b_den: int, position: int, data: st.DataObject) -> None:
    """14.10: however a close is cut, its slices pay the same together, and each is less than one unit off its share."""
    cuts = sorted(data.draw(st.sets(st.integers(0, abs(position)), max_size=6)) | {0, abs(position)})
    paid = [bankruptcy_cash(b_num, b_den, position, b - a, a) for a, b in pairwise(cuts)]
    assert sum(paid) == -div_down(-b_num, b_den)
    for (first, last), units in zip(pairwise(cuts), paid, strict=True):
        assert abs(units - Fraction(b_num * (last - first), b_den * abs(position))) < 1


@pytest.mark.parametrize("seed", range(4))
def test_a_live_log_is_whole(seed: int) -> None:
    """14.6: delays, repeats, crashes and changes of P leave no gap in what a source of the log has written."""
    require_whole_sources(live_run(seed, lock_step=False).log)


def test_an_order_sent_below_zero_promises_nothing() -> None:
    """17.16: 14.9 is said of who was solvent at the order's seq; who became so later may be filled at the old mark."""
    hand = Hand(execution="venue", order_ms=1000)
    hand.deposit({"a": 196, "b": 500})
    hand.trade("a", "b", 10)
    hand.price(80)  # equity -4: the limit is the mark
    hand.price(90)  # equity 96, and B = -cash as before
    assert hand.trade("@market", "a", 10, 80, liquidation_id="B/a/1/1") is None  # the invariants are checked in here
    assert [hole["equity_units"] for hole in hand.told("hole-found")] == [-4, -4]
