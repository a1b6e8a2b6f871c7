"""Assessments and the days they run by (RULEBOOK 8): caps, capped periods, and the calendar beside datetime's."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.calendar import DAY_MS, business_days_after, civil, day_of, is_business_day, months_after
from engine.waterfall.assess import CappedPeriod, assessment_cap, capped_period, liability_cap

DAYS = st.integers(0, 100_000)
FIRST = date(1970, 1, 1)


def number(text: str) -> int:
    return (date.fromisoformat(text) - FIRST).days


@given(DAYS)
def test_days_are_those_of_the_calendar(day: int) -> None:
    """Year, month, day of the month and weekday of 270 years."""
    one = FIRST + timedelta(day)
    assert civil(day) == (one.year, one.month, one.day)
    assert is_business_day(day) == (one.weekday() < 5)
    assert day_of(day * DAY_MS + DAY_MS - 1) == day


@given(DAYS, st.integers(0, 40))
def test_months_keep_the_day_or_take_the_last(day: int, months: int) -> None:
    """As a loop over days would find it: the last day of that month not past the same number."""
    one = FIRST + timedelta(day)
    years, month = divmod(one.year * 12 + one.month - 1 + months, 12)
    first = date(years, month + 1, 1)
    that = [first + timedelta(i) for i in range(31) if (first + timedelta(i)).month == month + 1]
    expected = max(each for each in that if each.day <= one.day)
    assert months_after(day, months) == (expected - FIRST).days


@given(DAYS, st.integers(0, 30))
def test_business_days_are_counted_one_by_one(day: int, count: int) -> None:
    """Holidays and weekends do not count."""
    holidays = {day + 3, day + 8}
    end = business_days_after(day, count, holidays)
    between = [one for one in range(day + 1, end + 1) if is_business_day(one, holidays)]
    assert len(between) == count
    assert end == day or between[-1] == end


@pytest.mark.parametrize(
    ("contribution", "multiple", "used", "cap"),
    [(10, 2_000_000, 0, 20), (10, 2_000_000, 15, 5), (10, 2_000_000, 25, 0), (3, 2_750_000, 0, 8), (0, 10**7, 0, 0)],
)
def test_an_assessment_cap(contribution: int, multiple: int, used: int, cap: int) -> None:
    """Down to the unit, and never below zero."""
    assert assessment_cap(contribution, multiple, used) == cap
    assert liability_cap(contribution, multiple) == contribution + assessment_cap(contribution, multiple, 0)


def test_a_default_moves_the_end_of_the_period_within_its_limit() -> None:
    """Eurex: 20 business days from each default, 3 months from the first in all; then a new period."""
    first = capped_period(None, number("2024-01-02"), 20, 3)
    assert first == CappedPeriod(number("2024-01-02"), number("2024-01-30"))
    second = capped_period(first, number("2024-01-30"), 20, 3)
    assert second == CappedPeriod(number("2024-01-02"), number("2024-02-27"))
    third = capped_period(second, number("2024-02-26"), 20, 3)
    assert third.last_day == number("2024-03-25")
    fourth = capped_period(third, number("2024-03-20"), 20, 3)
    assert fourth.last_day == number("2024-04-02")  # not 17 April: three months after the first
    later = capped_period(fourth, number("2024-04-03"), 20, 3)
    assert later.first_day == number("2024-04-03")


def test_terms_that_shorten_a_period_do_not_end_it_sooner() -> None:
    """On the day of its first default or later; holidays make it longer."""
    first = capped_period(None, number("2024-01-02"), 20, 3)
    assert capped_period(first, number("2024-01-02"), 1, 3) == first
    assert capped_period(first, number("2024-01-03"), 1, 3) == first
    assert capped_period(None, number("2024-01-02"), 1, 3, {number("2024-01-03")}).last_day == number("2024-01-04")


@given(st.lists(st.integers(0, 40), min_size=1, max_size=12))
def test_a_period_never_shrinks_nor_passes_its_limit(gaps: list[int]) -> None:
    """Whatever the defaults."""
    day, running = 19_000, None
    for gap in gaps:
        day += gap
        found = capped_period(running, day, 20, 3)
        assert found.first_day <= day <= found.last_day <= months_after(found.first_day, 3)
        if running is not None and day <= running.last_day:
            assert (found.first_day, found.last_day >= running.last_day) == (running.first_day, True)
        running = found
