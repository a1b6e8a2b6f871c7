"""Which accounts a tick may touch (RULEBOOK 5, ARCHITECTURE 2): the safe radius, and tiers of accounts ordered by it.

A *move* of a column since a reference is `rho = |v(p) / v(p0) - 1|`, v the unrounded value of a lot: `|p / p0 - 1|`
when
linear, `|p0 / p - 1|` when inverse. Claim: an account whose status changes only where equity crosses a boundary at
distance D keeps its status while every rho_j <= R = (D - W) / S, R <= 1/4, for any portfolio and any moves at once.
Proof. Each |V_j| changes by at most N_j rho_j, and flooring adds 1 a position. N_j grows to at most 5/4 N_j + 2, so by
convexity its requirement changes by at most N_j rho_j slope_j + 2, slope_j the marginal rate at that reach. For an
account that shares brackets with siblings, its part `N_a avg(N_m)` changes by at most 7/3 N_a rho_j slope (the average
rate changes by at most (slope - avg) rho / (1 - rho)), so three slopes are taken. Sum: S = sum N_j (1 + slope_j)
bounds all but rounding, and rounding is below W = 8 per column + 8. The boundary may lie above or below equity.

Rows sit in tiers, each with one reference; rows found near are looked at exactly and start anew in a fresh tier, which
swallows, once there are many, tiers not larger than twice itself. So there are O(log n) tiers, a tick inside every
tier's bounds costs two
comparisons whatever the number of accounts, and a row is looked at again only after it has travelled its own radius.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engine.accounts import Accounts, Ints
from engine.contracts import Contract
from engine.life import Status
from engine.margin.columns import Measure
from engine.margin.statement import Statement
from engine.numbers import ppm_up
from engine.value import notional

SCALE_BITS = 20
RADIUS_MAX = 1 << (SCALE_BITS - 2)
TIERS_MAX = 16  # below it nothing is swallowed: a tier costs a tick two comparisons, a swallowed row a margin statement
ALWAYS = -1  # so near that every tick must look
NOWHERE = np.int64(2**62)


@dataclass(slots=True)
class Tier:
    """Rows by rising radius since one reference; `lo..hi` are the prices that touch none of them
    (`is_stale`: to be narrowed again after rows left)."""

    number: int
    reference: list[int]
    radii: Ints
    rows: Ints
    start: int = 0
    is_stale: bool = False
    lo: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    hi: Ints = field(default_factory=lambda: np.zeros(0, np.int64))


class Triggers:
    """The tiers of one shard."""

    def __init__(self) -> None:
        self.tiers: list[Tier] = []
        self.owner: NDArray[np.int64] = np.zeros(0, np.int64)
        self.dirty: set[int] = set()
        self.made = 0
        self.lo: Ints = np.zeros(0, np.int64)
        self.hi: Ints = np.zeros(0, np.int64)

    def touch(self, rows: list[int]) -> None:
        """Something other than a mark changed the rows: their radius is void until they are placed again."""
        self.dirty.update(rows)

    def is_calm(self, column: int, price: int) -> bool:
        """True when a tick at `price` can change the status of no placed row."""
        return bool(self.lo[column] <= price <= self.hi[column])

    def near(self, column: int, price: int, contract: Contract) -> Ints:
        """The rows that a tick at `price` may touch; they leave their tiers."""
        found = [self._leave(tier, column, price, contract) for tier in self.tiers]
        self._bound()
        return np.concatenate(found) if found else np.zeros(0, np.int64)

    def _leave(self, tier: Tier, column: int, price: int, contract: Contract) -> Ints:
        if tier.lo[column] <= price <= tier.hi[column]:
            return np.zeros(0, np.int64)
        end = int(np.searchsorted(tier.radii, travelled(contract, tier.reference[column], price), "left"))
        found = tier.rows[tier.start : end]
        rows: Ints = found[self.owner[found] == tier.number]
        self.owner[rows] = 0
        tier.start, tier.is_stale = max(tier.start, end), True
        return rows

    def place(self, rows: Ints, radii: Ints, reference: list[int], contracts: list[Contract]) -> None:
        """Put rows with known radii into a fresh tier. Rows that nothing can reach (radius NOWHERE) stand in none."""
        if len(rows) and int(rows.max()) >= len(self.owner):
            self.owner = np.concatenate([self.owner, np.zeros(int(rows.max()) + 1024 - len(self.owner), np.int64)])
        self.owner[rows] = 0
        reachable = radii < NOWHERE
        rows, radii = rows[reachable], radii[reachable]
        if len(rows):
            order = np.argsort(radii, kind="stable")
            self.made += 1
            tier = Tier(self.made, list(reference), radii[order], rows[order])
            self.owner[rows] = tier.number
            self.tiers.append(tier)
            tier.lo, tier.hi = bounds(contracts, tier.reference, int(tier.radii[0]))
        self._bound()

    def absorb(self, size: int) -> Ints:
        """The rows of the youngest tiers that a new tier of `size` rows swallows; those tiers are gone."""
        found: list[Ints] = []
        if len(self.tiers) < TIERS_MAX:
            return np.zeros(0, np.int64)
        while self.tiers and len(self.tiers[-1].rows) - self.tiers[-1].start <= 2 * size:
            tier = self.tiers.pop()
            rows = tier.rows[tier.start :]
            found.append(rows[self.owner[rows] == tier.number])
            size += len(found[-1])
        return np.concatenate(found) if found else np.zeros(0, np.int64)

    def rebound(self, contracts: list[Contract]) -> None:
        """Recompute the bounds of tiers whose nearest rows left, and drop the empty ones."""
        self.tiers = [tier for tier in self.tiers if tier.start < len(tier.rows)]
        for tier in self.tiers:
            if tier.is_stale:
                tier.lo, tier.hi = bounds(contracts, tier.reference, int(tier.radii[tier.start]))
                tier.is_stale = False
        self._bound()

    def _bound(self) -> None:
        """The prices that are calm for every tier; with none, every price is."""
        self.lo = np.zeros(len(self.lo), np.int64)
        self.hi = np.full(len(self.hi), NOWHERE, np.int64)
        for tier in self.tiers:
            np.maximum(self.lo, tier.lo, out=self.lo)
            np.minimum(self.hi, tier.hi, out=self.hi)

    def reset(self, columns: int) -> None:
        """Forget all tiers; every price is calm until rows are placed."""
        self.tiers.clear()
        self.lo = np.zeros(columns, np.int64)
        self.hi = np.full(columns, NOWHERE, np.int64)


def travelled(contract: Contract, reference: int, price: int) -> int:
    """The move `rho` in 2^-20, rounded up past the true one."""
    return (abs(price - reference) << SCALE_BITS) // (price if contract.is_inverse else reference) + 1


def bounds(contracts: list[Contract], reference: list[int], radius: int) -> tuple[Ints, Ints]:
    """Prices per column whose move from the reference is at most `radius`, rounded inward."""
    lo, hi, one = [], [], 1 << SCALE_BITS
    for contract, price in zip(contracts, reference, strict=False):
        if radius < 0:
            lo.append(1)
            hi.append(0)
        elif contract.is_inverse:
            lo.append(-((-price << SCALE_BITS) // (one + radius)))
            hi.append((price << SCALE_BITS) // (one - radius))
        else:
            reach = (price * radius) >> SCALE_BITS
            lo.append(price - reach)
            hi.append(price + reach)
    return np.array(lo, np.int64), np.array(hi, np.int64)


def distances(status: NDArray[np.int8], measure: Measure, has_calls: bool) -> Ints:
    """How far equity is from the nearest boundary of each row's status, in units; below zero: it must be looked at.

    healthy: down to IM (MM without margin calls); margin-called: down to MM, up to IM; else: zero, from either side.
    """
    equity = measure.equity
    healthy = equity - (measure.im if has_calls else measure.mm)
    called = np.minimum(equity - measure.mm, measure.im - equity - 1)
    other = np.where(equity < 0, -equity - 1, equity)
    return np.where(status == Status.HEALTHY, healthy, np.where(status == Status.MARGIN_CALLED, called, other))


def distance(status: Status, own: Statement, has_calls: bool) -> int:
    """`distances` of one row, in integers of any size."""
    if status is Status.HEALTHY:
        return own.equity - (own.im if has_calls else own.mm)
    if status is Status.MARGIN_CALLED:
        return min(own.equity - own.mm, own.im - own.equity - 1)
    return -own.equity - 1 if own.equity < 0 else own.equity


def radius(room: int, sway: int, columns: int) -> int:
    """`radii` of one row, in integers of any size."""
    room -= 8 * columns + 8
    if sway == 0:
        return int(NOWHERE)
    return ALWAYS if room < 0 else min((room << SCALE_BITS) // (sway + 1), RADIUS_MAX)


def radii(room: Ints, sway: Ints, columns: int) -> Ints:
    """`R` in 2^-20, rounded down; ALWAYS where `D` is within rounding of the boundary; NOWHERE without positions."""
    room = room - (8 * columns + 8)
    fine = (np.clip(room, 0, 2**40) << SCALE_BITS) // (sway + 1)
    coarse = room // ((sway >> SCALE_BITS) + 1)
    radius = np.minimum(np.where(room < 2**40, fine, coarse), RADIUS_MAX)
    return np.where(sway == 0, NOWHERE, np.where(room < 0, ALWAYS, radius))


def sway_of(accounts: Accounts, contracts: list[Contract], prices: list[int], row: int, own: Statement) -> int:
    """`S` of one account, special ones included; collateral moves by its own size."""
    has_siblings = row in accounts.siblings
    total = 0
    for column, lots in enumerate(accounts.take(row).positions):
        if lots and contracts[column].is_asset:
            total += notional(contracts[column], lots, prices[column])
    for line in own.lines:
        contract = contracts[line.column]
        reach = max(line.member_exposure, line.notional) * 5 // 4 + 2
        slope = max(contract.mm.rate_at(reach), contract.im.rate_at(reach))
        total += line.notional + ppm_up(max(line.exposure, line.notional), slope * (3 if has_siblings else 1))
    return total
