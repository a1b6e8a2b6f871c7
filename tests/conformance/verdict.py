"""What became of an example: figures of the engine beside those of the source.

A figure agrees when it is equal, or within the tolerance that the row states, or equal at the last digit that the
source prints (a whole number has none). Every figure that the row asks for must be answered, or the row is not passed.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Any, TypeAlias

from tests.conformance.example import ABSOLUTE, RELATIVE, Example


class Status(StrEnum):
    """The columns of the table. `NOT_EXPRESSIBLE` and `LATER` are outcomes with a reason, never passes."""

    REPRODUCED = "reproduced"
    SLIP = "reproduced but for the source's slip"
    NOT_EXPRESSIBLE = "not expressible"
    LATER = "later"
    FAILED = "failed"


@dataclass(frozen=True)
class Missing:
    """In place of a figure: the rule that the engine lacks for it."""

    rule: str


@dataclass(frozen=True)
class Slip:
    """The engine's figure where a source is known to slip; a row that differs here must say so in its notes."""

    figure: Any


@dataclass(frozen=True)
class Either:
    """Two figures of the engine where the source has one word for both, and the row does not say which it means."""

    one: Any
    other: Any


Answer: TypeAlias = dict[
    str, Any
]  # by the names that the row asks for; figures are int, Fraction, str, bool, or of these


@dataclass(frozen=True)
class Verdict:
    """The outcome of one example."""

    status: Status
    reason: str = ""


def judge(example: Example, answer: Answer | Missing) -> Verdict:
    """Failed if a figure disagrees; else not expressible if one is missing; else reproduced, slips aside."""
    if isinstance(answer, Missing):
        return Verdict(Status.NOT_EXPRESSIBLE, answer.rule)
    wrong, lacking, slips = [], [], []
    for name, expected in example.figures.items():
        figure = answer.get(name, Missing(f"no figure for {name}"))
        if isinstance(figure, Missing):
            lacking.append(figure.rule)
        elif not agrees(figure, expected, example):
            is_told = isinstance(figure, Slip) and bool(example.notes)
            (slips if is_told else wrong).append(f"{name}: expected {shown(expected)}, found {shown(figure)}")
    if wrong:
        return Verdict(Status.FAILED, "; ".join(wrong))
    if lacking:
        return Verdict(Status.NOT_EXPRESSIBLE, "; ".join(dict.fromkeys(lacking)))
    return Verdict(Status.SLIP, "; ".join(slips)) if slips else Verdict(Status.REPRODUCED)


def agrees(figure: Any, expected: Any, example: Example) -> bool:
    """Whether a figure, or each of a list or table of figures, is what the source says."""
    if isinstance(figure, Slip):
        return agrees(figure.figure, expected, example)
    if isinstance(figure, Either):
        return agrees(figure.one, expected, example) or agrees(figure.other, expected, example)
    if isinstance(expected, dict):
        return figure.keys() == expected.keys() and all(agrees(figure[k], v, example) for k, v in expected.items())
    if isinstance(expected, list):
        return len(figure) == len(expected) and all(
            agrees(a, b, example) for a, b in zip(figure, expected, strict=True)
        )
    if isinstance(expected, str | bool) or isinstance(figure, str | bool):
        return type(figure) is type(expected) and bool(figure == expected)
    return _is_near(Fraction(figure), Decimal(expected), example)


def _is_near(figure: Fraction, expected: Decimal, example: Example) -> bool:
    apart = abs(figure - Fraction(expected))
    absolute, relative = example.tolerance(ABSOLUTE), example.tolerance(RELATIVE)
    if absolute is not None:
        return apart <= Fraction(absolute)
    if relative is not None:
        return apart <= Fraction(relative) * abs(Fraction(expected))
    digits = -int(expected.as_tuple().exponent)
    return apart == 0 if digits <= 0 else 2 * apart * 10**digits <= 1


def shown(value: Any) -> str:
    """A figure for a reason: a ratio to twelve digits."""
    if isinstance(value, Slip):
        return shown(value.figure)
    if isinstance(value, Fraction) and value.denominator > 1:
        return f"{float(value):.12g}"
    return str(value)
