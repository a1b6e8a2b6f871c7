"""Assessments (RULEBOOK 8): what survivors may be asked for beyond what they have paid in, and for how long.

`min(multiple * contribution at the snapshot, what the capped period leaves)`. The multiple: CME 2.75, Eurex 2. A capped
period begins with a default; each further default in it moves its end, never past the absolute limit counted from the
first (Eurex: 20 business days, 3 months). All assessments of one period together stay below one cap.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from engine.calendar import business_days_after, months_after
from engine.numbers import PPM, div_down


def assessment_cap(contribution_units: int, multiple_ppm: int, used_units: int = 0) -> int:
    """`max(0, floor(multiple * contribution) - used)`: what one member may still be asked for in this period.

    Rounded down: a member never owes more than the product.
    """
    return max(0, div_down(contribution_units * multiple_ppm, PPM) - used_units)


def liability_cap(contribution_units: int, multiple_ppm: int) -> int:
    """All that a member may lose in one capped period: what it has paid in, and its assessments."""
    return contribution_units + assessment_cap(contribution_units, multiple_ppm)


@dataclass(frozen=True, slots=True)
class CappedPeriod:
    """The days of one period, numbers since 1970: of its first default, and the last on which its caps hold."""

    first_day: int
    last_day: int


def capped_period(
    running: CappedPeriod | None, day: int, business_days: int, months_max: int, holidays: Collection[int] = ()
) -> CappedPeriod:
    """The period in force after a default on `day`: a new one, or the running one moved on within its limit."""
    first = day if running is None or day > running.last_day else running.first_day
    end = min(business_days_after(day, business_days, holidays), months_after(first, months_max))
    return CappedPeriod(first, end if running is None else max(end, running.last_day))
