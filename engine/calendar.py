"""Days of a calendar, from log time (RULEBOOK 8: assessments count business days and months).

A day is its number since 1 January 1970, a Thursday, in UTC; a business day is Monday to Friday and no holiday named.
"""

from __future__ import annotations

from collections.abc import Collection

DAY_MS = 86_400_000
_ERA_DAYS = 146_097  # of 400 years, after which the calendar repeats
_BEFORE_1970 = 719_468  # days from 1 March of year 0


def day_of(time_ms: int) -> int:
    """The day that a time lies in."""
    return time_ms // DAY_MS


def is_business_day(day: int, holidays: Collection[int] = ()) -> bool:
    """Monday to Friday, and not named as a holiday."""
    return (day + 3) % 7 < 5 and day not in holidays


def business_days_after(day: int, count: int, holidays: Collection[int] = ()) -> int:
    """The `count`-th business day after a day; the day itself for 0."""
    for _ in range(count):
        day += 1
        while not is_business_day(day, holidays):
            day += 1
    return day


def months_after(day: int, months: int) -> int:
    """The same day of the month so many months on; the month's last where it has no such day."""
    year, month, of_month = civil(day)
    years, month = divmod(year * 12 + month - 1 + months, 12)
    length = _first_of(years + (month == 11), (month + 1) % 12 + 1) - _first_of(years, month + 1)
    return _first_of(years, month + 1) + min(of_month, length) - 1


def civil(day: int) -> tuple[int, int, int]:
    """Year, month and day of the month, by eras of 400 years that begin on 1 March (H. Hinnant's days algorithm)."""
    era, of_era = divmod(day + _BEFORE_1970, _ERA_DAYS)
    year = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    march = (5 * of_year + 2) // 153
    month = march + 3 if march < 10 else march - 9
    return year + era * 400 + (month <= 2), month, of_year - (153 * march + 2) // 5 + 1


def _first_of(year: int, month: int) -> int:
    """The first day of a month."""
    year -= month <= 2
    era, of_era = divmod(year, 400)
    of_year = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5
    return era * _ERA_DAYS + of_era * 365 + of_era // 4 - of_era // 100 + of_year - _BEFORE_1970
