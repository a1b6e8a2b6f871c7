"""Add-ons to a requirement (RULEBOOK 4), each a line of its own; the requirement is their sum with the model's.

Volatility figures and shares of volume are made outside and come in as integers of a logged message (2.1).

>>> total([("volatility", blend(100, 160, 250_000)), ("liquidity", 8), ("concentration", 5)])
128
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from engine.numbers import PPM, div_up, ppm_up

AddOn: TypeAlias = tuple[str, int]  # what for, and units; never below zero


def total(lines: Iterable[AddOn]) -> int:
    """The sum of the lines in units."""
    return sum(units for _, units in lines)


def blend(current_units: int, stressed_units: int, stressed_ppm: int) -> int:
    """`(1 - w) current + w stressed`, rounded up: the member bears it.

    An anti-procyclical damper (EMIR RTS 153/2013 art. 28(1)(b), w at least 25 %), and the mix of SPAN 2.
    Not the default: it needs a stressed figure that somebody must answer for.
    """
    return div_up((PPM - stressed_ppm) * current_units + stressed_ppm * stressed_units, PPM)


def floored(model_units: int, floor_units: int) -> int:
    """Never below the margin at ten years' volatility (art. 28(1)(c))."""
    return max(model_units, floor_units)


def debit(value_units: int, owed_units: int) -> AddOn:
    """What a position has lost against its contract money, `max(0, owed - value)`; a gain is no credit (NSCC)."""
    return "mark_to_market", max(0, owed_units - value_units)


def concentration(notional: int, lots: int, daily_lots: int, free_ppm: int, rate_ppm: int) -> AddOn:
    """`ceil(N rate * max(0, lots / daily - free))`: zero up to a share of average daily volume, then growing with it.

    `lots` without sign; `rate_ppm`: what is added for a holding of one day's volume beyond the free share. Rounded up.
    """
    over = max(0, PPM * lots - free_ppm * daily_lots)
    return "concentration", div_up(notional * rate_ppm * over, PPM * PPM * daily_lots)


def liquidity(notional: int, half_spread_ppm: int) -> AddOn:
    """What crossing half the spread costs, rounded up."""
    return "liquidity", ppm_up(notional, half_spread_ppm)


def rate(units: int, notional: int, scale: int = PPM) -> tuple[int, int]:
    """A line as a rate of the notional, an exact ratio in parts of `scale`; zero where nothing is held."""
    return (units * scale, notional) if notional else (0, 1)
