"""The level of a division, exactly (rulebook 9): where what the payers can carry meets the amount.

`engine.allocation` defines it. Few passes over the payers find it, whatever their caps; int64 columns give what columns
of Python ints give.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Column = NDArray[Any]  # (payers,): int64, or object holding Python ints; the functions below serve both

SAMPLE = 2**12  # payers from whom the level of many more is guessed; a guess saves time, and decides nothing


def level_of(units: int, weight: Column, cap: Column) -> tuple[int, int]:
    """The level at which these payers pay `units`, less than all caps: what the full leave, over open weight.

    The ratios c_i / w_i are read by binary digits. Who is not known to be full or open has its ratio in
    [digits, digits + 1) / 2^shift, and part_i = c_i * 2^shift - digits * w_i. A round takes as many digits as
    keep part << step below 2^63. After `depth` digits one ratio is left: two differ by 1 / (w_i * w_j) or more.
    Done before that when nobody left is full at the level at which all left are open.
    """
    digits, shift, part, total = 0, 0, cap, exact_sum(weight)
    if units * int(weight.max()) < total * int(cap.min()):
        return units, total
    guess = _guess(units, weight, cap)
    while cap.size > 1 and shift <= (depth := 2 * int(weight.max()).bit_length()):
        step = depth + 1 if part.dtype == object else 63 - int(part.max()).bit_length()
        digits, shift = digits << step, shift + step
        near = (guess[0] << shift) // guess[1] - digits
        key = (part << step) // weight
        if (units << shift) // total - digits < int(key.min()):
            return units, total
        units, total, weight, cap, least = _sift(units, total, weight, cap, key, digits, shift, near)
        digits += least
        part = difference(cap, 1 << shift, weight, digits)
    if cap.size and int(cap[0]) * total <= units * int(weight[0]):
        return units - exact_sum(cap), total - exact_sum(weight)
    return units, total


def _guess(units: int, weight: Column, cap: Column) -> tuple[int, int]:
    """About the level: of many payers that of a sample, of few that at which all would be open."""
    if cap.size < 4 * SAMPLE:
        return units, exact_sum(weight)
    some = slice(None, None, cap.size // SAMPLE)
    return level_of(units * exact_sum(cap[some]) // exact_sum(cap), weight[some], cap[some])


def _sift(
    units: int, total: int, weight: Column, cap: Column, key: Column, digits: int, shift: int, near: int
) -> tuple[int, int, Column, Column, int]:
    """Keep payers of one key, the least one of those not decided; the full ones leave units and total.

    Asks if the level is below (digits + middle) / 2^shift: then all keys from there on are open, else all below
    are full. First on both sides of the guess, which decides most, then at medians: two of them halve the rest.
    """
    middles, least = [near - (near >> 4), near + (near >> 4) + 1], 0
    while key.size and (least := int(key.min())) < (greatest := int(key.max())):
        known, known_units, known_total = np.zeros(key.size, dtype=np.bool_), units, total
        for middle in (min(max(x, least + 1), greatest) for x in middles):
            below = key < middle
            left, wide = known_units - exact_sum(cap, below), known_total - exact_sum(weight, below)
            if (digits + middle) * wide > left << shift:
                known |= ~below
                break
            known, units, total = below, left, wide
        rows = np.flatnonzero(~known)
        weight, cap, key = weight[rows], cap[rows], key[rows]
        middles = np.sort(key)[key.size // 2 :][:1].tolist()
    return units, total, weight, cap, least


def exact_sum(column: Column, mask: NDArray[np.bool_] | None = None) -> int:
    """Exact sum, of all or of some; where it could pass 2^63, in halves of 32 bits (fewer than 2^31 rows)."""
    if column.dtype == object or column.size == 0 or int(column.max()) * column.size < 2**63:
        return int(column.sum() if mask is None else column @ mask)
    return (exact_sum(column >> 32, mask) << 32) + exact_sum(column & 0xFFFFFFFF, mask)


def difference(a: Column, x: int, b: Column, y: int) -> Column:
    """a * x - b * y where that lies in [0, 2^63): int64 products wrap modulo 2^64, their difference is exact."""
    if a.dtype != object:
        a, b, x, y = a.view(np.uint64), b.view(np.uint64), x % 2**64, y % 2**64
    found: Column = a * x - b * y
    return found.view(np.int64) if found.dtype == np.uint64 else found
