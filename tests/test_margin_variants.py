"""Variants of margin and closing (RULEBOOK 4, 11, 15.1, 15.2, 15.6): each rule by itself, by a table or a slow form."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import takeover
from engine.brackets import Brackets
from engine.contracts import Contract
from engine.execution import closing_value
from engine.margin import addons
from engine.margin.basis import at_leverage, entry_basis, rate_at_leverage
from engine.margin.interest import scaled_ppm
from engine.margin.scan import requirement, results, scan
from engine.margin.statement import Line, Statement
from engine.orders import order_room
from engine.takeover import Stage, stage
from engine.value import entry_after, notional
from tests.test_estimate import INVERSE, LINEAR, TIERS

UNITS, RATES = st.integers(0, 10**12), st.integers(0, 10**6)


@pytest.mark.parametrize(
    ("held", "entry", "lots", "units"),
    [
        (10, 1_003, 10, 1_003),  # what is held: its entry value
        (10, 1_003, 3, 301),  # 300.9 of it
        (10, 1_003, 12, 1_203),  # two more at the mark of 100
        (10, 1_003, -3, 300),  # the other side: at the mark
        (-10, -1_003, -3, 301),
        (0, 0, 4, 400),
        (10, 1_003, 0, 0),
    ],
)
def test_notional_on_entry(held: int, entry: int, lots: int, units: int) -> None:
    """15.1: of what is kept the entry value, of what is new the mark."""
    assert entry_basis(LINEAR, held, entry, lots, 100) == units


@given(st.sampled_from([LINEAR, INVERSE]), st.integers(-1000, 1000), st.integers(0, 10**9), st.integers(0, 1000))
def test_notional_on_entry_is_what_closing_leaves(contract: Contract, held: int, entry: int, closed: int) -> None:
    """For every close, it is the entry value that the holding has then (17.3)."""
    closed = min(closed, abs(held))
    left, signed = held - (closed if held > 0 else -closed), entry if (held > 0) != contract.is_inverse else -entry
    after = entry_after(signed, held, left - held, 7) if held and closed else signed
    assert entry_basis(contract, held, signed, left, 100) == (abs(after) if left else 0)


@pytest.mark.parametrize(("num", "den", "rate"), [(50, 1, 20_000), (3, 1, 333_334), (5, 2, 400_000), (1, 2, 10**6)])
def test_leverage_as_a_rate(num: int, den: int, rate: int) -> None:
    """Rounded up, never above a whole; twice the leverage asks for half of it."""
    assert rate_at_leverage(num, den) == rate
    assert rate_at_leverage(num, den, 2) == min(10**6, ceil(Fraction(10**6 * den, 2 * num)))
    assert at_leverage(1_000, num, den) == ceil(Fraction(1_000 * den, num))


@given(RATES, UNITS, UNITS, UNITS)
def test_rates_by_open_interest(base: int, interest: int, lower: int, upper: int) -> None:
    """The formula of section 4 with fractions; it never falls as interest rises, and stays between base and a whole."""
    found = scaled_ppm(base, interest, lower, upper)
    share = min(max(Fraction(interest - lower, upper - lower), 0), 1) if upper > lower else 0
    assert found == floor(base + (10**6 - base) * share)
    assert base <= found <= scaled_ppm(base, interest + 1, lower, upper) <= 10**6


@given(st.integers(0, 10**9), st.integers(0, 10**4), st.integers(0, 10**6), st.integers(1, 10**9))
def test_rates_that_grow_with_size(size: int, lots: int, num: int, den: int) -> None:
    """`ceil(N (rate + slope lots)) - deduction`, in the bracket of N."""
    at = max(at for at, start in enumerate(TIERS.floors) if start <= size)
    rate = Fraction(TIERS.rates_ppm[at], 10**6) + Fraction(num, den) * Fraction(lots, 100)
    sloped = TIERS.sloped((num, den), (1, 100))
    assert sloped.amount(size, lots) == ceil(size * rate) - TIERS.deductions[at]
    assert Fraction(*sloped.rate(at, lots)) == rate


def test_a_closing_fee_in_the_requirement() -> None:
    """Each rate is that much higher, in every bracket."""
    assert TIERS.with_fee(600).amount(30_000) == TIERS.amount(30_000) + 18


@given(UNITS, UNITS, RATES)
def test_a_blend(current: int, stressed: int, weight: int) -> None:
    """Between both, rounded up from the exact mean."""
    exact = current + Fraction(weight, 10**6) * (stressed - current)
    assert addons.blend(current, stressed, weight) == ceil(exact)


@pytest.mark.parametrize(
    ("lots", "units"), [(0, 0), (100, 0), (101, 5), (1_100, 5_000)], ids=["none", "at", "over", "a day over"]
)
def test_concentration(lots: int, units: int) -> None:
    """Zero up to a tenth of a day's volume of 1000 lots; then 5 % of 100,000 a further day."""
    assert addons.concentration(100_000, lots, 1_000, 100_000, 50_000) == ("concentration", units)


def test_lines_of_a_requirement() -> None:
    """A gain is no credit, a floor holds, and the lines add up."""
    lines = [addons.debit(884, 890), addons.debit(890, 884), addons.liquidity(1_001, 500)]
    assert lines == [("mark_to_market", 6), ("mark_to_market", 0), ("liquidity", 1)]
    assert (addons.total(lines), addons.floored(80, 110), addons.floored(150, 110)) == (7, 110, 150)
    assert (addons.rate(95, 1_000, 100), addons.rate(5, 0)) == ((9_500, 1_000), (0, 1))


@given(st.lists(st.tuples(st.integers(-50, 50), st.lists(st.integers(-999, 999), min_size=3, max_size=3)), min_size=1))
def test_a_scan(held: list[tuple[int, list[int]]]) -> None:
    """The worst of all scenarios, the first of equals; nobody is paid for holding what cannot lose."""
    won = [sum(lots * array[at] for lots, array in held) for at in range(3)]
    risk, scenario = scan(held)
    assert results(held) == won
    assert (risk, scenario) == ((-min(won), won.index(min(won)) + 1) if min(won) < 0 else (0, 0))
    flipped = scan([(-lots, array) for lots, array in held])[0]
    assert flipped == max(0, *won)


def test_a_requirement_of_a_scan() -> None:
    """`factor * max(scan + calendar - credit, minimum)`, rounded up; an empty group needs nothing."""
    assert requirement(100, 1_100_001, calendar_units=10, credit_units=20) == 100
    assert requirement(100, 10**6, credit_units=90, short_option_units=25) == 25
    assert (scan([]), results([])) == ((0, 0), [])


STAGES = [
    (1_000, Stage.SOUND), (500, Stage.SOUND), (499, Stage.NO_NEW_RISK), (200, Stage.NO_NEW_RISK), (199, Stage.MARKET),
    (100, Stage.MARKET), (99, Stage.TAKEOVER), (0, Stage.TAKEOVER), (-1, Stage.INSOLVENT),
]  # fmt: skip


@pytest.mark.parametrize(("equity", "found"), STAGES)
def test_stages(equity: int, found: Stage) -> None:
    """IM 500, MM 200, taken over below half of it; a boundary is the better side's."""
    assert stage(equity, 500, 200, takeover.level(200, 500_000)) is found


def test_a_level_is_rounded_up() -> None:
    """Two thirds of 100 (Hyperliquid)."""
    assert takeover.level(100, 666_667) == 67


@pytest.mark.parametrize(("position", "equity", "answer"), [(50, 30, (5_000, 30)), (-50, -7, (-5_000, 0))])
def test_a_takeover_at_the_mark(position: int, equity: int, answer: tuple[int, int]) -> None:
    """The position at 100 a lot; what is left to the fund, and a loss stays."""
    assert takeover.at_mark(LINEAR, position, 50, 100, equity) == answer


def own(equity: int, mm: int, lots: int = 10) -> tuple[Statement, Line]:
    """An account with one line of 10 lots at 100, of which `mm` is required, and as much by another line."""
    size = notional(LINEAR, lots, 100)
    line = Line(0, lots, size if lots > 0 else -size, size, mm, mm, size, size)
    return Statement(equity, 2 * mm, 2 * mm, 0, (line,)), line


@pytest.mark.parametrize(
    ("equity", "value"),
    [(100, 1_000), (50, 1_000), (40, 998), (0, 990), (-70, 990)],
    ids=["sound", "at MM", "a fifth down", "at zero", "below: no further"],
)
def test_the_closing_value(equity: int, value: int) -> None:
    """MM 50, of which 25 are the line's; at most 40 % of them are given away: between the mark and 990."""
    assert Fraction(*closing_value(*own(equity, 25), 10**6, 400_000)) == value
    assert Fraction(*closing_value(*own(equity, 25, -10), 10**6, 400_000)) == value - 2_000


def test_the_closing_value_by_its_parameters() -> None:
    """Half the adjustment gives away half as fast; without margin there is nothing to give, and it is the mark."""
    assert Fraction(*closing_value(*own(25, 25), 500_000, 400_000)) == Fraction(1_995, 2)
    assert closing_value(*own(5, 0), 10**6, 10**6) == (1_000, 1)


@given(st.integers(0, 1000), st.integers(-2000, 2000))
def test_order_room(limit: int, held: int) -> None:
    """Any order within its room ends inside the limit, one lot more does not; a holding beyond may only shrink."""
    buys, sells = order_room(limit, held)
    if abs(held) <= limit:
        assert (held + buys, held - sells) == (limit, -limit)
    else:
        assert (buys if held > 0 else sells) == 0
        assert abs(held + buys if held < 0 else held - sells) == limit


def test_brackets_without_a_slope_do_not_ask_for_lots() -> None:
    """The amount of the default is what it was."""
    assert Brackets((0,), (10_000,), (0,)).amount(1_001, 5) == Brackets((0,), (10_000,), (0,)).amount(1_001) == 11
