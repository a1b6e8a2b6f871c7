"""Rounding by name (RULEBOOK 2.3): the only place that decides a direction for a quotient of integers."""

from __future__ import annotations

from collections.abc import Callable
from math import isqrt

PPM = 1_000_000
BOUND = 2**61  # every product of a column stays below, so two may be added in int64 (contracts)
AMOUNT_BOUND = 2**60  # the most units that one message may say (17.3)
Predicate = Callable[[int], bool]


def div_down(numerator: int, denominator: int) -> int:
    """Quotient rounded toward minus infinity; denominator > 0."""
    return numerator // denominator


def div_up(numerator: int, denominator: int) -> int:
    """Quotient rounded toward plus infinity; denominator > 0.

    >>> div_up(7, 2), div_up(-7, 2)
    (4, -3)
    """
    return -(-numerator // denominator)


def ppm_up(amount: int, rate_ppm: int) -> int:
    """`ceil(amount * rate / 10^6)`: a requirement or a fee, against the one who owes it."""
    return -(-amount * rate_ppm // PPM)


def sign(number: int) -> int:
    """-1, 0 or 1."""
    return (number > 0) - (number < 0)


def greater(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
    """The greater of two ratios with denominators above zero; the first of equals.

    >>> greater((1, 3), (2, 5)), greater((-1, 2), (-2, 4))
    ((2, 5), (-1, 2))
    """
    return b if b[0] * a[1] > a[0] * b[1] else a


def root_up(numerator: int, denominator: int) -> int:
    """`ceil(sqrt(numerator / denominator))`: the least y with `y^2 * denominator >= numerator`.

    >>> root_up(16, 1), root_up(17, 1), root_up(1, 3)
    (4, 5, 1)
    """
    whole = div_up(numerator, denominator)
    root = isqrt(whole)
    return root if root * root == whole else root + 1


def least_that_holds(limit: int, holds: Predicate) -> int:
    """Least k in 1..limit with `holds(k)`: galloping 1, 2, 4 ..., then bisection; `limit` when none holds (17.9).

    `holds` is taken as monotone between the probe that fails and the one that holds; rounding noise of a unit
    or two may move the answer by a lot, but the probes, and so the answer, are fixed by this text.
    """
    low, high = 0, 1
    while True:
        high = min(high, limit)
        if holds(high):
            break
        if high == limit:
            return limit
        low, high = high, high * 2
    return _bisect(high, low, holds)


def most_that_holds(limit: int, holds: Predicate) -> int:
    """Greatest k in 0..limit that holds: `limit` when it does, else bisection between 0 (holds) and `limit` (17.9)."""
    if limit <= 0 or holds(limit):
        return max(0, limit)
    return _bisect(0, limit, holds)


def _bisect(good: int, bad: int, holds: Predicate) -> int:
    """The number next to where `holds` turns, on the good side; `bad` may lie on either side."""
    while abs(good - bad) > 1:
        middle = (good + bad) // 2
        if holds(middle):
            good = middle
        else:
            bad = middle
    return good
