"""A glance at a whole chunk of decoded lines: what it passes is good for sure, what it does not is looked at alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from operator import attrgetter
from typing import Any

import numpy as np

from schemas.codes import Refused
from schemas.fields import FIELDS, KINDS
from schemas.inputs import AnyInput

# The decimal columns of the kinds that come by the million; kinds with nested or optional decimals have none.
_DECIMALS: dict[type, tuple[Callable[[Any], str], ...]] = {
    kind: tuple(attrgetter(field.name) for field in FIELDS[kind] if field.role == "decimal")
    for kind in KINDS
    if not any(field.role == "structs" or (field.role == "decimal" and field.nullable) for field in FIELDS[kind])
}
# Numbers that parse_decimal takes for sure: at most 38 digits, no exponent. Possessive, so linear in the text.
_NUMBER = r"-?(?:0|[1-9][0-9]{0,18}+)(?:\.[0-9]{1,19}+)?+"
_PLAIN_NUMBERS = re.compile(rf"{_NUMBER}(?:\n{_NUMBER})*+")


def plain(text: bytes) -> bool:
    """Whether no name in decoded lines can hold a control: they stand in JSON as an escape, as DEL or beyond ASCII."""
    return text.isascii() and b"\\" not in text and b"\x7f" not in text


def plain_numbers(messages: list[AnyInput | Refused]) -> bool:
    """Whether every decimal is surely a number; one with a line end inside is an escape, which `plain` sees."""
    kinds = set(map(type, messages))
    for kind in kinds - {Refused}:
        if kind not in _DECIMALS:
            return False
        same = messages if len(kinds) == 1 else [message for message in messages if type(message) is kind]
        for column in _DECIMALS[kind]:
            text = "\n".join(map(column, same))
            if not (_plain_column(text) or _PLAIN_NUMBERS.fullmatch(text)):
                return False
    return True


def _plain_column(text: str) -> bool:
    """Whether each line of a column is digits, or digits on both sides of one point: a glance before the pattern.

    It looks at the gaps between the characters that are no digits, line ends included: a gap of 1 is a missing digit,
    one of more than 20 a number too long to be sure of; two points in a row stand in one number.
    """
    codes = np.frombuffer(f"\n{text}\n".encode(), np.uint8)
    breaks = np.flatnonzero(codes < ord("0"))
    kinds, gaps = codes[breaks], np.diff(breaks)
    ends, points = kinds == ord("\n"), kinds == ord(".")
    zeros = ends[:-1] & (codes[breaks[:-1] + 1] == ord("0")) & (gaps > 2)
    return bool(
        codes.max() <= ord("9")
        and (ends | points).all()
        and gaps.min() > 1
        and gaps.max() <= 20
        and not (points[1:] & points[:-1]).any()
        and not zeros.any()
    )
