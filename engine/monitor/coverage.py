"""Do exceptions happen as often as a model says (RULEBOOK 13): exact binomials, the Basel traffic light, Kupiec.

`n` observations, `x` exceptions, `p_ppm` the rate that the model promises. Logarithms in decimals of 50 digits, which
are rounded correctly, hence the same on every machine.
"""

from __future__ import annotations

from decimal import Context, Decimal
from enum import StrEnum
from fractions import Fraction
from math import comb

from engine.numbers import PPM

DIGITS = Context(prec=50)
YELLOW, RED = Fraction(95, 100), Fraction(9999, 10_000)
PLUS_PPM = (400_000, 500_000, 650_000, 750_000, 850_000)  # from the first yellow count on; red: a whole
BASEL_OBSERVATIONS, BASEL_PPM = 250, 10_000
_PI = Decimal("3.14159265358979323846264338327950288419716939937510582")


class Zone(StrEnum):
    """Of the traffic light: below 95 % of the distribution, from there on, and from 99.99 % on."""

    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"


def binomial_cdf(n: int, x: int, p_ppm: int) -> Fraction:
    """`P(X <= x)` for n observations, exactly."""
    top = sum(comb(n, k) * p_ppm**k * (PPM - p_ppm) ** (n - k) for k in range(min(x, n) + 1))
    return Fraction(top, PPM**n)


def zone(n: int, x: int, p_ppm: int) -> Zone:
    """By `P(X <= x)`: yellow from 95 % on, red from 99.99 % on (Basel Committee, January 1996)."""
    share = binomial_cdf(n, x, p_ppm)
    return Zone.RED if share >= RED else Zone.YELLOW if share >= YELLOW else Zone.GREEN


def plus_factor_ppm(n: int, x: int, p_ppm: int) -> int:
    """What is added to the multiplier of 3. Raises ValueError but for 250 observations at 1 %: Basel names no other."""
    if (n, p_ppm) != (BASEL_OBSERVATIONS, BASEL_PPM):
        raise ValueError(f"expected {BASEL_OBSERVATIONS} observations at {BASEL_PPM} ppm, found {n} at {p_ppm}")
    found = zone(n, x, p_ppm)
    if found is not Zone.YELLOW:
        return PPM if found is Zone.RED else 0
    first = next(k for k in range(x + 1) if zone(n, k, p_ppm) is Zone.YELLOW)
    return PLUS_PPM[x - first]


def type_errors(n: int, cutoff: int, right_ppm: int, wrong_ppm: int) -> tuple[Fraction, Fraction]:
    """A test that rejects above `cutoff`: how often it rejects a right model, and how often it keeps a wrong one."""
    return 1 - binomial_cdf(n, cutoff, right_ppm), binomial_cdf(n, cutoff, wrong_ppm)


def kupiec(n: int, x: int, p_ppm: int) -> Decimal:
    """`LR = -2 ln[(1-p)^(n-x) p^x / ((1-f)^(n-x) f^x)]`, `f = x/n`, `0 ln 0 = 0`: proportion of failures (1995).

    Raises ValueError for a rate of 0 or of a whole, which one exception more or less would refute.
    """
    if not 0 < p_ppm < PPM:
        raise ValueError(f"expected a rate between 0 and {PPM} ppm, found {p_ppm}")
    odds = _times_log(x, x * PPM, n * p_ppm), _times_log(n - x, (n - x) * PPM, n * (PPM - p_ppm))
    return DIGITS.multiply(2, DIGITS.add(*odds))


def christoffersen(quiet_quiet: int, quiet_hit: int, hit_quiet: int, hit_hit: int) -> Decimal:
    """`LR` of independence (1998), from how often a day of one sort follows one of the other: do exceptions cluster?"""
    quiet, hit = quiet_quiet + quiet_hit, hit_quiet + hit_hit
    n, exceptions = quiet + hit, quiet_hit + hit_hit
    terms = (
        _times_log(quiet_quiet, quiet_quiet * n, quiet * (n - exceptions)),
        _times_log(quiet_hit, quiet_hit * n, quiet * exceptions),
        _times_log(hit_quiet, hit_quiet * n, hit * (n - exceptions)),
        _times_log(hit_hit, hit_hit * n, hit * exceptions),
    )
    total = Decimal(0)
    for term in terms:
        total = DIGITS.add(total, term)
    return DIGITS.multiply(2, total)


def _times_log(count: int, numerator: int, denominator: int) -> Decimal:
    """`count * ln(numerator / denominator)`; nothing for a count of zero."""
    if count == 0:
        return Decimal(0)
    return DIGITS.multiply(count, DIGITS.ln(DIGITS.divide(numerator, denominator)))


def chance_above(statistic: Decimal) -> Decimal:
    """How often a chi-square number of one degree is above it: `1 - erf(sqrt(statistic / 2))`, by erf's series.

    erf(x) = 2 x exp(-x^2) / sqrt(pi) * sum of (2 x^2)^k / (1 3 5 ... (2k + 1)): all terms positive, so no digits are
    lost; above 200 the chance is below 10^-44, and 0 is answered.
    """
    if statistic > 200:
        return Decimal(0)
    square = DIGITS.divide(statistic, 2)
    term = total = Decimal(1)
    odd = 1
    while term > Decimal("1e-50"):
        odd += 2
        term = DIGITS.divide(DIGITS.multiply(term, statistic), odd)
        total = DIGITS.add(total, term)
    factor = DIGITS.divide(DIGITS.multiply(2, DIGITS.sqrt(square)), DIGITS.sqrt(_PI))
    erf = DIGITS.multiply(DIGITS.multiply(factor, DIGITS.exp(DIGITS.minus(square))), total)
    return max(Decimal(0), DIGITS.subtract(1, erf))


def rejects(statistic: Decimal, level_ppm: int = 50_000) -> bool:
    """Whether so much happens by chance less often than the level says; 5 % as customary."""
    return DIGITS.multiply(chance_above(statistic), PPM) < level_ppm


def kupiec_range(n: int, p_ppm: int, threshold: Decimal) -> tuple[int, int]:
    """The least and the most exceptions with `LR < threshold`, strictly, also for x = 0 (Kupiec's table stops at 1).

    LR falls up to x = n p and rises from there on, so what is accepted lies side by side. Raises ValueError where a
    threshold accepts nothing.
    """
    accepted = [x for x in range(n + 1) if kupiec(n, x, p_ppm) < threshold]
    if not accepted:
        raise ValueError(f"no count of exceptions lies below {threshold}")
    return accepted[0], accepted[-1]
