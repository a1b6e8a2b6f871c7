"""Entry values after many legs (17.3): path dependent, so leg by leg within a cell, cell beside cell in vectors."""

from __future__ import annotations

import numpy as np

from engine.accounts import Accounts, Ints
from engine.shard.legs import Cells
from engine.value import entry_after

PRODUCT_BOUND = 2**62
ROUNDS_MAX = 16  # a cell with more legs than this goes on in scalar code


def entries_after(accounts: Accounts, cells: Cells) -> None:
    """Write the entry values that the legs leave, in order; positions still stand as before all."""
    lots, paid, firsts, counts = cells.legs.lots, -cells.legs.cash, cells.first, cells.count
    sums = np.cumsum(lots)
    base = np.repeat(sums[firsts] - lots[firsts] - accounts.positions[cells.row, cells.column], counts)
    held = sums - base - lots
    entry = accounts.entries[cells.row, cells.column]
    for turn in range(min(ROUNDS_MAX, int(counts.max()))):
        on = np.flatnonzero(counts > turn)
        at = firsts[on] + turn
        entry[on] = _after(entry[on], held[at], lots[at], paid[at])
    for group in np.flatnonzero(counts > ROUNDS_MAX).tolist():
        for leg in range(int(firsts[group]) + ROUNDS_MAX, int(firsts[group] + counts[group])):
            entry[group] = entry_after(int(entry[group]), int(held[leg]), int(lots[leg]), int(paid[leg]))
    accounts.entries[cells.row, cells.column] = entry


def _after(entry: Ints, held: Ints, lots: Ints, paid: Ints) -> Ints:
    """`value.entry_after` of each, in vectors where no product can pass 2^62."""
    size, step = np.abs(held), np.abs(lots)
    closed = np.minimum(size, step)
    adds = (held == 0) | ((held > 0) == (lots > 0))
    kept = entry - np.sign(entry) * _part(np.abs(entry), closed, np.maximum(size, 1))
    flipped = paid - np.sign(paid) * _part(np.abs(paid), closed, step)
    found = np.where(adds, entry + paid, np.where(closed == step, kept, flipped))
    for place in np.flatnonzero(np.maximum(size, step) > PRODUCT_BOUND // np.maximum(closed, 1)).tolist():
        found[place] = entry_after(int(entry[place]), int(held[place]), int(lots[place]), int(paid[place]))
    return found


def _part(amount: Ints, closed: Ints, whole: Ints) -> Ints:
    """`floor(amount closed / whole)`, closed <= whole; the amount is split by `whole`: no product passes its square."""
    times, rest = np.divmod(amount, whole)
    return times * closed + rest * closed // whole
