"""Exact reading of decimal text (RULEBOOK 2.2): text in, integers out, never through a binary float."""

from __future__ import annotations

import re

from schemas.codes import Code, Refused

DIGITS_MAX = 40
EXPONENT_MAX = 60
_NUMBER = re.compile(r"(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?", re.ASCII)


def parse_decimal(text: str) -> tuple[int, int]:
    """`(mantissa, exponent)` with `text = mantissa * 10^exponent`, exactly.

    Refuses: BAD_NUMBER (not a JSON number: NaN, Infinity, hex, blanks), NUMBER_TOO_LARGE (past 40 digits or 10^60).

    >>> parse_decimal("-28145.10")
    (-2814510, -2)
    """
    found = _NUMBER.fullmatch(text)
    if found is None:
        raise Refused(Code.BAD_NUMBER, f"expected a decimal number, found {text[:40]!r}")
    sign, whole, fraction, power = found.groups()
    digits = whole + (fraction or "")
    if len(digits) > DIGITS_MAX or (power is not None and len(power) > 3):
        raise Refused(Code.NUMBER_TOO_LARGE, f"more than {DIGITS_MAX} digits or an exponent past {EXPONENT_MAX}")
    exponent = (int(power) if power else 0) - len(fraction or "")
    if abs(exponent) > EXPONENT_MAX:
        raise Refused(Code.NUMBER_TOO_LARGE, f"exponent {exponent} is past {EXPONENT_MAX}")
    return int(sign + digits), exponent


def count_of(text: str, step_num: int, step_den: int, code: Code) -> int:
    """How many steps of `step_num / step_den` the number `text` is; refused with `code` when that is not whole.

    >>> count_of("28145.5", 1, 2, Code.OFF_TICK)
    56291
    """
    mantissa, exponent = parse_decimal(text)
    num, den = mantissa * step_den, step_num
    if exponent >= 0:
        num *= 10**exponent
    else:
        den *= 10**-exponent
    count, rest = divmod(num, den)
    if rest:
        raise Refused(code, f"{text} is not a multiple of {step_num}/{step_den}")
    return count


def units_of(text: str, decimals: int) -> int:
    """Money text as a count of the smallest unit, 10^-decimals; more digits than the unit has: TOO_MANY_DIGITS."""
    return count_of(text, 1, 10**decimals, Code.TOO_MANY_DIGITS)


def ratio_of(text: str) -> tuple[int, int]:
    """A positive decimal as an exact ratio of integers, for ticks, lots and contract values."""
    mantissa, exponent = parse_decimal(text)
    if mantissa <= 0:
        raise Refused(Code.NOT_POSITIVE, f"expected a number above zero, found {text}")
    return (mantissa * 10**exponent, 1) if exponent >= 0 else (mantissa, 10**-exponent)


def decimal_text(count: int, decimals: int) -> str:
    """A count of 10^-decimals as plain decimal text, all digits kept.

    >>> decimal_text(-1050, 2)
    '-10.50'
    """
    sign, digits = ("-" if count < 0 else ""), str(abs(count)).rjust(decimals + 1, "0")
    return f"{sign}{digits[:-decimals]}.{digits[-decimals:]}" if decimals else f"{sign}{digits}"
