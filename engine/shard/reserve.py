"""The reserve of a row: how much its trades may do before its margin must be measured again.

A row that trades is placed with half of its safe radius, R, at the marks p0 of its tier (`triggers`): then equity
exceeds the boundary by `reserve = (D - W) / 2` at all marks within R of p0, and not only now.
Claim: this stays true, with `reserve` less `effect_k` for each leg k since. Proof. At marks p within R of p0, as in
`quiet`: equity changes by `d v(p) - V(d, x)`, at most `||V(d, p0)| - |V(d, x)|| + n R + 1`, n the notional `N(d, p0)`;
the requirement rises by at most `slope n (1 + R)` and 2 for rounding, slope the marginal rate at the notional of the
row in that contract after all legs of the run, at p. That is at most 5/3 of its notional at the present mark, since
both are within a quarter of p0. So `effect_k = ||V(d, p0)| - |V(d, x)|| + n R + slope 5/4 n + 8`.

So while the reserve lasts a leg costs a subtraction, whatever its row holds. What else changes a row voids its place,
and its reserve with it (`Tiers.touch`).
"""

from __future__ import annotations

import numpy as np

from engine.accounts import Ints
from engine.margin.columns import ppm_up, slopes_of
from engine.numbers import BOUND
from engine.shard.legs import Cells, values
from engine.shard.state import ShardState
from engine.triggers import SCALE_BITS


def effects(state: ShardState, cells: Cells) -> Ints:
    """`sum effect_k` of each row; BOUND where the claim does not speak of it. Positions are within their limits."""
    accounts, triggers, legs = state.accounts, state.triggers, cells.legs
    rows, contracts = cells.rows, state.book.contracts
    tiers, radius = triggers.owner[rows], triggers.radius[rows]
    marks = triggers.references(cells.of_rows(tiers))[np.arange(len(cells.row)), cells.column]
    reference = np.repeat(marks, cells.count)
    lots = np.abs(legs.lots)
    worth = np.abs(values(contracts, legs.column, lots, reference))
    moved = np.abs(worth - np.abs(legs.cash))
    size = worth + 1
    if (int(size.max()) + int(moved.max())) * 4 * (len(lots) + 1) >= BOUND:
        return np.full(len(rows), BOUND, np.int64)
    cell_size, cell_moved = cells.by_cell(size), cells.by_cell(moved + 8)
    held = np.abs(accounts.positions[cells.row, cells.column]) + cells.by_cell(lots)
    notional = -(-held * np.abs(state.columns.a[cells.column]) // state.columns.b[cells.column])
    slope = slopes_of(state.columns, cells.column, notional + (notional >> 1) + (notional >> 2) + 2)
    travel = (cell_size * cells.of_rows(radius.astype(np.int64)) >> SCALE_BITS) + 1
    effect = cell_moved + travel + ppm_up(cell_size + (cell_size >> 2) + 1, slope) + cells.count
    return np.where((tiers == 0) | accounts.special[rows], BOUND, cells.by_row(effect))
