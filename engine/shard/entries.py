"""Entry values after many legs (17.3): path dependent, so leg by leg within a cell, cell beside cell in vectors."""

from __future__ import annotations

import numpy as np

from engine.accounts import Accounts, Ints
from engine.value import entry_after

PRODUCT_BOUND = 2**62
ROUNDS_MAX = 16  # a cell with more legs than this goes on in scalar code


def entries_after(accounts: Accounts, row: Ints, column: Ints, lots: Ints, paid: Ints) -> None:
    """Write the entry values that signed `lots` worth `paid` leave, in order; positions still stand as before all."""
    cell = row * accounts.columns + column
    order = np.argsort(cell, kind="stable")
    row, column, lots, paid, cell = row[order], column[order], lots[order], paid[order], cell[order]
    firsts = np.flatnonzero(np.diff(cell, prepend=-1))
    counts = np.diff(firsts, append=len(cell))
    sums = np.cumsum(lots)
    base = np.repeat(sums[firsts] - lots[firsts], counts)
    held = accounts.positions[row, column] + sums - base - lots
    entry = accounts.entries[row[firsts], column[firsts]]
    turn = 0
    while len(firsts) and turn < ROUNDS_MAX:
        on = counts > turn
        at = firsts[on] + turn
        if not len(at):
            break
        entry[on] = _after(entry[on], held[at], lots[at], paid[at])
        turn += 1
    for group in np.flatnonzero(counts > turn).tolist():
        for leg in range(int(firsts[group]) + turn, int(firsts[group] + counts[group])):
            entry[group] = entry_after(int(entry[group]), int(held[leg]), int(lots[leg]), int(paid[leg]))
    accounts.entries[row[firsts], column[firsts]] = entry


def _after(entry: Ints, held: Ints, lots: Ints, paid: Ints) -> Ints:
    """`value.entry_after` of each, in vectors where no product can pass 2^62."""
    closed = np.minimum(np.abs(held), np.abs(lots))
    greatest = max(int(np.abs(entry).max(initial=0)), int(np.abs(paid).max(initial=0)))
    if greatest * int(closed.max(initial=0)) >= PRODUCT_BOUND:
        legs = zip(entry.tolist(), held.tolist(), lots.tolist(), paid.tolist(), strict=True)
        return np.array([entry_after(*leg) for leg in legs], np.int64)
    adds = (held == 0) | ((held > 0) == (lots > 0))
    is_part = closed == np.abs(lots)
    kept = entry - np.sign(entry) * (np.abs(entry) * closed // np.maximum(np.abs(held), 1))
    flipped = paid - np.sign(paid) * (np.abs(paid) * closed // np.abs(lots))
    return np.where(adds, entry + paid, np.where(is_part, kept, flipped))
