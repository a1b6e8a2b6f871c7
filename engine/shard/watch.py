"""Looking at accounts (RULEBOOK 5, 17.6): margin calls, triggers, holes, bankruptcy, collateral to sell.

`look` is called for a row after anything that could change its status; what a liquidation does next is in `run`.
"""

from __future__ import annotations

import numpy as np

from engine import triggers
from engine.accounts import Holding, Ints, account_key
from engine.life import Status
from engine.liquidation import Liquidation, scopes_of
from engine.margin.columns import Measure
from engine.margin.statement import Statement, is_trusted
from engine.shard import collateral, run
from engine.shard.run import go_bankrupt
from engine.shard.state import ShardState
from schemas import events
from schemas.journal import Exit

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


def place(state: ShardState, rows: Ints, looked: dict[int, Statement] | None = None) -> None:
    """A fresh tier for the rows, with those of young tiers that it swallows, at the present marks."""
    swallowed = state.triggers.absorb(len(rows))
    rows = np.unique(np.concatenate([rows, swallowed])) if len(swallowed) else rows
    many, others = rows[:0], rows.tolist()
    near = many
    if len(rows) >= VECTOR_MIN:
        many, measure, others = _measured(state, rows)
        room = triggers.distances(state.accounts.status[many], measure, bool(state.book.parameters.call_ms))
        near = triggers.radii(room, measure.sway, state.accounts.columns)
    far = np.array([_radius(state, row, (looked or {}).get(row)) for row in others], np.int64)
    marks = [mark.price for mark in state.book.marks]
    rows = np.concatenate([many, np.array(others, np.int64)])
    state.triggers.place(rows, np.concatenate([near, far]), marks, state.book.contracts)


def _radius(state: ShardState, row: int, looked: Statement | None) -> int:
    """Of one row; a look at the present marks need not be repeated (what was written since was looked at again)."""
    prices = [mark.price for mark in state.book.marks]
    own = looked or state.statement(row)
    sway = triggers.sway_of(state.accounts, state.book.contracts, prices, row, own)
    room = triggers.distance(state.accounts.status_of(row), own, has_calls=bool(state.book.parameters.call_ms))
    return triggers.radius(room, sway, state.accounts.columns)


def look(state: ShardState, row: int) -> Statement:
    """Move one account to where its equity puts it (17.6); reports what the clearing house must know."""
    holding = state.accounts.take(row)
    own = state.statement(row)
    state.blocked.discard(row)
    _watch_hole(state, row, own)
    status = state.accounts.status_of(row)
    if status is Status.BANKRUPT:
        if own.equity >= 0:
            state.bankrupt.pop(row, None)
            state.accounts.move(row, Status.HEALTHY)
            state.triggers.touch([row])
    elif status is Status.LIQUIDATING:
        run.check_order(state, row)
        run.go_on(state, row, own)
    elif status >= Status.DEFAULTED:
        pass  # its life is over; a trade or money would have reopened it
    elif own.equity < 0 and not own.has_positions:
        go_bankrupt(state, row, [])
    else:
        _watch_margin(state, row, own, holding)
    collateral.watch(state, row, own)
    return own


def _watch_hole(state: ShardState, row: int, own: Statement) -> None:
    """A hole exists from the seq at which equity is below zero (7); it is reported once per episode."""
    name = state.accounts.names[row]
    if own.equity < 0 and row not in state.holes and state.accounts.status_of(row) < Status.DEFAULTED:
        state.holes[row] = state.book.clock_ms + state.book.parameters.max_close_ms
        state.timers.set(state.holes[row], "close", account_key(name))
        stamp = state.stamp(f"{name}/{state.number(row, 'hole')}")
        state.tell(events.HoleFound(**stamp, account=name, equity_units=own.equity))
        state.raise_to_clearing(row, "hole")
    elif own.equity >= 0 and state.holes.pop(row, None) is not None:
        if row in state.liquidations and state.liquidations[row].exit == "tear":
            state.liquidations[row].exit = "market"
        state.raise_to_clearing(row, "cured")


def _watch_margin(state: ShardState, row: int, own: Statement, holding: Holding) -> None:
    """Boundaries of an account that is not over. Untrusted, it is left alone and looked at again at every mark."""
    called = state.accounts.status_of(row) is Status.MARGIN_CALLED
    missed = called and row in state.overdue
    is_short = bool(state.book.parameters.call_ms) and own.equity < own.im
    if own.equity >= own.mm and called == is_short and not missed:
        return
    if state.book.is_liquidation_halted() or not is_trusted(state.book, holding):
        state.blocked.add(row)
    elif own.equity < own.mm:
        trigger(state, row, own, "maintenance")
    elif called and own.equity >= own.im:
        _meet_call(state, row, own)
    elif missed:
        name = state.accounts.names[row]
        stamp = state.stamp(f"{name}/{state.calls[row][1]}")
        state.tell(events.MarginCallMissed(**stamp, account=name, equity_units=own.equity, im_units=own.im))
        trigger(state, row, own, "call")
    elif not called and is_short:
        _call(state, row, own)


def _call(state: ShardState, row: int, own: Statement) -> None:
    name, deadline = state.accounts.names[row], state.book.clock_ms + state.book.parameters.call_ms
    state.accounts.move(row, Status.MARGIN_CALLED)
    state.calls[row] = (deadline, state.number(row, "call"))
    state.timers.set(deadline, "call", account_key(name))
    state.tell(
        events.MarginCalled(
            **state.stamp(f"{name}/{state.calls[row][1]}"),
            account=name,
            equity_units=own.equity,
            im_units=own.im,
            mm_units=own.mm,
            call_units=own.im - own.equity,
            deadline_ms=deadline,
        )
    )


def _meet_call(state: ShardState, row: int, own: Statement) -> None:
    name = state.accounts.names[row]
    state.accounts.move(row, Status.HEALTHY)
    number = state.end_call(row)
    stamp = state.stamp(f"{name}/{number}")
    state.tell(events.MarginCallMet(**stamp, account=name, equity_units=own.equity, im_units=own.im))


def trigger(state: ShardState, row: int, own: Statement, reason: str, exit_: Exit = "market") -> None:
    """The account goes into liquidation; cancel-orders notice first (6.1)."""
    name = state.accounts.names[row]
    state.accounts.move(row, Status.LIQUIDATING)
    state.end_call(row)
    number = state.number(row, "liquidation")
    scopes = scopes_of(state.book, own)
    state.liquidations[row] = Liquidation(state.book.seq, number, reason == "call", scopes, exit=exit_)
    marks = {state.book.contracts[x.column].name: state.book.price(x.column) for x in own.lines}
    stamp = state.stamp(f"{name}/{number}", *(x.column for x in own.lines))
    state.tell(
        events.LiquidationTriggered(
            **stamp,
            account=name,
            liquidation=number,
            equity_units=own.equity,
            mm_units=own.mm,
            im_units=own.im,
            reason=reason,
            marks_ticks=marks,
        )
    )
    state.tell(events.OrdersCancelled(**stamp, account=name))
    state.accounts.forget_orders(row)
    state.triggers.touch(state.accounts.member_rows(row))  # what it does next is looked at in this check


def tear_hole(state: ShardState, row: int) -> None:
    """A hole was not closed in time, or the window is at its end (7): its positions are torn up, one a round."""
    own, status = state.statement(row), state.accounts.status_of(row)
    if row not in state.holes or not own.has_positions:
        return
    if status in (Status.HEALTHY, Status.MARGIN_CALLED):
        trigger(state, row, own, "hole", "tear")
    elif status is Status.LIQUIDATING:
        run.tear(state, row)
