"""Equity and requirements of many accounts at once (RULEBOOK 4), in int64, equal to `statement` to the unit.

Both kinds of contract are one formula: `V_floor = floor(q a / b)` and `N = ceil(|q a| / b)`, with `a = p num, b = den`
when linear and `a = -face, b = p` when inverse. Requirements are convex in N with whole deductions, so the bracket with
the highest floor <= N is the greatest of all lines: `M(N) = max_b (ceil(N rate_b / 10^6) - deduction_b)`.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

import numpy as np

from engine.accounts import Accounts, Ints
from engine.brackets import Brackets
from engine.contracts import Contract
from engine.numbers import BOUND, PPM


@dataclass(frozen=True, slots=True)
class Measure:
    """Per row, in units: `sway` bounds the change of equity less any requirement per unit of relative move
    (triggers).
    """

    equity: Ints
    im: Ints
    mm: Ints
    sway: Ints

    def beside(self, other: Measure) -> Measure:
        """Of these rows, then of the others."""
        pairs = ((getattr(self, name), getattr(other, name)) for name in ("equity", "im", "mm", "sway"))
        return Measure(*(np.concatenate(pair) for pair in pairs))


class Columns:
    """The contracts of a book as vectors over columns, with the present marks folded in."""

    def __init__(self, contracts: list[Contract], prices: list[int]) -> None:
        self.inverse = np.array([c.is_inverse for c in contracts], np.bool_)
        self.asset = np.array([c.is_asset for c in contracts], np.bool_)
        self.exact = np.array([c.is_exact for c in contracts], np.bool_)
        self.num = np.array([c.num for c in contracts], np.int64)
        self.den = np.array([c.den for c in contracts], np.int64)
        self.face = np.array([c.face for c in contracts], np.int64)
        self.mm = _tables([c.mm for c in contracts])
        self.im = _tables([c.im for c in contracts])
        self.a, self.b = self.factors(np.array(prices, np.int64))

    def factors(self, prices: Ints) -> tuple[Ints, Ints]:
        """`(a, b)` of the header at the given prices, shape (columns,)."""
        return np.where(self.inverse, -self.face, prices * self.num), np.where(self.inverse, prices, self.den)

    def set_price(self, column: int, price: int) -> None:
        """The mark of one column moved."""
        if self.inverse[column]:
            self.b[column] = price
        else:
            self.a[column] = price * int(self.num[column])

    def equity(self, accounts: Accounts, rows: Ints) -> Ints:
        """Equity of rows that are not wide; orders and siblings do not matter to it."""
        worth: Ints = accounts.positions[rows] * self.a // self.b
        equity: Ints = accounts.cash[rows] + worth.sum(axis=1, dtype=np.int64)
        return equity

    def measure(self, accounts: Accounts, rows: Ints) -> Measure:
        """All four vectors for rows that are not special. Bounded by `contracts.require_bounds`."""
        worth = accounts.positions[rows] * self.a
        size = -(-np.abs(worth) // self.b)
        worth //= self.b
        mm, _ = _requirement(self.mm, size)
        im, _ = _requirement(self.im, size)
        reach = size + (size >> 2) + 2
        slope = np.maximum(_requirement(self.mm, reach)[1], _requirement(self.im, reach)[1])
        sway = (size + ppm_up(size, slope)).sum(axis=1, dtype=np.int64)
        equity = accounts.cash[rows] + worth.sum(axis=1, dtype=np.int64)
        return Measure(equity, im.sum(axis=1, dtype=np.int64), mm.sum(axis=1, dtype=np.int64), sway)

    def measure_kin(self, accounts: Accounts, rows: Ints) -> Measure | None:
        """The same for rows that share brackets with siblings (16.5); none of the member's has orders or is wide.

        The own part of a requirement is `ceil(M(N_m) N_a / N_m)`, in integers of any size. The slope counts three times
        (triggers). None when the sum over a member could pass 2^61: then it is a matter for `statement`.
        """
        groups = [accounts.siblings[row] for row in rows.tolist()]
        lengths = np.array([len(group) for group in groups], np.int64)
        worth = accounts.positions[rows] * self.a
        size = -(-np.abs(worth) // self.b)
        kin = -(-np.abs(accounts.positions[list(chain.from_iterable(groups))] * self.a) // self.b)
        if int(kin.max(initial=0)) * int(lengths.max(initial=0)) >= BOUND:
            return None
        member = np.add.reduceat(kin, np.cumsum(lengths) - lengths, axis=0)
        mm, im = (_share(_requirement(table, member)[0], size, member) for table in (self.mm, self.im))
        reach = member + (member >> 2) + 2
        slope = 3 * np.maximum(_requirement(self.mm, reach)[1], _requirement(self.im, reach)[1])
        sway = (size + ppm_up(size, slope)).sum(axis=1, dtype=np.int64)
        equity = accounts.cash[rows] + (worth // self.b).sum(axis=1, dtype=np.int64)
        return Measure(equity, im.sum(axis=1, dtype=np.int64), mm.sum(axis=1, dtype=np.int64), sway)


Tables = tuple[Ints, Ints, Ints]


def _share(amount: Ints, size: Ints, member: Ints) -> Ints:
    """`ceil(M N_a / N_m)`, zero where N_a is; `M` where the account is the only one."""
    found = np.where(size == 0, 0, amount)
    shared = (size != 0) & (size != member)
    pairs = zip(amount[shared].tolist(), size[shared].tolist(), member[shared].tolist(), strict=True)
    found[shared] = np.array([-(-m * own // total) for m, own, total in pairs], np.int64)
    return found


def _tables(brackets: list[Brackets]) -> Tables:
    """Floors, rates and deductions, shape (brackets, columns); padding repeats the last row of each."""
    depth = max((len(b.floors) for b in brackets), default=1)

    def padded(name: str) -> Ints:
        rows = [list(getattr(b, name)) for b in brackets]
        return np.array([row + [row[-1]] * (depth - len(row)) for row in rows], np.int64).reshape(-1, depth).T

    return padded("floors"), padded("rates_ppm"), padded("deductions")


def _requirement(tables: Tables, size: Ints) -> tuple[Ints, Ints]:
    """`M(N)` and the marginal rate at N, shape of `size` (rows, columns)."""
    best = np.zeros(size.shape, np.int64)
    slope = np.zeros(size.shape, np.int64)
    for floor, rate, deduction in zip(*tables, strict=True):
        np.maximum(best, ppm_up(size, rate) - deduction, out=best)
        np.maximum(slope, np.where(size >= floor, rate, 0), out=slope)
    return best, slope


def slopes(columns: Columns, size: Ints) -> Ints:
    """The greater marginal rate of both requirements at notionals `size`, shape (rows, columns)."""
    return np.maximum(_requirement(columns.mm, size)[1], _requirement(columns.im, size)[1])


def slopes_of(columns: Columns, column: Ints, size: Ints) -> Ints:
    """The same at one notional of each given column."""
    slope = np.zeros(len(size), np.int64)
    for floors, rates, _ in (columns.mm, columns.im):
        for floor, rate in zip(floors, rates, strict=True):
            np.maximum(slope, np.where(size >= floor[column], rate[column], 0), out=slope)
    return slope


def ppm_up(amount: Ints, rate: Ints) -> Ints:
    """`ceil(amount rate / 10^6)` without passing 2^63 (RULEBOOK 2.4)."""
    whole, rest = np.divmod(amount, PPM)
    return whole * rate - (-rest * rate // PPM)
