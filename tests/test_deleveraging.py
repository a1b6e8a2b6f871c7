"""RULEBOOK 6.7, 15.5: prices, scores, room, draws and triggers, each beside a table or a slow form in fractions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from math import ceil, floor
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.brackets import Brackets
from engine.contracts import Contract
from engine.deleveraging import draw, price, room, score, trigger
from engine.deleveraging.tiers import by_account, give
from engine.execution import bankruptcy_value
from engine.layers import Deleveraging
from engine.margin.statement import Line, Statement, share
from engine.numbers import PPM
from engine.value import notional
from schemas.rows import Batch, Candidate

TEN_PERCENT = Brackets((0,), (100_000,), (0,))


def contract(*, is_inverse: bool = False) -> Contract:
    """One unit a lot and tick, or a face of 10^6; margin 10 %."""
    return Contract(
        name="X", is_asset=False, is_inverse=is_inverse, num=1, den=1, face=10**6 if is_inverse else 0, spot=(1, 1),
        tick=(1, 1), lot=(1, 1), lots_bound=10**6, limit_lots=10**6, price_min=1, price_max=10**6, listing_mark=100,
        mm=TEN_PERCENT, im=TEN_PERCENT, scope="B", expiry_ms=None, band_ppm=0, agree_ticks=1, hold_ms=0, stale_ms=0,
        max_stale_ms=0, half_spread_ticks=0, impact_units=0, depth_lots=1, refill_lots_per_ms=0, backstop_lots=0,
        is_on_entry=False, version=1,
    )  # fmt: skip


def alone(lots: int, mark: int, equity: int) -> tuple[Statement, Line]:
    """An account with one position in the linear contract."""
    size = abs(lots) * mark
    mm = TEN_PERCENT.amount(size)
    line = Line(0, lots, lots * mark, size, mm, mm, size, size)
    return Statement(equity, mm, mm, 0, (line,)), line


# A long of 10 at mark 90, equity 30: B = 900 - 30 = 870, so 87 a lot; equity -30: 93 a lot, above the mark.
PRICES = [
    (10, 90, 30, "bankruptcy", 87),
    (-10, 90, 30, "bankruptcy", -93),
    (10, 90, -30, "bankruptcy", 93),
    (10, 90, -30, "reserve", 93),
    (10, 90, 30, "mark", 90),
    (10, 90, 30, "blend", 88),
    (-10, 90, 30, "blend", -92),
    (10, 90, 30, "band", 90),  # 3 of 90 is more than 2 %
    (10, 90, 10, "band", 89),  # 1 of 90 is not
    (10, 90, 18, "band", Fraction(882, 10)),  # 2 % exactly is within
]


@pytest.mark.parametrize(("lots", "mark", "equity", "rule", "a_lot"), PRICES)
def test_a_price(lots: int, mark: int, equity: int, rule: str, a_lot: Fraction) -> None:
    """15.5: what one lot pays, by each rule."""
    own, line = alone(lots, mark, equity)
    terms = Deleveraging(price=rule, band_ppm=20_000)
    found = price.total(terms, bankruptcy_value(own, line), line.value, line.notional)
    assert Fraction(*found) == a_lot * abs(lots)


@given(
    st.fractions(-1000, 1000, max_denominator=50), st.lists(st.integers(0, 40), min_size=1), st.sampled_from([1, -1])
)
def test_slices_telescope(b: Fraction, shares: Sequence[int], side: int) -> None:
    """6.3: any cut of a close pays in all what the close in one piece pays, the ceiling of its part of B."""
    size = max(1, sum(shares))
    paid = price.slices(b.as_integer_ratio(), side * size, shares)
    assert sum(paid) == ceil(b * sum(shares) / size)
    assert all(abs(cash - b * share / size) < 1 for cash, share in zip(paid, shares, strict=True))


@pytest.mark.parametrize(("lots", "cash"), [(0, 0), (3, -11), (4, -14), (-4, 13)])
def test_the_least_that_a_slice_can_pay(lots: int, cash: int) -> None:
    """17.22: at 10/3 a lot `-(floor(10/3 k) + 1)`, a unit below the exact price at worst; nothing for no lots."""
    assert price.least_cash((10, 3), lots) == cash


@pytest.mark.parametrize(("payable", "lots"), [(0, 0), (2, 0), (3, 1), (8, 2), (29, 9), (30, 10), (99, 10)])
def test_what_earlier_layers_pay_goes_at_the_mark(payable: int, lots: int) -> None:
    """6.7: 10 lots that lose 30 at the mark, 3 a lot; a lot goes at the mark only if its loss can be paid."""
    own, line = alone(10, 90, -30)
    assert price.lots_at_mark(bankruptcy_value(own, line), line.value, 10, 10, payable) == lots


@pytest.mark.parametrize(("worth", "owed", "lots"), [(929, 1, 0), (930, 0, 10), (931, 0, 10), (2_000, 0, 10)])
def test_a_mark_that_came_back_above_the_bankruptcy_value_leaves_no_loss(worth: int, owed: int, lots: int) -> None:
    """17.22: between plan and grant the mark may move past `B`; nothing is reserved then, and all lots go at the mark.

    `B` is 930 for 10 lots.
    """
    assert price.loss_at_mark((930, 1), worth, 10, 10) == owed
    assert price.lots_at_mark((930, 1), worth, 10, 10, payable_units=0) == lots


# Long 10 at mark 100, MM 100. Given k lots at 100 - d: cash k (100 - d), what is left is worth 100 a lot.
ROOMS = [
    (200, 0, 10),  # far above MM, at the mark: all
    (200, 20, 10),  # loses 20 a lot: at 10 lots equity 0, MM 0
    (200, 21, 9),  # loses 21 a lot: at 10 lots equity -10; at 9 it has 11 and MM is 10
    (100, 11, 1),  # at MM: losing 11 a lot where MM falls by 10; one unit is let pass for rounding
    (100, 12, 0),
    (50, 10, 5),  # below MM it may lose what MM falls by, 10 a lot, until equity is 0
    (-5, -6, 10),  # below zero, and wins 6 a lot: all makes it sound
    (-5, 0, 0),
]


def required(lots: int, others: int) -> int:
    """MM of lots at 100, beside that notional of the member's other accounts."""
    return share(contract().mm, notional(contract(), lots, 100), others, 0)


@pytest.mark.parametrize(("equity", "worse", "most"), ROOMS)
def test_room(equity: int, worse: int, most: int) -> None:
    """6.7: equity >= 0 after, and not further below MM than before."""
    own, line = alone(10, 100, equity)
    found = room.most_lots(contract(), 100, own, line, 10, lambda k: required(k, 0), lambda k: k * (100 - worse))
    assert found == most


@given(st.integers(-50, 400), st.integers(-15, 15), st.sampled_from([7, -7]), st.integers(1, 9), st.integers(0, 900))
def test_room_leaves_the_counterparty_as_it_was(equity: int, worse: int, held: int, asked: int, others: int) -> None:
    """6.7: whatever is given fits, by the words of the rule, with the member's other accounts in its margin."""
    own, line = alone(held, 100, equity)
    paid = (held > 0 or -1) * 100 - worse
    taken = room.most_lots(contract(), 100, own, line, asked, lambda k: required(k, others), lambda k: k * paid)
    assert 0 <= taken <= min(asked, abs(held))
    left = abs(held) - taken
    after = equity - taken * worse
    mm_after = ceil(Fraction(left * 10)) if left else 0
    if taken:
        assert after >= 0
        assert after >= mm_after or mm_after - after <= own.mm - equity + 1


QUEUES = [
    (5, [1, 9, 3], [4, 2, 9], [0, 2, 3]),
    (5, [7, 7, 7], [2, 2, 9], [2, 2, 1]),  # ties to the lower row
    (99, [1, 2], [4, 0], [4, 0]),  # what the rooms refuse stays
    (0, [1, 2], [4, 4], [0, 0]),
    (3, [], [], []),
    (2**60, [5, 6, 7], [2**60, 2**60, 2**59], [0, 2**59, 2**59]),
    (4, [-(2**62), 2**62], [4, 1], [3, 1]),
    (2**61 - 1, [1] * 7, [2**61 - 1] * 7, [2**61 - 1] + [0] * 6),  # ties whose rooms pass 2^63 together
]


@pytest.mark.parametrize(("lots", "scores", "rooms", "shares"), QUEUES)
def test_the_queue(lots: int, scores: list[int], rooms: list[int], shares: list[int]) -> None:
    """15.5: greatest score first."""
    found = draw.queue(lots, scores, rooms)
    assert found.tolist() == shares
    assert found.dtype == np.int64


@pytest.mark.parametrize(("values", "dtype"), [([], np.int64), ([-1, 2**63 - 1], np.int64), ([-1, 2**63], object)])
def test_whole_numbers_stay_whole(values: list[int], dtype: type) -> None:
    """2.1: nothing becomes a float, which an empty column, or one of 2^63 and -1, would by numpy's choice."""
    found = draw.column(values)
    assert (found.tolist(), found.dtype) == (values, dtype)


@given(st.integers(0, 2**60), st.lists(st.tuples(st.integers(-5, 5), st.integers(0, 2**60)), max_size=12))
def test_the_queue_gives_one_by_one(lots: int, rows: list[tuple[int, int]]) -> None:
    """The same by a loop."""
    left, shares = lots, [0] * len(rows)
    for at in sorted(range(len(rows)), key=lambda at: (-rows[at][0], at)):
        shares[at] = min(left, rows[at][1])
        left -= shares[at]
    assert draw.queue(lots, [row[0] for row in rows], [row[1] for row in rows]).tolist() == shares


def test_pro_rata_and_its_cap() -> None:
    """15.5: by lots, 60 : 30 : 10 of 50; capped at 40 % of each position, 40 in all."""
    held = [60, 30, 10]
    assert draw.capped(np.array([60, 11, 10]), np.array(held), 400_000).tolist() == [24, 11, 4]
    assert draw.capped(np.array([2**60]), np.array([2**60 + 1]), 999_999).tolist() == [(2**60 + 1) * 999_999 // 10**6]
    assert shares("pro_rata", 50, held, [60, 30, 10]) == [30, 15, 5]
    assert shares("capped_pro_rata", 50, held, [60, 11, 10]) == [24, 11, 4]
    assert shares("risk_aware", 50, held, [60, 30, 10], [1, 1, 0]) == [25, 25, 0]
    assert shares("queue", 50, held, [60, 30, 10], [0, 9, 9]) == [10, 30, 10]


def shares(rule: str, lots: int, held: list[int], rooms: list[int], ranks: Sequence[int] = (0, 0, 0)) -> list[int]:
    """What accounts in profit give; `ranks` are scores and weights."""
    rows = [Candidate(str(at), 2, held[at], rooms[at], ranks[at], ranks[at]) for at in range(len(held))]
    batch = Batch("z", "X", -lots, 1, 1, 0, "adl", 1, "mark", rule, "hyperliquid", 400_000, 1)
    found = give(lots, rows, batch)
    assert set(found.otherwise) == {"queue", "pro_rata", "capped_pro_rata", "risk_aware"} - {rule}
    assert found.left == lots - found.given[0].shares.sum()
    assert found.given[0].ranks.dtype == np.int64
    return list(found.given[0].shares.tolist())


def test_tiers_go_on_to_the_next() -> None:
    """6.7: in liquidation first, whatever the score; then profit; then the others, pro rata to lots."""
    rows = [Candidate(name, tier, 9, room, score, 0) for name, tier, room, score in (
        ("a", 3, 9, 99), ("b", 2, 2, 1), ("c", 1, 3, 0), ("d", 2, 2, 5), ("e", 3, 9, 0),
    )]  # fmt: skip
    batch = Batch("z", "X", 8, 1, 1, 0, "adl", 1, "mark", "queue", "hyperliquid", 0, 1)
    for lots, expected, left in (
        (2, {"c": 2}, 0),
        (4, {"c": 3, "d": 1}, 0),
        (10, {"c": 3, "d": 2, "b": 2, "a": 2, "e": 1}, 0),
    ):
        found = give(lots, rows, batch)
        assert {name: share for one in found.given for name, share in by_account(one).items()} == expected
        assert found.left == left
        assert [one.rule for one in found.given] == ["pro_rata", "queue", "pro_rata"][: len(found.given)]
        assert bool(found.otherwise) == (len(found.given) > 1)
    assert give(2, rows, batch).otherwise == {}
    assert give(99, rows, batch).left == 99 - 25


SCORES = [
    (score.bitmex, (50, 100, 150, (150, 2)), Fraction(1)),  # 50 % times 150 / 75
    (score.bitmex, (-50, 100, 50, (25, 1)), Fraction(-1, 4)),  # -50 % over leverage 2
    (score.bitmex, (50, -150, -100, (-150, 1)), Fraction(2, 3)),  # a short: 1/3 times 2
    (score.bitmex, (5, 100, 105, (105, 1)), Fraction(0)),
    (score.bitmex, (50, 100, 150, (149, 1)), Fraction(75)),  # one unit above bankruptcy: 50 % times 150 / 1
    (score.bitmex, (-100, 100, 0, (-5, 1)), Fraction(0)),  # worth nothing
    (score.bitmex, (5, 0, 5, (1, 1)), Fraction(0)),  # nothing was paid for it
    (score.binance, (300, 50, 100, 20, 400), Fraction(3, 20)),  # a wallet below one counts one
    (score.binance, (-300, 500, 100, 20, 400), Fraction(0)),
    (score.binance, (-1, 500, 100, 20, 400), Fraction(0)),
    (score.binance, (300, 500, 100, 7, 1), Fraction(21, 5)),
    (score.binance, (300, 500, 100, 20, 0), Fraction(0)),
    (score.hyperliquid, (150, 100, 150, 50), Fraction(9, 2)),
    (score.hyperliquid, (-50, -100, 50, 25), Fraction(4)),  # a short has doubled its price, at leverage 2
    (score.hyperliquid, (150, 100, 150, 1), Fraction(225)),
    (score.hyperliquid, (150, 1, 150, 50), Fraction(450)),
    (score.hyperliquid, (150, 100, 150, -1), Fraction(0)),
]


@pytest.mark.parametrize(("scored", "of", "expected"), SCORES)
def test_a_score(scored: Callable[..., tuple[int, int]], of: tuple[Any, ...], expected: Fraction) -> None:
    """15.5, worked by hand."""
    found = scored(*of)
    assert Fraction(*found) == expected
    assert score.rank_ppm(found) == floor(expected * PPM)


def test_a_rank_is_bounded() -> None:
    """It stands in int64 whatever the score."""
    assert score.rank_ppm((10**30, 1)) == 2**62
    assert score.rank_ppm((-(10**30), 1)) == -(2**62)


@given(st.integers(-5, 10**9), st.integers(1, 1000), st.integers(1, 1000), st.integers(0, 4))
def test_a_risk_weight(equity: int, num: int, den: int, power: int) -> None:
    """`equity * l * l^power`, rounded down; who has nothing weighs nothing."""
    exact = max(0, equity) * Fraction(num, den) ** (1 + power)
    assert score.risk_weight(equity, (num, den), power) == floor(exact)


@pytest.mark.parametrize(("ahead", "lights"), [(0, 5), (19, 5), (20, 4), (59, 3), (79, 2), (80, 1), (99, 1)])
def test_lights(ahead: int, lights: int) -> None:
    """15.5: fifths of the cumulated share."""
    assert score.fifth(ahead, 100) == lights


# now, whether on before, whether on after; the high is 1000
DRAWDOWNS = [
    (701, False, False), (700, False, True), (701, True, True), (750, True, True), (751, True, False),
    (740, False, False), (0, False, True), (-3, False, True),
]  # fmt: skip


@pytest.mark.parametrize(("now", "was", "then"), DRAWDOWNS)
def test_a_drawdown_with_hysteresis(now: int, was: bool, then: bool) -> None:
    """15.5, Bybit: on at -30 %, off above -25 %."""
    assert trigger.is_drawn_down(was, 1000, now) is then


def test_an_empty_fund_without_a_high_is_drawn_down() -> None:
    """A fund that never had anything cannot pay either."""
    assert trigger.is_drawn_down(False, 0, 0)


@pytest.mark.parametrize(("now", "below"), [(69, True), (70, False), (71, False)])
def test_below_the_mean(now: int, below: bool) -> None:
    """15.5, OKX: below 0.7 of the mean of 100."""
    assert trigger.is_below_mean([50, 150, 100], now) is below


@pytest.mark.parametrize(("profit", "above"), [(9, False), (10, False), (11, True), (-11, False)])
def test_profit_over_the_pool(profit: int, above: bool) -> None:
    """15.5, GMX: strictly above the maximum."""
    assert trigger.is_above(trigger.profit_over_pool(profit, 100), 100_000) is above


def test_a_pool_without_value_has_no_ratio() -> None:
    """It is said, not answered by a number; one unit is a value."""
    assert trigger.profit_over_pool(3, 1) == (3, 1)
    with pytest.raises(ValueError, match="above zero"):
        trigger.profit_over_pool(1, 0)
