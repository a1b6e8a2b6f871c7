"""Accounts as columns (RULEBOOK 5): one row an account, int64, and exact integers for the few beyond.

Scalar code takes a row out as a `Holding` of Python integers, changes it, and puts it back; vector code reads the
columns. A holding beyond its bounds leaves the columns: it lives in `wide`, its columns read zero, and `special` keeps
vector code away from it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from engine.contracts import Contract
from engine.life import Status, require_move
from engine.names import member_of
from engine.numbers import BOUND

Ints: TypeAlias = NDArray[np.int64]
GROWTH_MIN = 64


@dataclass(slots=True)
class Holding:
    """What an account owns. `start` is equity at the start of the period of gains, `flows` what came from outside
    it since.
    """

    cash: int
    flows: int
    start: int
    positions: list[int]
    entries: list[int]


@dataclass(slots=True)
class Accounts:
    """The table of one shard. `siblings` lists the rows of members with more than one account, `orders` open orders.

    `changed` are the rows that may differ from what was last written down of them.
    """

    columns: int = 0
    names: list[str] = field(default_factory=list)
    row_of: dict[str, int] = field(default_factory=dict)
    first_row: dict[str, int] = field(default_factory=dict)
    siblings: dict[int, list[int]] = field(default_factory=dict)
    orders: dict[int, dict[int, tuple[int, int]]] = field(default_factory=dict)
    wide: dict[int, Holding] = field(default_factory=dict)
    limited: set[int] = field(default_factory=set)
    changed: set[int] = field(default_factory=set)
    cash: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    flows: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    start: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    positions: Ints = field(default_factory=lambda: np.zeros((0, 0), np.int64))
    entries: Ints = field(default_factory=lambda: np.zeros((0, 0), np.int64))
    status: NDArray[np.int8] = field(default_factory=lambda: np.zeros(0, np.int8))
    special: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))

    def __len__(self) -> int:
        return len(self.names)

    def open(self, account: str) -> int:
        """The row of an account, opened when it is new."""
        row = self.row_of.get(account)
        return self._add(account) if row is None else row

    def _add(self, account: str) -> int:
        row = len(self.names)
        if row == len(self.cash):
            self._grow(max(GROWTH_MIN, row // 8))
        self.names.append(account)
        self.changed.add(row)
        self.row_of[account] = row
        first = self._first_row_of(member_of(account), row)
        if first != row:
            rows = self.siblings.setdefault(first, [first])
            rows.append(row)
            for one in rows:
                self.siblings[one] = rows
                self.special[one] = True
        return row

    def _first_row_of(self, member: str, row: int) -> int:
        """The first row of the member of a new row. `first_row` knows members without an account of their name."""
        first = self.first_row.get(member, self.row_of.get(member, row))
        if member not in self.row_of:
            self.first_row[member] = first
        return first

    def _grow(self, more: int) -> None:
        for name in ("cash", "flows", "start", "positions", "entries", "status", "special"):
            old = getattr(self, name)
            setattr(self, name, np.concatenate([old, np.zeros((more, *old.shape[1:]), old.dtype)]))

    def widen(self, columns: int) -> None:
        """Room for newly listed columns."""
        if columns > self.columns:
            more = np.zeros((len(self.cash), columns - self.columns), np.int64)
            self.positions = np.ascontiguousarray(np.hstack([self.positions, more]))
            self.entries = np.ascontiguousarray(np.hstack([self.entries, more]))
            for holding in self.wide.values():
                holding.positions += [0] * (columns - self.columns)
                holding.entries += [0] * (columns - self.columns)
            self.columns = columns

    def take(self, row: int) -> Holding:
        """The holding of a row, in Python integers; `put` writes it back."""
        if row in self.wide:
            return self.wide[row]
        return Holding(
            int(self.cash[row]), int(self.flows[row]), int(self.start[row]),
            self.positions[row].tolist(), self.entries[row].tolist(),
        )  # fmt: skip

    def put(self, row: int, holding: Holding, contracts: list[Contract]) -> None:
        """Write a holding back, into the columns while every number is within its bound."""
        self.changed.add(row)
        if self._fits(holding, contracts):
            if self.wide.pop(row, None) is not None:
                self.mark_special(row)
            self.cash[row], self.flows[row], self.start[row] = holding.cash, holding.flows, holding.start
            self.positions[row], self.entries[row] = holding.positions, holding.entries
        else:
            self.cash[row] = self.flows[row] = self.start[row] = 0
            self.positions[row] = self.entries[row] = 0
            self.wide[row] = holding
            self.special[row] = True

    def refit(self, contracts: list[Contract]) -> None:
        """Bounds changed: every holding to where it now belongs, columns or `wide`."""
        for row in range(len(self)):
            self.put(row, self.take(row), contracts)

    @staticmethod
    def _fits(holding: Holding, contracts: list[Contract]) -> bool:
        if max(abs(holding.cash), abs(holding.flows), abs(holding.start)) >= BOUND:
            return False
        total = 0
        for lots, entry, contract in zip(holding.positions, holding.entries, contracts, strict=True):
            if lots or entry:
                if abs(lots) > contract.lots_bound or abs(entry) >= BOUND:
                    return False
                total += contract.worst(lots)
        return 2 * total < BOUND  # notionals and, with slopes up to one, their sensitivities add up in int64

    def set_orders(self, row: int, column: int, buys: int, sells: int) -> None:
        """Open orders of one instrument; none at all forgets them."""
        self.changed.add(row)
        orders = self.orders.setdefault(row, {})
        orders.pop(column, None)
        if buys or sells:
            orders[column] = (buys, sells)
        if not orders:
            del self.orders[row]
        self.mark_special(row)

    def forget_orders(self, row: int) -> None:
        """All open orders of an account are cancelled."""
        if self.orders.pop(row, None) is not None:
            self.changed.add(row)
            self.mark_special(row)

    def limit(self, row: int, *, is_limited: bool) -> None:
        """Whether an account answers for its losses alone."""
        (self.limited.add if is_limited else self.limited.discard)(row)
        self.changed.add(row)

    def mark_special(self, row: int) -> None:
        """Whether vector code must leave the row to scalar code."""
        self.special[row] = row in self.siblings or row in self.orders or row in self.wide

    def is_only_kin(self, row: int) -> bool:
        """Whether a row is special for its siblings alone, and they too."""
        if not (self.orders or self.wide):
            return row in self.siblings
        return row in self.siblings and not any(one in self.orders or one in self.wide for one in self.siblings[row])

    def status_of(self, row: int) -> Status:
        """Where the account stands in its life."""
        return Status(int(self.status[row]))

    def move(self, row: int, new: Status) -> None:
        """Change the status; halts on a move that is not in the table."""
        require_move(self.names[row], self.status_of(row), new)
        self.status[row] = new
        self.changed.add(row)

    def member_rows(self, row: int) -> list[int]:
        """All rows of the member that the account belongs to."""
        return self.siblings.get(row, [row])

    def in_order(self, rows: list[int]) -> list[int]:
        """Rows by (member, account)."""
        return sorted(rows, key=lambda row: account_key(self.names[row]))


@lru_cache(1 << 16)
def account_key(account: str) -> tuple[str, str]:
    """The order of accounts everywhere: (member, account)."""
    return member_of(account), account
