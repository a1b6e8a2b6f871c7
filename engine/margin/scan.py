"""The scan model (RULEBOOK 4): the worst of several scenarios for a whole group of positions.

The scenarios' results per lot are made outside, by a valuation agent, and come in as integers of a logged message.

>>> scan([(3, (0, 7_000, -7_000)), (-5, (460, 3_130, -1_500))])
(13500, 3)
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.numbers import ppm_up


def results(positions: Sequence[tuple[int, Sequence[int]]]) -> list[int]:
    """What a group wins in each scenario, in units: `sum_j q_j r_j[s]`, exact. All arrays of one length."""
    return [
        sum(lots * won for (lots, _), won in zip(positions, column, strict=True))
        for column in zip(*(array for _, array in positions), strict=True)
    ]


def scan(positions: Sequence[tuple[int, Sequence[int]]]) -> tuple[int, int]:
    """`max(0, max_s loss)` of a group in units, and its active scenario, counted from one; the first of equals.

    `positions`: signed lots and the array of one lot's results by scenario, shape (scenarios,), gains above zero.
    Scenario 0 where none loses. Not the default: tiers need no arrays from outside. Source: CME SPAN, OCC TIMS.
    """
    won = results(positions)
    worst = min(won, default=0)
    return (-worst, 1 + won.index(worst)) if worst < 0 else (0, 0)


def requirement(
    scan_units: int, factor_ppm: int, *, calendar_units: int = 0, credit_units: int = 0, short_option_units: int = 0
) -> int:
    """`ceil(factor * max(scan + calendar - credit, short option minimum))`, IM or MM by its factor."""
    return ppm_up(max(scan_units + calendar_units - credit_units, short_option_units), factor_ppm)
