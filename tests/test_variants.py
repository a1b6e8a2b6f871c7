"""RULEBOOK 15.2 to 15.4, 15.8: sizes and fees in closed form, paces, slices, weighted profit, a fund a fill."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import ceil, floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import gradual, pace, profit, sizing, slices
from engine.execution import fund_delta
from engine.gradual import Gradual, Short
from engine.profit import Perp, Weights
from tests.test_deleveraging import alone, contract

LINEAR, INVERSE = contract(), contract(is_inverse=True)

# shortage, rate, lots held, step; the mark is 100 (inverse: 10^6 / 100 = 10^4 units a lot)
COVERS = [
    (LINEAR, 9, (5, 100), 10, 1, 2),
    (LINEAR, 10, (5, 100), 10, 1, 2),
    (LINEAR, 11, (5, 100), 10, 1, 3),
    (LINEAR, 11, (5, 100), 10, 5, 5),
    (LINEAR, 99, (5, 100), 10, 1, 10),
    (LINEAR, 9, (0, 1), 10, 1, 10),
    (LINEAR, 9, (-1, 100), 10, 1, 10),
    (LINEAR, 0, (5, 100), 10, 1, 0),
    (INVERSE, 1_001, (5, 100), 10, 1, 3),
]


@pytest.mark.parametrize(("listed", "short", "rate", "lots", "step", "closed"), COVERS)
def test_a_size_in_closed_form(listed, short, rate, lots, step, closed) -> None:  # type: ignore[no-untyped-def]
    """15.3: what is short over what a lot frees, rounded up."""
    assert sizing.close_to_cover(listed, 100, short, rate, lots, step) == closed


@given(st.integers(0, 10**6), st.integers(1, 10**6), *(st.integers(0, 200_000) for _ in range(3)))
def test_a_squeezed_fee(short: int, size: int, rate: int, taker: int, most: int) -> None:
    """15.3: `max(0, min(most, 0.95 (rate - taker - shortage / N)))`, and an account that pays it loses no ground."""
    exact = Fraction(95, 100) * (rate - taker - Fraction(short * 10**6, size))
    assert sizing.squeezed_fee_ppm(short, size, rate, taker, most) == max(0, min(most, floor(exact)))


@pytest.mark.parametrize(
    ("asset", "premium", "fee", "debt"),
    [(800_000, (1, 1), 0, 25), (800_000, (1, 1), 100_000, 36), (1_000_000, (4, 3), 0, None), (0, (1, 1), 0, 9)],
)
def test_a_debt_that_covers(asset: int, premium: tuple[int, int], fee: int, debt: int | None) -> None:
    """15.3: 10 short, liability weight 1.2: 10 / 0.4 = 25; with a fee of 10 % 10 / 0.28; no end; 10 / 1.2."""
    assert sizing.transfer_to_cover(10, (1, 1), 1_200_000, asset, premium, fee) == debt


def test_collateral_for_a_debt() -> None:
    """15.3: a debt of 7 at 10, in an asset at 3, with a premium of 1.01 / 0.99: 23.8, rounded down."""
    assert sizing.asset_for(7, (10, 1), (3, 1), (101, 99)) == 23


@pytest.mark.parametrize(("least", "portion", "step"), [(100, 500_000, 500), (700, 500_000, 700), (2_000, 0, 1_000)])
def test_a_step(least: int, portion: int, step: int) -> None:
    """16.10: of a notional of 1000."""
    assert pace.step_units(1_000, least, portion) == step


def test_a_window() -> None:
    """15.4: (0.3 % + 0.7 %) * 1000 lots * 1.5 * 2.5 s = 37.5, rounded down."""
    assert pace.window_lots(3_000, 7_000, 1_000, 1_500_000, 2_500) == 37


GRADUAL = Gradual(LINEAR, 100, 50_000, 20_000, 10_000, 10_000, 100_000, 150, 0, 1, 1)
BOUGHT = Short(5_000, 2_000, -200_000, buy_lots=1_000)


def test_a_gradual_call_cancels_first_and_frees_what_time_allows() -> None:
    """15.4: 16,001 short, 7,001 freed by the cancel, 60 % of it may be after half the time (Drift, in cents)."""
    early = gradual.call(GRADUAL, BOUGHT, 30, 10_000)
    assert (early.lots, early.after.freed_units, early.after.buy_lots) == (0, 7_001, 0)
    half = gradual.call(GRADUAL, BOUGHT, 75, 10_000)
    assert half.lots == ceil(1_800 * Fraction(2888, 10_000))
    assert half.after.freed_units <= ceil(Fraction(16_001 * 6, 10)) + 4  # a step more than allowed, never a part
    assert gradual.call(GRADUAL, BOUGHT, 75, 7).lots == 7
    assert gradual.call(replace(GRADUAL, small_units=9_001), BOUGHT, 0, 10_000).lots == 1_800


@given(st.integers(0, 20_000), st.integers(1, 3_000), st.sampled_from([1, -1]), st.integers(0, 200))
def test_a_gradual_call_conserves_and_never_closes_more_than_is_held(
    money: int, size: int, side: int, elapsed: int
) -> None:
    """What the account loses on the lots is what the taker and the fund get; who is sound is left alone."""
    own = Short(money, side * size, -side * size * 100)
    done = gradual.call(GRADUAL, own, elapsed, 10_000)
    assert abs(done.after.lots) == size - done.lots >= 0
    assert done.after.quote_units - own.quote_units == done.paid_units - done.fee_units
    assert done.paid_units == side * done.lots * 100 - ceil(Fraction(done.lots * 100, 100))
    assert not (gradual.shortage(GRADUAL, own) == 0 and done.lots)
    assert 0 <= gradual.freed_ppm(GRADUAL, done.after) <= 10**6


def test_slices() -> None:
    """15.3: MM 90, equity 80, fee 50 %: at 40 % the penalty is 18, and 54 / 62 is the first below 0.9."""
    own, _ = alone(9, 100, 80)
    rows = slices.slices(own, 200_000, 500_000)
    assert [(row.penalty_units, row.equity_units) for row in rows] == [(9, 71), (18, 62), (27, 53), (36, 44)]
    assert [row.ratio and Fraction(*row.ratio) for row in rows][:2] == [Fraction(72, 71), Fraction(54, 62)]
    best = slices.chosen(rows, 900_000)
    assert best is not None
    assert best.share_ppm == 400_000
    assert slices.sliced_lots(-9, best.share_ppm) == 3


def test_slices_that_are_never_enough() -> None:
    """Penalties eat the equity: no share helps, and none of those has a ratio."""
    own, _ = alone(9, 100, 8)
    rows = slices.slices(own, 500_000, 1_000_000)
    assert [row.ratio for row in rows] == [None]
    assert slices.chosen(rows, 900_000) is None


# fee, spot, lots, quote, other, most lots, most settled -> spot, lots, quote. Mark 1, both weights a half.
PROFITS = [
    (0, 5, -10, 0, 0, 1, 100, 5, -9, -1),
    (0, 5, -4, 0, 0, 20, 100, 5, -2, -2),
    (0, 0, 20, -30, 0, 100, 100, 0, 0, -10),
    (0, -25, 20, 10, 0, 2, 100, -4, 18, -9),
    (250_000, -13, 0, 20, 0, 9, 9, -7, 0, 11),  # of 9 a fee of 3 (2.25): 6 come to spot
    (600_000, -13, 0, 20, 0, 9, 9, -13, 0, 20),  # a fee that takes more than the weight does: nothing is settled
    (0, 1, 20, 10, 0, 9, 9, 1, 20, 10),  # sound: nothing happens
    (0, -30, 0, 20, 0, 0, 0, -30, 0, 20),
]


@pytest.mark.parametrize("row", PROFITS)
def test_weighted_profit(row: tuple[int, ...]) -> None:
    """15.2: what is closed and settled, worked by hand."""
    fee, spot, lots, quote, other, lots_max, settle_max, *after = row
    rules = Weights(LINEAR, 1, 500_000, 500_000, fee)
    found = profit.liquidate(rules, Perp(spot, lots, quote, other), lots_max, settle_max)
    assert [found.spot_units, found.lots, found.quote_units] == after


@given(
    *(st.integers(-200, 200) for _ in range(4)), st.integers(0, 90), st.integers(0, 90),
    st.sampled_from([0, 125_000, 250_000, 600_000]),
)  # fmt: skip
def test_weighted_profit_keeps_its_limits(
    spot: int, lots: int, quote: int, other: int, most: int, settled: int, fee: int
) -> None:
    """15.2: the account pays nothing but the fee, health does not fall (a unit of rounding a step), limits hold."""
    rules = Weights(LINEAR, 1, 500_000, 500_000, fee)
    own = Perp(spot, lots, quote, other)
    after = profit.liquidate(rules, own, most, settled)
    assert abs(lots) - most <= abs(after.lots) <= abs(lots)
    moved = own.quote_units + own.lots - after.quote_units - after.lots
    assert 0 <= moved <= settled
    assert after.spot_units - spot == moved - sum(
        ceil(Fraction(part * fee, 10**6)) for part in _parts(moved, after.spot_units - spot, fee)
    )
    assert profit.health(rules, after) >= min(0, profit.health(rules, own)) - 4


def _parts(moved: int, came: int, fee: int) -> list[int]:
    """The two settlements that one sum was made of: any cut whose rounded fees give what came."""
    for first in range(moved + 1):
        parts = [first, moved - first]
        if moved - sum(ceil(Fraction(part * fee, 10**6)) for part in parts) == came:
            return parts
    return [moved]


@pytest.mark.parametrize(
    ("fill", "owed", "cap", "delta"),
    [(100, 90, None, 10), (100, 90, 50_000, 5), (101, 90, 50_000, 6), (100, 97, 50_000, 3), (80, 90, 50_000, -10),
     (-80, -90, 50_000, 4), (-100, -90, None, -10), (90, 90, None, 0)],
)  # fmt: skip
def test_a_fund_that_settles_a_fill(fill: int, owed: int, cap: int | None, delta: int) -> None:
    """15.8: below bankruptcy the fund pays, above it gets the surplus, at most its fee, rounded up."""
    assert fund_delta(fill, owed, cap) == delta
