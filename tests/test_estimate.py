"""RULEBOOK 5, the estimated liquidation price: from which mark the margin statement is short, in closed form."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.brackets import NO_MARGIN, Brackets
from engine.contracts import Contract, compile_instrument
from engine.margin.estimate import Ratio, crossing, liquidation_price, liquidation_ticks
from engine.shard.state import place
from schemas.governed import Bracket, InstrumentMessage
from tests.hand_venue import BOOK, RULE, Hand

TIERS = Brackets((0, 1_000, 20_000), (50_000, 100_000, 400_000), (0, 50, 6_050))
SPREAD = 3  # units that rounding may add: value, notional and requirement


def contract(**terms: Any) -> Contract:
    """A contract worth a unit a lot and tick, or what is said instead."""
    said = {"kind": "linear", "tick": "1", "lot": "1", "mark": "100", "max_price": "1000000", "position_limit": "1000"}
    rates = {"mm_brackets": [Bracket("0", 0)], "im_brackets": [Bracket("0", 0)]}
    where = {"book": BOOK, "id": "i", "time_ms": 0, "instrument": "L"}
    return compile_instrument(InstrumentMessage(**{**RULE, **where, **rates, **said, **terms}), 0, BOOK)


LINEAR, INVERSE = contract(), contract(kind="inverse", contract_value="5000")
CASES: list[tuple[str, Contract, int, int, Brackets, int, Ratio | None]] = [
    ("nothing lent: no mark can hurt", LINEAR, 2, 0, TIERS, 0, None),
    ("-100 + 2 p = 0.05 * 2 p", LINEAR, 2, -100, TIERS, 0, (1000, 19)),
    ("in the second bracket -1900 + 2 p = 0.1 * 2 p - 50", LINEAR, 2, -1_900, TIERS, 0, (9_250, 9)),
    ("a short: 300 - 2 p = 0.05 * 2 p", LINEAR, -2, 300, TIERS, 0, (1_000, 7)),
    ("on entry value: -100 - 9 + 2 p = 0", LINEAR, 2, -109, NO_MARGIN, 0, (109, 2)),
    ("a short that owes more than it has", LINEAR, -2, -1, TIERS, 0, None),
    ("an inverse long: 125 - 2 * 5000 / p = 0.05 * 2 * 5000 / p", INVERSE, 2, 125, TIERS, 0, (84, 1)),
    ("of 20 lots of the member, 2 are here: 10 % less a tenth of 50", LINEAR, 2, -185, TIERS, 20, (100, 1)),
    ("a slope of 1 % a lot", LINEAR, 2, -93, TIERS.sloped((1, 100), (1, 1)), 0, (50, 1)),
    ("the fee of closing, 2 %", LINEAR, 2, -93, TIERS.with_fee(20_000), 0, (50, 1)),
]


@pytest.mark.parametrize(("what", "one", "lots", "rest", "mm", "member", "price"), CASES, ids=[x[0] for x in CASES])
def test_a_crossing(
    what: str, one: Contract, lots: int, rest: int, mm: Brackets, member: int, price: Ratio | None
) -> None:
    """Worked by hand."""
    found = crossing(one, lots, rest, mm, member)
    assert (found and Fraction(*found)) == (price and Fraction(*price)), what


def exact_room(one: Contract, lots: int, rest: int, mm: Brackets, price: Fraction, member: int) -> Fraction:
    """`rest + V - MM` without rounding, from the text of section 4: the slow form."""
    worth = Fraction(lots * one.num, one.den) * price if not one.is_inverse else Fraction(-lots * one.face) / price
    whole = abs(worth) * Fraction(member, abs(lots))
    at = max(at for at, floor in enumerate(mm.floors) if floor <= whole)
    required = whole * Fraction(mm.rates_ppm[at], 10**6) - mm.deductions[at]
    return rest + worth - required * Fraction(abs(lots), member)


@given(
    st.sampled_from([LINEAR, INVERSE, contract(lot="0.01", contract_value="0.7", position_limit="10")]),
    st.integers(1, 1000),
    st.sampled_from([1, -1]),
    st.integers(-(10**6), 10**6),
    st.integers(0, 1000),
)
def test_at_the_crossing_nothing_is_left(one: Contract, size: int, side: int, rest: int, others: int) -> None:
    """The slow form is zero there, and turns there; where none is found it never turns, from one tick to 10^9."""
    lots, member = side * size, size + others
    found = crossing(one, lots, rest, TIERS, member)

    def room(price: Fraction) -> Fraction:
        return exact_room(one, lots, rest, TIERS, price, member)

    if found is None:
        ends = [room(Fraction(1, 10**12)), room(Fraction(10**12))]
        assert min(ends) > 0 or max(ends) <= 0
    else:
        price = Fraction(*found)
        assert room(price) == 0
        assert room(price * Fraction(99, 100)) * room(price * Fraction(101, 100)) < 0


@pytest.mark.parametrize("terms", [{}, {"kind": "inverse", "contract_value": "10000"}])
@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("cash", [150, 400, 700])
def test_the_statement_turns_at_the_estimate(terms: dict[str, Any], side: int, cash: int) -> None:
    """An account of two with one member and brackets, and another position: short on the far side of the estimate at
    every mark; on the near side only within what rounding adds.
    """
    floors = [Bracket("0", 50_000), Bracket("1000", 100_000)]
    hand = Hand(shards=1, listing={"mm_brackets": floors, "im_brackets": floors, "min_price": "10", **terms})
    hand.list("M")
    hand.price(50, "M")
    hand.deposit({"a": cash, "a/x": 10_000, "b": 10**6})
    assert hand.command("halt", what="liquidation") is None
    for account, lots, name in (("a", 10, "L"), ("a/x", 5, "L"), ("a", 3, "M")):
        parties = (account, "b") if side > 0 or name == "M" else ("b", account)
        assert hand.trade(*parties, lots, 50 if name == "M" else 100, instrument=name) is None
    state = hand.run.shards[place("a", 1)].state
    row, one = state.accounts.row_of["a"], state.book.contracts[0]
    found = liquidation_price(state.book, state.accounts, row, 0)
    assert found is not None
    turn, lots = Fraction(*found), 10 * side
    shown = liquidation_ticks(state.book, state.accounts, row, 0)
    assert shown is not None
    assert 0 <= (shown - turn) * side < 1
    for ticks in {*range(11, 400), shown}:
        assert hand.price(ticks) is None
        equity, _, mm = hand.statement("a")
        if (ticks - turn) * side < 0:
            assert equity < mm
        elif abs(Fraction(1, ticks) - 1 / turn) * 10 * one.face >= 2 * SPREAD or (
            not one.is_inverse and abs(ticks - turn) * 10 >= 2 * SPREAD
        ):
            assert equity >= mm


def test_what_is_not_held_has_no_estimate() -> None:
    """None, and no failure."""
    hand = Hand(shards=1)
    hand.deposit({"a": 10})
    state = hand.run.shards[0].state
    assert liquidation_ticks(state.book, state.accounts, state.accounts.row_of["a"], 0) is None
