"""Numbers of an example as the text and the rates that our messages take: translation, and nothing else."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

from engine.numbers import PPM
from schemas.codes import Code
from schemas.decimals import count_of, units_of

PERCENT = 100  # parts of a whole


def text(number: Any) -> str:
    """A number of an example as decimal text."""
    return format(Decimal(number), "f")


def ppm(rate: Any) -> int:
    """A rate in parts per million; one that is not whole is refused."""
    return count_of(text(rate), 1, PPM, Code.TOO_MANY_DIGITS)


def micro(number: Any, decimals: int) -> int:
    """Money in millionths of its unit."""
    return units_of(text(number), decimals + 6)


def percent(rate: Fraction) -> Fraction:
    """A rate in hundredths."""
    return 100 * rate


def taken_away(weight: Any) -> int:
    """The margin rate that a weight on an asset stands for, in ppm."""
    return PPM - ppm(weight)


def fallen(share: Any) -> str:
    """What is left of a price of one after a fall by a share."""
    return text(1 - Decimal(share))


def signed(side: str, size: Any) -> str:
    """A size with the sign of its side."""
    return {"long": "", "short": "-"}[side] + text(size)


def digits(numbers: list[Any]) -> int:
    """How many decimals the finest of the numbers has."""
    return max(0, *(-int(Decimal(number).normalize().as_tuple().exponent) for number in numbers))


def step(numbers: list[Any]) -> str:
    """The coarsest decimal step, at most 1, that all the numbers are multiples of."""
    return _power(-digits(numbers))


def fine(prices: list[Any], sizes: list[Any]) -> str:
    """The finest tick that a listing with these prices and sizes takes (2.4), for prices that are to be found."""
    places = min(11, 16 - digits(sizes) - _places(sizes))
    return _power(_places(prices) - places)


def small(prices: list[Any], sizes: list[Any]) -> int:
    """The most decimals of a smallest unit that a listing with these prices and sizes takes (2.4), at most 12."""
    return min(12, 17 - _places(prices) - _places(sizes))


def above(numbers: list[Any]) -> str:
    """A power of ten above all the numbers: a bound of the listing."""
    return _power(_places(numbers))


def _places(numbers: list[Any]) -> int:
    return max(1, *(Decimal(number).adjusted() + 1 for number in numbers))


def _power(exponent: int) -> str:
    return format(Decimal(1).scaleb(exponent), "f")
