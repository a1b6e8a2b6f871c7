"""Exact division of one whole amount over many payers (rulebook 9).

Here lives the one place where an amount is split; its level is found in `engine.level`. What the amount means, who
pays, in what order layers are drawn and what happens to the part that nobody can carry do not belong here.

Definition. A payer is a position i with weight w_i > 0 and cap c_i; a weight of zero pays nothing.

    T           = sum of c_i over payers (infinite without caps)
    amount >= T : everyone pays its cap; amount - T stays with the caller
    amount < T  : the level L is the rational with sum min(c_i, L * w_i) = amount
                  c_i <= L * w_i : full, pays c_i
                  c_i >  L * w_i : open, pays floor(L * w_i) and has the remainder frac(L * w_i)
                  missing = amount - all these; one unit each to the `missing` open payers with the largest
                  remainders, ties to the lower position (callers sort rows by id)

L is unique: the sum is continuous in L, from 0 to T, and strictly rising while anyone is open. One unit each
is enough: missing is the sum of the remainders, each below 1, so more payers than that have one above 0.
Caps hold: c_i is whole, so floor(L * w_i) < c_i for who is open. Only (amount, w, c) and positions enter, so
neither arrival nor partition nor machine can change a share.

Weights 1, 1, 2 with a cap of 3 on the last: L = 5/2, and of two equal remainders the first gets the unit.

>>> allocate(8, [1, 1, 2], [9, 9, 3]).shares.tolist()
[3, 2, 3]
"""

import operator
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from engine.level import Column, difference, exact_sum, level_of

__all__ = ["Allocation", "allocate"]

FAST_LIMIT = 2**61  # amount and total weight below it go through int64 columns
BLOCK = 2**16  # rows worked on at a time, so that what is written is still near when it is read


@dataclass(frozen=True, eq=False)
class Allocation:
    """One allocation, with what a receipt needs (rulebook 12).

    share = min(cap, level_units * weight // level_weight) + (1 if remainder rank > 0), for every position.
    level_weight 0 stands for a level above all caps: each pays its cap, or 0 without weight.

    Attributes: shares, (payers,) units, int64 if amount < 2^63, else Python ints. remainders, (payers,)
    numerators over level_weight, 0 unless open. winners, (payers,) who got one of the missing units.
    """

    shares: Column
    remainders: Column
    winners: NDArray[np.bool_]
    level_units: int
    level_weight: int

    @cached_property
    def remainder_ranks(self) -> NDArray[np.int64]:
        """(payers,) 1 for who got the first missing unit, 2 for the next, 0 for none. O(m log m)."""
        rows = np.flatnonzero(self.winners)
        rows = rows[np.argsort(-self.remainders[rows], kind="stable")]
        ranks = np.zeros(self.shares.size, dtype=np.int64)
        ranks[rows] = np.arange(1, rows.size + 1, dtype=np.int64)
        return ranks


def allocate(amount: int, weights: Sequence[int] | Column, caps: Sequence[int] | Column | None = None) -> Allocation:
    """Split an amount by weights within caps: water filling, floors, largest remainders (module header).

    Args: amount, units, >= 0. weights, (payers,) whole, >= 0, sorted by id. caps, (payers,) units, >= 0;
    None: no caps; a single payer without one carries any cap >= amount. Whole numbers of any size.
    Returns: shares that sum to min(amount, sum of caps of positive weight) exactly.
    Raises: ValueError for negative or fractional numbers, other than one dimension, or unequal lengths.
    Rounding: none is lost; who has the larger remainder bears the unit, in a tie the lower position.
    Source: rulebook 9; Hamilton's method of apportionment. Complexity: O(payers log payers), the weights' length apart.
    """
    amount = int(_column([amount], "amount")[0])
    weight, cap = _payers(amount, weights, caps)
    payable = exact_sum(cap)
    if amount < payable:
        rows = slice(None) if cap.all() else np.flatnonzero(cap)
        units, level_weight = level_of(amount, weight[rows], cap[rows])
        shares, remainders = _fill(units, level_weight, weight, cap)
    else:
        units, level_weight, shares, remainders = 0, 0, cap.copy(), np.zeros_like(cap)
    winners = _largest(remainders, min(amount, payable) - exact_sum(shares))
    shares += winners
    return Allocation(shares.astype(_dtype(amount, 2**63), copy=False), remainders, winners, units, level_weight)


def _payers(amount: int, weights: Sequence[int] | Column, caps: Sequence[int] | Column | None) -> tuple[Column, Column]:
    """Weights and caps in one dtype; caps zero without weight, and at most amount + 1, which nobody reaches."""
    weight = _column(weights, "weights")
    most = amount + 1
    cap = np.full(weight.size, most, dtype=_dtype(most, 2**63)) if caps is None else _column(caps, "caps")
    if cap.size != weight.size:
        raise ValueError(f"expected one cap for each of {weight.size} weights, found {cap.size}")
    if cap.size and int(cap.max()) > most:
        cap = np.minimum(cap, most)
    if not weight.all():
        cap = cap * (weight > 0)
    dtype = _dtype(max(amount, exact_sum(weight)), FAST_LIMIT)
    return weight.astype(dtype, copy=False), cap.astype(dtype, copy=False)


def _column(values: Iterable[int] | Column, name: str) -> Column:
    """The values as int64 where they fit, else as Python ints; ValueError unless whole, >= 0 and flat."""
    try:
        if isinstance(values, np.ndarray) and np.can_cast(values.dtype, np.int64):
            column: Column = values.astype(np.int64, copy=False)
        else:
            whole = [operator.index(value) for value in values]
            column = np.array(whole, dtype=_dtype(max(map(abs, whole), default=0), 2**63))
    except TypeError as error:
        raise ValueError(f"expected whole numbers in {name}: {error}") from error
    if column.ndim != 1 or (column.size and column.min() < 0):
        raise ValueError(f"expected numbers >= 0 in one dimension in {name}")
    return column


def _dtype(greatest: int, limit: int) -> type:
    """int64 for numbers below the limit, else Python ints."""
    return np.int64 if greatest < limit else object


def _fill(units: int, level_weight: int, weight: Column, cap: Column) -> tuple[Column, Column]:
    """Shares before the missing units, and remainders, at a level."""
    shares, remainders, ceiling = np.empty_like(cap), np.empty_like(cap), int(cap.max())
    for start in range(0, cap.size, BLOCK):
        rows = slice(start, start + BLOCK)
        floors, rest = _floors(units, level_weight, weight[rows], ceiling)
        np.minimum(floors, cap[rows], out=shares[rows])
        np.multiply(rest, floors < cap[rows], out=remainders[rows])
    return shares, remainders


def _floors(units: int, level_weight: int, weight: Column, ceiling: int) -> tuple[Column, Column]:
    """floor(units * w / level_weight) and its remainder; where that passes the ceiling, any number above it.

    int64: units = a * level_weight + b, and a * min(w, ceiling // a + 1) is a * w or above the ceiling, below
    2^62. _quotient gives floor(b * w / level_weight), or one less, which the remainder then shows: it is below
    2 * level_weight < 2^62.
    """
    if weight.dtype == object:
        return weight * units // level_weight, weight * units % level_weight
    a, b = divmod(units, level_weight)
    floors = _quotient(b, level_weight, weight.view(np.uint64)).view(np.int64)
    remainders = difference(weight, b, floors, level_weight)
    low = remainders // level_weight
    floors += low
    remainders -= low * level_weight
    if a:
        floors += a * np.minimum(weight, ceiling // a + 1)
    return floors, remainders


def _quotient(b: int, level_weight: int, weight: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """floor(b * w / level_weight) or one less, for b < level_weight, without a division per row.

    r = floor(b * 2^k / level_weight) with 2^k > w, so w * r / 2^k is too low by less than w / 2^k < 1. It is
    summed over the digits of r, lowest first, in base 2^d: carry + w * digit < w * 2^d < 2^64.
    """
    d = 64 - int(weight.max()).bit_length()
    count = -(-(64 - d) // d)
    r = (b << (d * count)) // level_weight
    guess = np.zeros_like(weight)
    for i in range(count):
        guess += weight * np.uint64((r >> (d * i)) % (1 << d))
        guess >>= np.uint64(d)
    return guess


def _largest(remainders: Column, missing: int) -> NDArray[np.bool_]:
    """Which positions hold the `missing` largest remainders, ties to the lower position."""
    if missing == 0:
        return np.zeros(remainders.size, dtype=np.bool_)
    least = np.sort(remainders)[-missing]  # np.partition is ten times slower where many are equal
    winners: NDArray[np.bool_] = remainders > least
    tied = np.flatnonzero(remainders == least)
    winners[tied[: missing - int(np.count_nonzero(winners))]] = True
    return winners
