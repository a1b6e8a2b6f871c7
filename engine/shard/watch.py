"""Which accounts are looked at (RULEBOOK 5, 17.6): those near their triggers, and those that something changed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine import triggers
from engine.accounts import Ints, account_key
from engine.life import Status
from engine.margin.columns import Measure
from engine.margin.statement import Statement
from engine.shard.look import look
from engine.shard.state import ShardState

VECTOR_MIN = 24  # fewer rows than this are cheaper one by one


def tick(state: ShardState, column: int, price: int) -> None:
    """A mark was accepted: look at every account whose status it could change (every tick counts)."""
    state.columns.set_price(column, price)
    near = np.zeros(0, np.int64)
    if not state.triggers.is_calm(column, price):
        near = state.triggers.near(column, price, state.book.contracts[column])
        state.triggers.rebound(state.book.contracts)
    look_at(state, near)


def look_at(state: ShardState, near: Ints | None = None) -> None:
    """Look at the rows near their triggers, at those touched since the last look, and at those that wait for a mark."""
    rows = set() if near is None else set(near.tolist())
    rows |= state.blocked | {row for row, one in state.liquidations.items() if one.stage == "idle"}
    seen: set[int] = set()
    looked: dict[int, Statement] = {}
    while rows or state.triggers.dirty:
        rows |= state.triggers.dirty
        state.triggers.dirty = set()
        seen |= rows
        order = np.array(sorted(rows), np.int64)
        suspects = _suspects(state, order) if len(order) >= VECTOR_MIN else order.tolist()
        for row in sorted(suspects, key=lambda r: account_key(state.accounts.names[r])):
            looked[row] = look(state, row)
        rows = set()
    if seen:
        state.accounts.changed |= seen
        place(state, np.array(sorted(seen), np.int64), looked)


def _suspects(state: ShardState, rows: Ints) -> list[int]:
    """Of many rows, those for scalar code, noted, or past a boundary of their status: the others need no look."""
    noted = (state.blocked | state.holes.keys() | state.sales.keys()) & set(rows.tolist())
    many, measure, others = _measured(state, rows)
    status = state.accounts.status[many]
    room = triggers.distances(status, measure, has_calls=bool(state.book.parameters.call_ms))
    busy = (status != Status.HEALTHY) & (status != Status.MARGIN_CALLED)
    held = state.accounts.positions[many][:, ~state.columns.asset]
    owing = (state.accounts.cash[many] < 0) & ~held.any(axis=1)  # collateral may have to be sold
    noted.update(others)
    noted.update(many[(room < 0) | busy | owing].tolist())
    return list(noted)


def _measured(state: ShardState, rows: Ints) -> tuple[Ints, Measure, list[int]]:
    """The rows that vector code can measure, their measure, and the others."""
    special = state.accounts.special[rows]
    plain, others = rows[~special], rows[special].tolist()
    measure = state.columns.measure(state.accounts, plain)
    kin = [row for row in others if state.accounts.is_only_kin(row)]
    if len(kin) < VECTOR_MIN:
        return plain, measure, others
    shared = state.columns.measure_kin(state.accounts, np.array(kin, np.int64))
    if shared is None:
        return plain, measure, others
    rest = set(others).difference(kin)
    return np.concatenate([plain, np.array(kin, np.int64)]), measure.beside(shared), sorted(rest)


def place(
    state: ShardState, rows: Ints, looked: dict[int, Statement] | None = None, *, has_reserve: bool = False
) -> None:
    """A fresh tier for the rows, with those of young tiers that it swallows, at the present marks.

    `has_reserve`: the rows trade; those that did keep a reserve as long as they have one left.
    """
    swallowed = state.triggers.absorb(len(rows))
    rows = np.unique(np.concatenate([rows, swallowed])) if len(swallowed) else rows
    many, others = rows[:0], rows.tolist()
    near = kept = many
    if has_reserve or len(rows) >= VECTOR_MIN:
        many, measure, others = _measured(state, rows)
        room = triggers.distances(state.accounts.status[many], measure, bool(state.book.parameters.call_ms))
        near = triggers.radii(room, measure.sway, state.accounts.columns)
        trades = _may_reserve(state, many) & (has_reserve | (state.triggers.reserve_of(many) > 0))
        near, kept = triggers.halved(near, room, trades, state.accounts.columns)
    far = np.array([_radius(state, row, (looked or {}).get(row)) for row in others], np.int64)
    marks = [mark.price for mark in state.book.marks]
    rows = np.concatenate([many, np.array(others, np.int64)])
    kept = np.concatenate([kept, np.zeros(len(others), np.int64)])
    state.triggers.place(rows, np.concatenate([near, far]), kept, marks, state.book.contracts)


def _may_reserve(state: ShardState, rows: Ints) -> NDArray[np.bool_]:
    """Which rows the claim of `reserve` speaks of: healthy, on their own, without collateral."""
    accounts = state.accounts
    plain: NDArray[np.bool_] = (accounts.status[rows] == Status.HEALTHY) & ~accounts.special[rows]
    plain &= ~accounts.positions[rows][:, state.columns.asset].any(axis=1)
    return plain


def _radius(state: ShardState, row: int, looked: Statement | None) -> int:
    """Of one row; a look at the present marks need not be repeated (what was written since was looked at again)."""
    prices = [mark.price for mark in state.book.marks]
    own = looked or state.statement(row)
    sway = triggers.sway_of(state.accounts, state.book.contracts, prices, row, own)
    room = triggers.distance(state.accounts.status_of(row), own, has_calls=bool(state.book.parameters.call_ms))
    return triggers.radius(room, sway, state.accounts.columns)
