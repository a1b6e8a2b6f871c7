"""Which accounts a tick may touch (RULEBOOK 5): tiers of accounts ordered by their safe radius (`triggers`).

Rows sit in tiers, each with one reference; rows found near are looked at exactly and start anew in a fresh tier, which
swallows, once there are many, tiers not larger than twice itself. So there are O(log n) tiers, a tick inside every
tier's bounds costs two comparisons whatever the number of accounts, and a row is looked at again only after it has
travelled its own radius.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engine.accounts import Ints
from engine.contracts import Contract
from engine.triggers import NOWHERE, bounds, travelled

TIERS_MAX = 16  # below it nothing is swallowed: a tier costs a tick two comparisons, a swallowed row a margin statement


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


class Tiers:
    """The tiers of one shard; `owner` names the tier that each row stands in, 0 for none. Of a row that stands in one,
    `radius` is its own, and `reserve` what its trades may still do within it (`shard.reserve`).
    """

    def __init__(self) -> None:
        self.tiers: list[Tier] = []
        self.owner: Ints = np.zeros(0, np.int64)
        self.reserve: Ints = np.zeros(0, np.int64)
        self.radius: NDArray[np.int32] = np.zeros(0, np.int32)
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

    def place(self, rows: Ints, radii: Ints, reserves: Ints, reference: list[int], contracts: list[Contract]) -> None:
        """Put rows with known radii into a fresh tier. Rows that nothing can reach (radius NOWHERE) stand in none."""
        self._make_room(rows)
        self.owner[rows] = 0
        self.reserve[rows] = reserves
        reachable = radii < NOWHERE
        rows, radii = rows[reachable], radii[reachable]
        if len(rows):
            order = np.argsort(radii, kind="stable")
            self.made += 1
            tier = Tier(self.made, list(reference), radii[order], rows[order])
            self.owner[rows], self.radius[rows] = tier.number, radii
            self.tiers.append(tier)
            tier.lo, tier.hi = bounds(contracts, tier.reference, int(tier.radii[0]))
        self._bound()

    def _make_room(self, rows: Ints) -> None:
        if len(rows) and int(rows.max()) >= len(self.owner):
            for name in ("owner", "reserve", "radius"):
                old = getattr(self, name)
                setattr(self, name, np.concatenate([old, np.zeros(int(rows.max()) + 1024 - len(old), old.dtype)]))

    def reserve_of(self, rows: Ints) -> Ints:
        """The reserve of each row, 0 of one that was never placed."""
        self._make_room(rows)
        found: Ints = self.reserve[rows]
        return found

    def references(self, numbers: Ints) -> Ints:
        """The reference marks of some tiers, shape (numbers, columns); of number 0, those of any tier."""
        known = np.array([tier.number for tier in self.tiers], np.int64)
        marks = np.array([tier.reference for tier in self.tiers] or [[1] * len(self.lo)], np.int64)
        return marks[np.minimum(np.searchsorted(known, numbers), len(marks) - 1)]

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
