"""One look at an account (RULEBOOK 5, 17.6): margin calls, triggers, holes, bankruptcy, collateral to sell.

`look` is called for a row after anything that could change its status (`watch`); what a liquidation does next is in
`run`.
"""

from __future__ import annotations

from engine.accounts import Holding, account_key
from engine.life import Status
from engine.liquidation import Liquidation, scopes_of
from engine.margin.statement import Statement, is_trusted
from engine.shard import collateral, run
from engine.shard.state import ShardState
from schemas import events, loss_events
from schemas.rows import Exit


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
        run.go_bankrupt(state, row, [])
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
        state.tell(loss_events.HoleFound(**stamp, account=name, equity_units=own.equity))
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
