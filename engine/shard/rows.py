"""Applying the clearing house's allocations to accounts (RULEBOOK 2a.5, 2a.7): each row as it stands, from
`@transit`.
"""

from __future__ import annotations

from itertools import groupby
from typing import Any

from msgspec import UNSET

from engine import liquidation
from engine.accounts import account_key
from engine.execution import capped_fee, row_cash
from engine.ledger import TRANSIT
from engine.life import Status
from engine.liquidation import Liquidation
from engine.numbers import sign
from engine.shard import booking, payments, placed, run
from engine.shard.state import ShardState
from engine.value import notional
from schemas import events, loss_events
from schemas.journal import Allocation
from schemas.rows import LotRow, Plan

_TOLD = {
    "backstop": events.PositionTakenOver,
    "tear": events.PositionTornUp,
    "place": events.PositionPlaced,
    "deleverage": events.PositionDeleveraged,
}


def apply(state: ShardState, decision: Allocation) -> None:
    """All rows that concern our accounts, in their order."""
    if decision.kind in ("place", "deleverage"):
        placed.place(state, decision)
        return
    for account, rows in groupby(enumerate(decision.lot_rows), key=lambda item: item[1].account):
        if state.owns(account):
            _move_account(state, decision, list(rows))
    for number, bankrupt in enumerate(decision.bankrupts):
        if state.owns(bankrupt.account):
            payments.declare(state, decision, number, bankrupt)
    for number, sale in enumerate(decision.sales):
        if state.owns(sale.account):
            payments.sell(state, decision, number, sale)
    stays = [0] * len(decision.releases) if decision.left_units is UNSET else decision.left_units
    for release, units in zip(decision.releases, stays, strict=True):
        payments.release(state, release, units)
    if decision.kind == "release":
        state.moves_in = {seq: to for seq, to in state.moves_in.items() if seq > decision.upto}
    for account in decision.deferred:
        if state.owns(account):
            _defer(state, state.accounts.open(account))
    for charge in decision.charges:
        if state.owns(charge.account):
            state.pay(state.accounts.open(charge.account), -charge.amount_units, TRANSIT)
            _tell_charge(state, decision, charge.account, charge.amount_units)
    if decision.kind == "loss":
        _close_window(state)
    if decision.credits is not UNSET:
        payments.credit(state, decision.credits)
    if decision.payouts is not UNSET:
        payments.pay_out(state, decision.payouts)


def _defer(state: ShardState, at: int) -> None:
    """Pace had nothing left: the account waits for the next interval."""
    running = state.liquidations.get(at)
    if running is not None:
        running.waits_interval = liquidation.interval_of(state.book)
        state.accounts.changed.add(at)


def _move_account(state: ShardState, decision: Allocation, rows: list[tuple[int, LotRow]]) -> None:
    """All rows of one account, then the fee of what filled: taken earlier it could leave a solvent account below
    zero.
    """
    account = rows[0][1].account
    at = state.accounts.open(account)
    running = state.liquidations.get(at)
    if running is not None and (running.stage != "asked" or running.seq != rows[0][1].plan_seq):
        running = None  # the plan was for a liquidation that is over: nothing moves
    if running is not None:
        running.stage = "idle"
    if rows[0][1].exit == "order":
        _order(state, at, rows[0][1], running)
        return
    moves = [(number, row, *(_move_lots(state, at, row) if running else (0, 0))) for number, row in rows]
    for number, row, lots, cash in moves:
        fee = _take_fee(state, at, row, abs(lots)) if row.exit == "market" and lots else 0
        if lots:
            _tell_lots(state, decision, row, lots, cash, fee)
        state.report_moved(decision.allocation, number, account, lots, cash, fee)
    if running is not None:
        running.exit = "market" if running.exit == "backstop" else running.exit
        own = state.statement(at)
        if liquidation.is_cured(state.book, own, running.to_initial):
            run.end(state, at, own)
    state.triggers.touch([at])


def _move_lots(state: ShardState, at: int, row: LotRow) -> tuple[int, int]:
    """Signed lots and cash of what the row says, as far as it is still there."""
    column = state.book.column_of[row.instrument]
    held = state.accounts.take(at).positions[column]
    lots = min(row.lots, abs(held)) if held * row.position > 0 else 0
    change, cash = -sign(row.position) * lots, row_cash(state.book.contracts[column], row, lots) if lots else 0
    if lots:
        state.trade(at, column, change, cash, TRANSIT, is_flow=False)
    return change, cash


def _take_fee(state: ShardState, at: int, row: LotRow, lots: int) -> int:
    """The fee of a fill in the simulated market, from what is left (6.4); its notional counts against the pace."""
    contract = state.book.contracts[state.book.column_of[row.instrument]]
    rate = state.book.parameters.liquidation_fee_ppm
    units = capped_fee(contract, rate, lots, row.mark, state.statement(at).equity)
    state.pay(at, -units, TRANSIT)
    state.use_pace(at, notional(contract, lots, row.mark))
    return units


def _order(state: ShardState, at: int, row: LotRow, running: Liquidation | None) -> None:
    """A granted order goes to the venue (6.5), for no more than is there on its side (17.15)."""
    state.triggers.touch([at])
    held = state.accounts.take(at).positions[state.book.column_of[row.instrument]]
    lots = min(row.lots, abs(held)) if held * row.position > 0 else 0
    if running is not None and lots:
        plan = Plan(
            running.seq, row.account, row.instrument, row.position, lots, row.b_num, row.b_den,
            row.is_insolvent, "market",
        )  # fmt: skip
        run.send(state, at, plan, lots)


def _tell_lots(state: ShardState, decision: Allocation, row: LotRow, change: int, cash: int, fee: int) -> None:
    column = state.book.column_of[row.instrument]
    subject = f"{row.account}/{row.instrument}/{decision.allocation}"
    if row.exit == "deleverage":
        subject = f"{subject}/{row.first}"  # below zero there may be two: at the mark, and at bankruptcy
    stamp = state.stamp(subject, column)
    told: dict[str, Any] = {"account": row.account, "instrument": row.instrument, "lots": change, "cash_units": cash}
    if row.exit == "market":
        state.tell(events.LiquidationFilled(**stamp, **told, fee_units=fee, mark_ticks=row.mark, x_lots=row.x))
    else:
        state.tell(_TOLD[row.exit](**stamp, **told, mark_ticks=row.mark))


def _tell_charge(state: ShardState, decision: Allocation, account: str, units: int) -> None:
    stamp = state.stamp(f"{account}/{decision.window}")
    state.tell(loss_events.GainsCharged(**stamp, account=account, window=decision.window, amount_units=units))


def _close_window(state: ShardState) -> None:
    """The window's defaults are settled; a period that waited starts now."""
    state.is_window_open = False
    for at in sorted(state.defaulted, key=lambda r: account_key(state.accounts.names[r])):
        if state.accounts.status_of(at) is Status.DEFAULTED:
            state.accounts.move(at, Status.SETTLED)
    state.accounts.changed |= state.defaulted
    state.defaulted.clear()
    if state.period_waits:
        booking.end_period(state)
