"""Gains that have not vested, and a haircut of equity (RULEBOOK 15.7; Percolator).

Not the default: the gains haircut (8) takes gains of the period, vested or not, and never principal. A venue that lets
gains warm up burns first what nobody could have withdrawn; an equity haircut takes from winners and losers alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.allocation import allocate
from engine.numbers import PPM, div_down


def unvested(gain_units: int, vested_units: int, reserved_units: int = 0) -> int:
    """`max(0, gain - vested - reserved)`: what may be taken back before any fund is touched."""
    return max(0, gain_units - vested_units - reserved_units)


def burn_own(
    loss_units: int, gain_units: int, vested_units: int, reserved_units: int, fund_units: int | None = None
) -> tuple[int, int, int]:
    """(burned, drawn, gain after): an account's own loss against what it has not vested, the fund meets the rest.

    `fund_units` None: a fund that always pays.
    """
    burned = min(loss_units, unvested(gain_units, vested_units, reserved_units))
    rest = loss_units - burned
    return burned, rest if fund_units is None else min(rest, fund_units), gain_units - burned


def book_deficit(claims_units: Sequence[int], held_units: Sequence[int]) -> int:
    """`max(0, claims - held)`: what accounts are owed beyond all that the book holds, its funds counted."""
    return max(0, sum(claims_units) - sum(held_units))


def equity_haircut(
    deficit_units: int, equities_units: Sequence[int], theta_ppm: int = PPM
) -> tuple[tuple[int, int], list[int]]:
    """The rate `min(1, theta D / W)` as a ratio, and what each account pays, by section 9.

    `equities_units`: (accounts,) by id, W their sum above zero; `theta_ppm`: the part of the deficit put on equity.
    The part itself is rounded down: the next layer bears the unit; among accounts nothing is rounded.
    """
    weights = [max(0, units) for units in equities_units]
    part = min(div_down(deficit_units * theta_ppm, PPM), sum(weights))
    return (part, max(1, sum(weights))), allocate(part, weights).shares.tolist()


@dataclass(frozen=True, slots=True)
class Unwound:
    """A deficit of the book, step by step; lists by account."""

    burned_units: list[int]
    unvested_after_units: list[int]
    drawn_units: int
    fund_after_units: int
    haircut: tuple[int, int]
    charges_units: list[int]

    @property
    def all_burned_units(self) -> int:
        """Of all accounts."""
        return sum(self.burned_units)

    @property
    def all_unvested_after_units(self) -> int:
        """Of all accounts."""
        return sum(self.unvested_after_units)


def unwind(
    deficit_units: int, unvested_units: Sequence[int], fund_units: int, equities_units: Sequence[int]
) -> Unwound:
    """A deficit that already counts the fund: unvested gains burn first, then the fund is moved, equity bears the rest.

    Moving the fund changes no deficit (`book_deficit` counts it as held), so the haircut is of all that was not burned.
    Percolator's own code charges what it drew a second time; cash would not be conserved.
    """
    burned = allocate(deficit_units, unvested_units, unvested_units).shares.tolist()
    left = deficit_units - sum(burned)
    drawn = min(left, fund_units)
    rate, charges = equity_haircut(left, equities_units)
    after = [had - gone for had, gone in zip(unvested_units, burned, strict=True)]
    return Unwound(burned, after, drawn, fund_units - drawn, rate, charges)
