"""Applying the clearing house's allocations to accounts (RULEBOOK 2a.5, 2a.7): each row as it stands, from `@transit`."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from engine import liquidation
from engine.accounts import account_key
from engine.execution import capped_fee, row_cash
from engine.ledger import OUTSIDE, SUSPENSE, TRANSIT
from engine.life import Status
from engine.numbers import sign
from engine.shard import booking, placed, run
from engine.shard.state import ShardState
from engine.value import notional
from schemas import events
from schemas.journal import Allocation, Bankrupt, LotRow, Moved, Plan, Release, SaleRow

_TOLD = {
    "backstop": events.PositionTakenOver,
    "tear": events.PositionTornUp,
    "place": events.PositionPlaced,
}


def apply(state: ShardState, decision: Allocation) -> None:
    """All rows that concern our accounts, in their order."""
    if decision.kind == "place":
        placed.place(state, decision)
        return
    for account, rows in groupby(enumerate(decision.lot_rows), key=lambda item: item[1].account):
        if state.owns(account):
            _move_account(state, decision, list(rows))
    for bankrupt in decision.bankrupts:
        if state.owns(bankrupt.account):
            _declare(state, bankrupt)
    for sale in decision.sales:
        if state.owns(sale.account):
            _sell(state, sale)
    for release in decision.releases:
        _release(state, release)
    if decision.kind == "release":
        state.moves_in.clear()
    for account in decision.deferred:
        if state.owns(account):
            _defer(state, state.accounts.open(account))
    for charge in decision.charges:
        if state.owns(charge.account):
            state.pay(state.accounts.open(charge.account), -charge.amount_units, TRANSIT)
            _tell_charge(state, decision, charge.account, charge.amount_units)
    if decision.kind == "loss":
        _close_window(state)


def _defer(state: ShardState, at: int) -> None:
    """Pace had nothing left: the account waits for the next interval."""
    running = state.liquidations.get(at)
    if running is not None:
        running.waits_interval = liquidation.interval_of(state.book)


def _move_account(state: ShardState, decision: Allocation, rows: list[tuple[int, LotRow]]) -> None:
    """All rows of one account, then the fee of what filled: taken earlier it could leave a solvent account below zero."""
    account = rows[0][1].account
    at = state.accounts.open(account)
    running = state.liquidations.get(at) if rows[0][1].exit != "place" else None
    if running is not None and running.stage == "asked":
        running.stage = "idle"
    if rows[0][1].exit == "order":
        _order(state, at, rows[0][1])
        return
    moves = [(number, row, *_move_lots(state, at, row)) for number, row in rows]
    for number, row, lots, cash in moves:
        fee = _take_fee(state, at, row, abs(lots)) if row.exit == "market" and lots else 0
        if lots:
            _tell_lots(state, decision, row, lots, cash, fee)
        state.report(
            Moved(
                book=state.book.name,
                seq=state.book.seq,
                allocation=decision.allocation,
                row=number,
                account=account,
                lots=lots,
                cash_units=cash,
                fee_units=fee,
            )  # fmt: skip
        )
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


def _order(state: ShardState, at: int, row: LotRow) -> None:
    """A granted order goes to the venue (6.5)."""
    running = state.liquidations.get(at)
    if running is not None and running.stage == "idle":
        plan = Plan(
            running.seq, row.account, row.instrument, row.position, row.lots, row.b_num, row.b_den,
            row.is_insolvent, "market",
        )  # fmt: skip
        run.send(state, at, plan, row.lots)


def _tell_lots(state: ShardState, decision: Allocation, row: LotRow, change: int, cash: int, fee: int) -> None:
    column = state.book.column_of[row.instrument]
    stamp = state.stamp(f"{row.account}/{row.instrument}/{decision.allocation}", column)
    told: dict[str, Any] = {"account": row.account, "instrument": row.instrument, "lots": change, "cash_units": cash}
    if row.exit == "market":
        state.tell(events.LiquidationFilled(**stamp, **told, fee_units=fee, mark_ticks=row.mark, x_lots=row.x))
    else:
        state.tell(_TOLD[row.exit](**stamp, **told, mark_ticks=row.mark))


def _declare(state: ShardState, bankrupt: Bankrupt) -> None:
    """Recourse is paid and the shortfall goes to suspense (7); the row stands as allocated."""
    at = state.accounts.open(bankrupt.account)
    for payer, units in bankrupt.recourse:
        state.pay(state.accounts.open(payer), -units, None, is_flow=True)
        state.pay(at, units, None, is_flow=True)
    state.pay(at, bankrupt.shortfall_units, SUSPENSE, is_flow=True)
    state.bankrupt.pop(at, None)
    state.holes.pop(at, None)
    if state.accounts.status_of(at) is not Status.BANKRUPT:
        return
    if bankrupt.shortfall_units:
        state.accounts.move(at, Status.DEFAULTED)
        state.defaulted.add(at)
    else:
        state.accounts.move(at, Status.HEALTHY)


def _sell(state: ShardState, sold: SaleRow) -> None:
    """Collateral goes to its buyer; zero lots only say that `@operator` was asked."""
    at, column = state.accounts.open(sold.account), state.book.column_of[sold.asset]
    if sold.lots:
        holding = state.accounts.take(at)
        holding.positions[column] -= sold.lots
        holding.cash += sold.pay_units
        state.ledger.add(TRANSIT, -sold.pay_units)
        state.ledger.add_lots(TRANSIT, column, sold.lots)
        state.write(at, holding)
        state.tell(
            events.CollateralSold(
                **state.stamp(f"{sold.account}/{sold.number}/{sold.buyer}", column), account=sold.account,
                sale=sold.number, asset=sold.asset, lots=sold.lots, buyer=sold.buyer, pay_units=sold.pay_units,
            )  # fmt: skip
        )
    sale = state.sales.get(at)
    if sale is not None and sale.number == sold.number:
        sale.is_new = False
        sale.lots -= sold.lots
        if sale.lots <= 0:
            del state.sales[at]


def _release(state: ShardState, release: Release) -> None:
    """A withdrawal leaves, or is refused; a move reaches its target at the same entry."""
    column = None if release.asset is None else state.book.column_of[release.asset]
    to_member = release.target is not None and not release.target.startswith("@")
    if state.owns(release.account):
        waiting = state.asked.get(release.account, {})
        waiting.pop(release.id, None)
        if not waiting:
            state.asked.pop(release.account, None)
        stamp = state.stamp(release.id)
        if release.code:
            state.tell(
                events.WithdrawalRefused(**stamp, account=release.account, withdrawal=release.id, code=release.code)
            )
        else:
            against = OUTSIDE if release.target is None else TRANSIT
            booking.receive(state, state.accounts.open(release.account), column, -release.amount, against)
            state.tell(
                events.WithdrawalReleased(
                    **stamp,
                    account=release.account,
                    withdrawal=release.id,
                    asset=release.asset,
                    amount=release.amount,
                    target=release.target,
                )  # fmt: skip
            )
    if release.target is not None and to_member and state.owns(release.target):
        if not release.code:
            target = state.accounts.open(release.target)
            booking.receive(state, target, column, release.amount, TRANSIT)
            booking.reopen_settled(state, target)


def _tell_charge(state: ShardState, decision: Allocation, account: str, units: int) -> None:
    stamp = state.stamp(f"{account}/{decision.window}")
    state.tell(events.GainsCharged(**stamp, account=account, window=decision.window, amount_units=units))


def _close_window(state: ShardState) -> None:
    """The window's defaults are settled; a period that waited starts now."""
    state.is_window_open = False
    for at in sorted(state.defaulted, key=lambda r: account_key(state.accounts.names[r])):
        if state.accounts.status_of(at) is Status.DEFAULTED:
            state.accounts.move(at, Status.SETTLED)
    state.defaulted.clear()
    if state.period_waits:
        booking.end_period(state)
