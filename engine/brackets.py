"""Margin brackets (RULEBOOK 4, 17.3): what a notional requires, rising without a jump from bracket to bracket.

>>> table = Brackets((0, 1_000_000), (10_000, 20_000), (0, 10_000))
>>> table.amount(1_000_000), table.amount(1_000_001), table.rate_at(1_000_001)
(10000, 10001, 20000)
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

from engine.numbers import PPM, div_up, ppm_up
from engine.rules import money
from schemas.codes import Code, Refused
from schemas.governed import Bracket


@dataclass(frozen=True, slots=True)
class Brackets:
    """Marginal rates by notional; `deductions` make the amount continuous: `ceil(N rate / 10^6) - deduction`.

    `slope`: what each lot beyond `free_lots` adds to every rate, an exact ratio (15.1). With none free it is a rate by
    size (Deribit: base + slope x size); with a share of daily volume free, a charge for concentration (4). Zero by
    default: a rate by notional says the same of one price.
    """

    floors: tuple[int, ...]
    rates_ppm: tuple[int, ...]
    deductions: tuple[int, ...]
    slope: tuple[int, int] = (0, 1)
    free_lots: int = 0

    def amount(self, notional: int, lots: int = 0) -> int:
        """Requirement in units, rounded up (the member bears it), in the bracket with the highest floor <= N.

        `lots`, without sign, count only with a slope.
        """
        at = len(self.floors) - 1
        while self.floors[at] > notional:
            at -= 1
        if not self.slope[0]:
            return ppm_up(notional, self.rates_ppm[at]) - self.deductions[at]
        num, den = self.rate(at, lots)
        return div_up(notional * num, den) - self.deductions[at]

    def rate(self, at: int, lots: int) -> tuple[int, int]:
        """The marginal rate of one bracket for a holding of these lots, an exact ratio."""
        num, den = self.slope
        return self.rates_ppm[at] * den + PPM * num * max(0, lots - self.free_lots), PPM * den

    def sloped(self, per_unit: tuple[int, int], lot: tuple[int, int], free_lots: int = 0) -> Brackets:
        """The same with rates that rise by `per_unit` for each unit of quantity; `lot`: the quantity of a lot."""
        return replace(self, slope=(per_unit[0] * lot[0], per_unit[1] * lot[1]), free_lots=free_lots)

    def with_fee(self, fee_ppm: int) -> Brackets:
        """The same with the fee of closing counted in the requirement (OKX, Gate): each rate that much higher.

        Not the default: the fee is charged when there is something to pay it from (6.4), not required before.
        """
        return replace(self, rates_ppm=tuple(rate + fee_ppm for rate in self.rates_ppm))

    def rate_at(self, notional: int, lots: int = 0) -> int:
        """The marginal rate at N in ppm, rounded up where it has a slope."""
        at = len(self.floors) - 1
        while self.floors[at] > notional:
            at -= 1
        if not self.slope[0]:
            return self.rates_ppm[at]
        num, den = self.rate(at, lots)
        return div_up(PPM * num, den)


NO_MARGIN = Brackets((0,), (0,), (0,))


def compile_brackets(table: list[Bracket], decimals: int) -> Brackets:
    """Floors in units and deductions. Refuses CROSSED_PARAMETERS (17.3): overlap, falling rates, broken continuity."""
    floors = [money(row.floor, decimals) for row in table]
    rates = [row.rate_ppm for row in table]
    deductions = [0]
    if floors[0] != 0 or any(b <= a for a, b in pairwise(floors)):
        raise Refused(Code.CROSSED_PARAMETERS, "bracket floors must start at 0 and rise")
    if any(b < a for a, b in pairwise(rates)) or rates[-1] > PPM:
        raise Refused(Code.CROSSED_PARAMETERS, "bracket rates must not fall, and end at 10^6 ppm at most")
    for at in range(1, len(floors)):
        step, rest = divmod(floors[at] * (rates[at] - rates[at - 1]), PPM)
        if rest:
            raise Refused(Code.CROSSED_PARAMETERS, f"floor {table[at].floor} times its rate step is not whole")
        deductions.append(deductions[-1] + step)
    return Brackets(tuple(floors), tuple(rates), tuple(deductions))


def require_im_above_mm(im: Brackets, mm: Brackets) -> None:
    """IM(N) >= MM(N) for every N: both are convex and piecewise linear, so floors and the last rates decide."""
    if im.rates_ppm[-1] < mm.rates_ppm[-1] or any(
        im.amount(floor) < mm.amount(floor) for floor in (1, *im.floors, *mm.floors)
    ):
        raise Refused(Code.CROSSED_PARAMETERS, "initial margin below maintenance margin")
