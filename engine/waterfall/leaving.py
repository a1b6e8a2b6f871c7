"""The withdrawal factor (RULEBOOK 8; Paradex): while a loss is uncovered, who leaves takes its part of it along.

In force only while `@uncovered` is below zero. Paradex' page states the formula below and divides by the held cash
alone in its example (25 % instead of 20 %): then all who leave get 3,750 of the 4,000 held, and 250 are nobody's.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.numbers import div_up


def withdrawal_factor(uncovered_units: int, held_units: Sequence[int]) -> tuple[int, int]:
    """`uncovered / (cash held + uncovered)` as a ratio; `held_units`: all that the book holds, by whom it likes.

    Claims are what is held and what is missing, so each claim keeps the same part of itself, and nothing is left over.
    (0, 1) where nothing is uncovered.
    """
    return (uncovered_units, sum(held_units) + uncovered_units) if uncovered_units else (0, 1)


def leaving(asked_units: int, factor: tuple[int, int]) -> tuple[int, int]:
    """(kept by the leaver, left to the book): the factor of what is asked, rounded up: the leaver bears the unit."""
    left = div_up(asked_units * factor[0], factor[1])
    return asked_units - left, left
