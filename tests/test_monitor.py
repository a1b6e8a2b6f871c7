"""Statistics of RULEBOOK 13: exact forms beside slow ones, and figures of published tables."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from itertools import product
from math import comb, erfc, log, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.monitor.coverage import (
    Zone,
    binomial_cdf,
    chance_above,
    christoffersen,
    kupiec,
    kupiec_range,
    plus_factor_ppm,
    rejects,
    type_errors,
    zone,
)
from engine.monitor.moves import depth, excess, largest_rise, peak_to_trough, ratio
from engine.numbers import PPM


@given(st.integers(1, 9), st.integers(0, 9), st.integers(0, PPM))
def test_the_binomial_is_what_all_outcomes_sum_to(n: int, x: int, p_ppm: int) -> None:
    """Each row of n hits and misses by its own chance."""
    p = Fraction(p_ppm, PPM)
    rows = product([0, 1], repeat=n)
    chances = [p ** sum(row) * (1 - p) ** (n - sum(row)) for row in rows if sum(row) <= x]
    assert binomial_cdf(n, x, p_ppm) == sum(chances)


def test_the_traffic_light() -> None:
    """Basel 1996: 250 observations at 1 %, yellow from 5, red from 10."""
    found = [(zone(250, x, 10_000).value, plus_factor_ppm(250, x, 10_000)) for x in range(12)]
    assert found[4:6] == [("green", 0), ("yellow", 400_000)]
    assert [plus for _, plus in found[6:]] == [500_000, 650_000, 750_000, 850_000, PPM, PPM]
    assert zone(250, 10, 10_000) is Zone.RED
    with pytest.raises(ValueError, match="250 observations"):
        plus_factor_ppm(500, 1, 10_000)


@given(st.integers(1, 400), st.integers(0, 400), st.integers(1, PPM - 1))
def test_kupiec_is_the_formula(n: int, x: int, p_ppm: int) -> None:
    """In binary floats, to nine digits; `0 ln 0 = 0`."""
    x = min(x, n)
    p, f = p_ppm / PPM, x / n
    terms = [count * log(real / said) for count, real, said in ((x, f, p), (n - x, 1 - f, 1 - p)) if count]
    assert float(kupiec(n, x, p_ppm)) == pytest.approx(2 * sum(terms), rel=1e-9, abs=1e-8)


@pytest.mark.parametrize("p_ppm", [0, PPM])
def test_a_certain_rate_is_refused(p_ppm: int) -> None:
    """One exception would refute it, whatever the statistic."""
    with pytest.raises(ValueError, match="between"):
        kupiec(250, 1, p_ppm)


@given(st.decimals(0, 150, places=6))
def test_the_tail_is_that_of_chi_square(statistic: Decimal) -> None:
    """Beside the complementary error function, and decided alike at the customary level."""
    chance = erfc(sqrt(float(statistic) / 2))
    assert float(chance_above(statistic)) == pytest.approx(chance, rel=1e-9, abs=1e-30)
    assert rejects(statistic) == (statistic > Decimal("3.841458820694124"))


def test_what_kupiec_accepts() -> None:
    """Strictly below the threshold on both sides; one more either way is not."""
    threshold = Decimal("3.841458820694124")
    least, most = kupiec_range(255, 50_000, threshold)
    assert (least, most) == (7, 20)
    assert [kupiec(255, x, 50_000) < threshold for x in (6, 7, 20, 21)] == [False, True, True, False]
    with pytest.raises(ValueError, match="no count"):
        kupiec_range(255, 50_000, Decimal(0))


def test_clustered_exceptions_are_told_from_even_ones() -> None:
    """Ten exceptions in 250 days: one by one they look independent, in a row they do not."""
    assert not rejects(christoffersen(230, 10, 10, 0))
    assert rejects(christoffersen(239, 1, 1, 9))
    hits, p, q = 9, 1 / 240, 9 / 10  # by the formula: how likely under one rate, how likely under two
    one = 10 * log(10 / 250) + 240 * log(240 / 250)
    two = 239 * log(1 - p) + log(p) + log(1 - q) + hits * log(q)
    assert float(christoffersen(239, 1, 1, 9)) == pytest.approx(2 * (two - one), rel=1e-9)


def test_type_errors_are_both_tails() -> None:
    """Rejecting above 4 of 250."""
    first, second = type_errors(250, 4, 10_000, 30_000)
    assert first == sum(
        Fraction(comb(250, k)) * Fraction(1, 100) ** k * Fraction(99, 100) ** (250 - k) for k in range(5, 251)
    )
    assert round(float(second), 4) == 0.1282


@given(st.lists(st.integers(1, 1000), max_size=12), st.integers(1, 5))
def test_falls_and_rises(levels: list[int], steps: int) -> None:
    """Over all pairs, earlier and later."""
    pairs = [(a, b) for i, a in enumerate(levels) for b in levels[i:]]
    assert peak_to_trough(levels) == max((Fraction(a - b, a) for a, b in pairs), default=0)
    rises = [Fraction(levels[i + steps] - levels[i], levels[i]) for i in range(len(levels) - steps)]
    assert largest_rise(levels, steps) == max(rises, default=0)


def test_ratios_stay_exact() -> None:
    """A move of 5.56 on 4 covered; the depth of a fund."""
    assert (ratio(556, 400), excess(556, 400)) == (Fraction(139, 100), Fraction(39, 100))
    assert [depth([3, 9, 5], resources) for resources in (8, 9, 13, 14, 17, 99)] == [0, 1, 1, 2, 3, 3]
