"""Plain trades of a run, in vectors (RULEBOOK 3, 5, 17.8): which legs provably change no status, and booking them.

Rows whose reserve covers their legs need no more (`reserve`). Of the others, claim: a healthy row, the only one of its
member, without orders and collateral, keeps its status through a run of marks and legs while after every leg
`D - W - move >= sum of effects of its legs so far`, D its distance to the boundary at the start
(`triggers.distances`). Proof. Let v(p) be the unrounded value of a lot, d_k the lots of leg k, x_k its price, p any
mark between the least and the greatest of the run.

- Equity. Cash moves by exactly -V(d_k, x_k), so equity at marks p is that of the positions at the start, plus
  `d_k v(p) - V(d_k, x_k)` for each leg, less rounding below 1 a position. V is monotone in p: that term is at most the
  greater of `|V(d_k, p) - V(d_k, x_k)|` at the two extremes, plus 1.
- Requirement. N_j is at most N_j of the start's positions at p, plus `n_k = N(d_k, p)`, the greater of both extremes,
  for each leg. So with slope_j the marginal rate at `5/4 N_j + 2 + sum n_k`, by convexity, it rises by at most
  `slope_j (N_j rho_j + sum n_k)` and 2 for each rounding.
- The start's positions move equity and requirement together by at most `move = sum N_j (1 + slope_j) rho_j + W`
  (`triggers`), rho_j the greater move of both extremes, at most 1/4.

Hence `effect_k = |dV| + slope n_k + 6`. Equity stays at or above the boundary, which is at or above zero: no call, no
liquidation, no hole, no sale (without collateral cash is equity when nothing is held). Marks alone move rows without
legs; their calm bounds hold (`runs`).

Legs of contracts whose margin columns cannot tell (`Contract.is_exact`) are never quiet, nor are rows that hold any.

Limits are not passed while `|q| + sum |d_k|` of the row and column is within, and int64 while what is held plus
everything gross stays below 2^61, and all columns at their bounds together (`Accounts.put` judges row by row).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine import triggers
from engine.accounts import Ints
from engine.life import Status
from engine.margin.columns import ppm_up, slopes
from engine.numbers import BOUND
from engine.shard import reserve, watch
from engine.shard.entries import entries_after
from engine.shard.legs import Cells, Legs, cells_of, values
from engine.shard.state import ShardState


@dataclass(slots=True)
class Proof:
    """What was found about the legs of one shard: they are quiet before `stop`; `spent` of the reserve of each row,
    BOUND of one that was measured instead.
    """

    legs: Legs
    cells: Cells | None
    spent: Ints
    stop: int


def is_calm(state: ShardState) -> bool:
    """Whether no row must be looked at again whatever the next input is."""
    idle = any(one.stage == "idle" for one in state.liquidations.values())
    return not (idle or state.blocked or state.triggers.dirty or state.sales)


def proved(state: ShardState, legs: Legs, lows: Ints, highs: Ints, stop: int) -> Proof:
    """How far the legs are proved quiet: up to `stop`, or to the first that is not."""
    if not len(legs.at):
        return Proof(legs, None, np.zeros(0, np.int64), stop)
    cells = cells_of(legs, len(lows))
    spent = reserve.effects(state, cells)
    spent[spent > state.triggers.reserve[cells.rows]] = BOUND
    bad = ~_within_limits(state, cells) | cells.spread(~_fits(state, cells)) | state.columns.exact[cells.legs.column]
    stop = min(stop, int(cells.legs.at[bad].min(initial=stop)))
    measured = cells.spread(spent == BOUND)
    if measured.any():
        stop = min(stop, _measured(state, cells.legs.pick(measured), lows, highs, stop))
    return Proof(legs, cells, spent, stop)


def _measured(state: ShardState, legs: Legs, lows: Ints, highs: Ints, stop: int) -> int:
    """The position of the first of these legs that the margin of their rows does not cover, or `stop`."""
    legs = legs.pick(np.argsort(legs.at, kind="stable"))
    rows, of = np.unique(legs.row, return_inverse=True)
    effect, room = _effects(state, legs, lows, highs, rows, of)
    return min(stop, int(legs.at[running(of, effect) > room[of]].min(initial=stop)))


def _effects(state: ShardState, legs: Legs, lows: Ints, highs: Ints, rows: Ints, of: Ints) -> tuple[Ints, Ints]:
    """`effect_k` of each leg, and `D - W - move` of each row; below zero where the claim does not speak of the row."""
    columns, contracts = state.columns, state.book.contracts
    size = -(-np.abs(state.accounts.positions[rows] * columns.a) // columns.b)
    lots = np.abs(legs.lots)
    ends = [np.abs(values(contracts, legs.column, lots, prices[legs.column])) for prices in (lows, highs)]
    reached = np.maximum(*ends) + 1
    gross = np.zeros_like(size)
    room = np.full(len(rows), -1, np.int64)
    if _sum_bound(reached) >= BOUND or _sum_bound(size) >= BOUND:
        return np.zeros(len(lots), np.int64), room
    np.add.at(gross, (of, legs.column), reached)
    slope = slopes(columns, size + (size >> 2) + 2 + gross)
    paid = np.abs(legs.cash)
    moved = np.maximum(np.abs(ends[0] - paid), np.abs(ends[1] - paid))
    move = _move(state, size + ppm_up(size, slope), lows, highs)
    measure = columns.measure(state.accounts, rows)
    status = state.accounts.status[rows]
    distance = triggers.distances(status, measure, has_calls=bool(state.book.parameters.call_ms))
    plain = (status == Status.HEALTHY) & ~state.accounts.special[rows]
    plain &= ~state.accounts.positions[rows][:, columns.asset].any(axis=1)
    room = np.where(plain, distance - triggers.rounding(len(contracts)) - move, -1)
    return moved + ppm_up(reached, slope[of, legs.column]) + 6, room


def _move(state: ShardState, sway: Ints, lows: Ints, highs: Ints) -> Ints:
    """`sum N_j (1 + slope_j) rho_j` of each row, rounded up; BOUND where a held column moves by more than a quarter."""
    pairs = zip(state.book.contracts, (mark.price for mark in state.book.marks), lows, highs, strict=True)
    travelled = [
        max(triggers.travelled(contract, price, int(end)) if end != price else 0 for end in (low, high))
        for contract, price, low, high in pairs
    ]
    rho = np.array(travelled, np.int64)
    far = ((sway > 0) & (rho > triggers.RADIUS_MAX)).any(axis=1)
    rho = np.minimum(rho, triggers.RADIUS_MAX)
    whole, rest = sway >> triggers.SCALE_BITS, sway & ((1 << triggers.SCALE_BITS) - 1)
    moved = (whole * rho + (rest * rho >> triggers.SCALE_BITS) + 1).sum(axis=1, dtype=np.int64)
    return np.where(far, BOUND, moved)


def _within_limits(state: ShardState, cells: Cells) -> NDArray[np.bool_]:
    """Which legs keep their cell within the position limit whatever side the others are on."""
    size = np.abs(cells.legs.lots)
    limit = np.array([contract.limit_lots for contract in state.book.contracts], np.int64)[cells.column]
    room = limit - np.abs(state.accounts.positions[cells.row, cells.column])
    if (cells.by_cell(size) <= room).all():
        return np.ones(len(size), np.bool_)
    of = np.repeat(np.arange(len(cells.row), dtype=np.int64), cells.count)
    within: NDArray[np.bool_] = running(of, size) <= room[of]
    return within


def _fits(state: ShardState, cells: Cells) -> NDArray[np.bool_]:
    """Which rows stay within int64 columns whatever comes first: what is held plus everything gross is below 2^61."""
    accounts, rows = state.accounts, cells.rows
    gross = np.abs(cells.legs.cash) + np.abs(cells.legs.worth)
    worst = sum(contract.worst(contract.lots_bound) for contract in state.book.contracts)
    if _sum_bound(gross) >= BOUND // 2 or 2 * worst >= BOUND:  # the latter: sums over columns, see `Accounts`
        return np.zeros(len(rows), np.bool_)
    single = cells.by_cell(gross)
    total = cells.by_row(single)
    entry = np.abs(accounts.entries[cells.row, cells.column]) + single
    fits: NDArray[np.bool_] = (np.abs(accounts.cash[rows]) + total < BOUND) & (
        np.abs(accounts.flows[rows]) + total < BOUND
    )
    fits &= cells.by_row((entry >= BOUND).astype(np.int64)) == 0
    return fits


def _sum_bound(amounts: Ints) -> int:
    """What no sum of these exceeds, in integers of any size."""
    return int(amounts.max(initial=0)) * (amounts.size + 1)


def running(group: Ints, amount: Ints) -> Ints:
    """The sum of `amount` up to each place, over places of the same group."""
    order = np.argsort(group, kind="stable")
    sums = np.cumsum(amount[order])
    firsts = np.flatnonzero(np.diff(group[order], prepend=-1))
    base = np.repeat(sums[firsts] - amount[order][firsts], np.diff(firsts, append=len(group)))
    found = np.empty_like(sums)
    found[order] = sums - base
    return found


def book_legs(state: ShardState, proof: Proof, stop: int) -> None:
    """Post the legs before `stop`. Rows that were measured are placed anew at the marks of the end, with a reserve."""
    accounts, cells, spent = state.accounts, proof.cells, proof.spent
    if cells is not None and int(cells.legs.at.max()) >= stop:
        few = cells.legs.before(stop)
        spent = spent[np.isin(cells.rows, few.row)]
        cells = cells_of(few, accounts.columns) if len(few.at) else None
    if cells is None:
        return
    legs = cells.legs
    entries_after(accounts, cells)
    np.add.at(accounts.positions, (legs.row, legs.column), legs.lots)
    np.add.at(accounts.cash, legs.row, legs.cash)
    np.add.at(accounts.flows, legs.row, legs.worth + legs.cash)
    state.accounts.changed.update(cells.rows.tolist())
    measured = spent == BOUND
    state.triggers.reserve[cells.rows[~measured]] -= spent[~measured]
    if measured.any():
        watch.place(state, cells.rows[measured], has_reserve=True)
