"""Legs of plain trades as columns (RULEBOOK 3, 17.8): one leg a party and trade, in cells of one row and contract."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.accounts import Ints
from engine.contracts import Contract

Places = NDArray[np.intp] | NDArray[np.bool_]


@dataclass(slots=True)
class Trades:
    """Judged trades, in order: position in the run, column, ticks, lots, parties."""

    at: Ints
    column: Ints
    price: Ints
    lots: Ints
    buyers: list[str]
    sellers: list[str]

    def before(self, stop: int) -> Trades:
        """Those before a position."""
        n = int(np.searchsorted(self.at, stop))
        parties = self.buyers[:n], self.sellers[:n]
        return Trades(self.at[:n], self.column[:n], self.price[:n], self.lots[:n], *parties)


@dataclass(slots=True)
class Legs:
    """Legs in order: position in the run, row, column, signed lots, cash, value at the mark of their moment.

    `name` is the place in buyers, then sellers.
    """

    at: Ints
    name: Ints
    row: Ints
    column: Ints
    lots: Ints
    cash: Ints
    worth: Ints

    def pick(self, places: Places) -> Legs:
        """Some of them, by place."""
        return Legs(*(getattr(self, one)[places] for one in self.__slots__))

    def before(self, stop: int) -> Legs:
        """Those before a position."""
        return self if not len(self.at) or int(self.at.max()) < stop else self.pick(self.at < stop)

    def rows(self) -> Iterator[tuple[int, int, int, int]]:
        """(name, column, signed lots, cash) of each."""
        return zip(*(x.tolist() for x in (self.name, self.column, self.lots, self.cash)), strict=True)


def legs_of(contracts: list[Contract], trades: Trades, marks: Ints, row: Ints) -> Legs:
    """Both legs of each trade, by position: the buyer's, then the seller's. `row` is by `name`."""
    paid = values(contracts, trades.column, trades.lots, trades.price)
    worth = values(contracts, trades.column, trades.lots, marks)
    at, column = np.repeat(trades.at, 2), np.repeat(trades.column, 2)
    signed = [np.column_stack((x, -x)).ravel() for x in (trades.lots, -paid, worth)]
    name = np.arange(len(row), dtype=np.int64).reshape(2, -1).T.ravel()
    return Legs(at, name, row[name], column, *signed)


def values(contracts: list[Contract], column: Ints, lots: Ints, price: Ints) -> Ints:
    """`V(lots, price)` of positive lots (17.3), within the bounds of `contracts.require_bounds`."""
    num, den, face = (np.array([getattr(c, x) for c in contracts], np.int64)[column] for x in ("num", "den", "face"))
    inverse = np.array([c.is_inverse for c in contracts], np.bool_)[column]
    if not inverse.any():
        return lots * (price * num) // den
    return np.where(inverse, -(lots * face // price), lots * (price * num) // den)


@dataclass(slots=True)
class Cells:
    """Legs by (row, column), then position: `legs` so sorted, `first` the place of each cell among them, `count` its
    legs; `start` the place of each row among the cells.
    """

    legs: Legs
    first: Ints
    count: Ints
    row: Ints
    column: Ints
    start: Ints

    def by_cell(self, amount: Ints) -> Ints:
        """Sums of an amount of the sorted legs, one a cell."""
        return np.add.reduceat(amount, self.first)

    def by_row(self, amount: Ints) -> Ints:
        """Sums of an amount of the cells, one a row."""
        return np.add.reduceat(amount, self.start)

    def of_rows(self, amount: Ints) -> Ints:
        """An amount of each row, for each of its cells."""
        return np.repeat(amount, np.diff(self.start, append=len(self.row)))

    def spread(self, chosen: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """What holds for each row, for each of its legs."""
        cells = np.diff(self.start, append=len(self.row))
        return np.repeat(np.repeat(chosen, cells), self.count)

    @property
    def rows(self) -> Ints:
        """The rows, rising."""
        return self.row[self.start]


def cells_of(legs: Legs, columns: int) -> Cells:
    """Group some legs, at least one. Keys carry the place in their low part: a plain sort is a stable one."""
    count = len(legs.at)
    keys = np.sort((legs.row * columns + legs.column) * count + np.arange(count, dtype=np.int64))
    cell, order = np.divmod(keys, count)
    first = np.flatnonzero(np.diff(cell, prepend=-1))
    row, column = np.divmod(cell[first], columns)
    start = np.flatnonzero(np.diff(row, prepend=-1))
    return Cells(legs.pick(order), first, np.diff(first, append=count), row, column, start)
