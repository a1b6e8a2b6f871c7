"""Rows of an allocation that move money or collateral: defaults, sales, releases (RULEBOOK 7, 17.7, 17.10, 17.11).

Between the marker and the allocation other inputs may have been booked, so a row is its formula on what is there now,
and what it really was is reported; only then does the clearing house count it.
"""

from __future__ import annotations

from msgspec import UNSET

from engine.allocation import allocate
from engine.ledger import OUTSIDE, SUSPENSE, TRANSIT
from engine.life import Status
from engine.names import member_of
from engine.shard import booking
from engine.shard.state import CollateralSale, ShardState
from engine.value import notional
from schemas import events, loss_events
from schemas.journal import Allocation, Declared
from schemas.rows import Bankrupt, Credit, Payout, Release, SaleRow


def declare(state: ShardState, decision: Allocation, number: int, row: Bankrupt) -> None:
    """Recourse is paid, the rest of what is owed goes to suspense (7). Who was cured meanwhile is not declared."""
    at = state.accounts.open(row.account)
    split: dict[str, int] = {}
    if state.accounts.status_of(at) is Status.BANKRUPT and at not in state.sales:
        paid = _take_recourse(state, at, row)
        shortfall = max(0, -state.statement(at).equity)
        shares = allocate(shortfall, [mm for _, mm in row.scopes]).shares.tolist()
        split = {scope: units for (scope, _), units in zip(row.scopes, shares, strict=True) if units}
        state.pay(at, shortfall, SUSPENSE, is_flow=True)
        state.bankrupt.pop(at, None)
        state.holes.pop(at, None)
        state.accounts.move(at, Status.DEFAULTED if shortfall else Status.HEALTHY)
        if shortfall:
            state.defaulted.add(at)
            _tell_default(state, decision, at, row, paid, split)
    state.report(
        Declared(
            book=state.book.name,
            seq=state.book.seq,
            allocation=decision.allocation,
            row=number,
            account=row.account,
            scopes_units=split,
        )
    )


def _take_recourse(state: ShardState, at: int, row: Bankrupt) -> dict[str, int]:
    """What the member's other accounts pay, at most what the row says and no more than is owed."""
    paid: dict[str, int] = {}
    for payer, most in row.recourse:
        units = min(most, max(0, -state.statement(at).equity))
        if units:
            paid[payer] = units
            state.pay(state.accounts.open(payer), -units, None, is_flow=True)
            state.pay(at, units, None, is_flow=True)
    return paid


def _tell_default(
    state: ShardState, decision: Allocation, at: int, row: Bankrupt, paid: dict[str, int], split: dict[str, int]
) -> None:
    subject = f"{row.account}/{decision.window}/{state.number(at, 'default')}"
    state.tell(
        loss_events.DefaultDeclared(
            **state.stamp(subject),
            window=decision.window,
            member=member_of(row.account),
            account=row.account,
            shortfall_units=sum(split.values()),
            recourse_units=paid,
            mm_units=dict(row.scopes),
            scopes_units=split,
        )
    )


def sell(state: ShardState, decision: Allocation, number: int, row: SaleRow) -> None:
    """Collateral goes to its buyer, as far as it is still for sale; zero lots only say that `@operator` was asked."""
    at, column = state.accounts.open(row.account), state.book.column_of[row.asset]
    sale, holding = state.sales.get(at), state.accounts.take(at)
    lots = pay = 0
    if sale is not None and sale.number == row.number:
        lots = max(0, min(row.lots, sale.lots, holding.positions[column]))
        pay = min(row.pay_units, notional(state.book.contracts[column], lots, row.mark))
        sale.is_new, sale.lots = False, sale.lots - lots
        state.accounts.changed.add(at)
        if sale.lots <= 0 or lots < row.lots:  # what is no longer there is no longer for sale
            del state.sales[at]
    if sale is not None and lots:
        holding.positions[column] -= lots
        holding.cash += pay
        state.ledger.add(TRANSIT, -pay)
        state.ledger.add_lots(TRANSIT, column, lots)
        state.write(at, holding)
        tell_sale(state, at, sale, row.buyer, lots, pay)
    state.report_moved(decision.allocation, number, row.account, -lots, pay)


def tell_sale(state: ShardState, at: int, sale: CollateralSale, buyer: str, lots: int, pay: int) -> None:
    """Somebody bought collateral of a sale (17.11)."""
    name = state.accounts.names[at]
    state.tell(
        events.CollateralSold(
            **state.stamp(f"{name}/{sale.number}/{buyer}", sale.column),
            account=name,
            sale=sale.number,
            asset=state.book.contracts[sale.column].name,
            lots=lots,
            buyer=buyer,
            pay_units=pay,
        )
    )


def credit(state: ShardState, rows: list[Credit]) -> None:
    """What comes back to accounts; one whose life was over is open again (17.26)."""
    for row in rows:
        if state.owns(row.account):
            at = state.accounts.open(row.account)
            if state.accounts.status_of(at) in (Status.SETTLED, Status.CLOSED):
                booking.reopen(state, at)
            state.pay(at, row.units, TRANSIT, is_flow=row.is_flow)


def pay_out(state: ShardState, payouts: list[Payout]) -> None:
    """What the wound-down book has for each claim; a member's contribution comes back to its account (17.25)."""
    state.book.wind_down = "paid"
    for row in payouts:
        if state.owns(row.account):
            at = state.accounts.open(row.account)
            state.pay(at, row.amount_units - row.claim_units, TRANSIT)
            if row.returned_units:
                booking.reopen(state, at)
                state.pay(at, row.returned_units, TRANSIT, is_flow=True)


def release(state: ShardState, row: Release, stays: int = 0) -> None:
    """A withdrawal leaves, but for what `stays` (17.24), or is refused; a move reaches its target at the same entry."""
    column = None if row.asset is None else state.book.column_of[row.asset]
    if state.owns(row.account):
        waiting = state.asked.get(row.account, {})
        waiting.pop(row.seq, None)
        if not waiting:
            state.asked.pop(row.account, None)
        state.accounts.changed.add(state.accounts.open(row.account))
        _leave(state, row, column, stays)
    if row.target is not None and not row.code and state.owns(row.target):
        target = state.accounts.open(row.target)
        booking.receive(state, target, column, row.amount, TRANSIT)
        booking.reopen_settled(state, target)


def _leave(state: ShardState, row: Release, column: int | None, stays: int) -> None:
    stamp = state.stamp(f"{row.account}/{row.id}/{row.seq}")
    if row.code:
        state.tell(events.WithdrawalRefused(**stamp, account=row.account, withdrawal=row.id, code=row.code))
        return
    against, at = OUTSIDE if row.target is None else TRANSIT, state.accounts.open(row.account)
    booking.receive(state, at, column, stays - row.amount, against)
    if stays:
        state.pay(at, -stays, TRANSIT)  # no flow: it is a loss of who leaves (17.8)
    state.tell(
        events.WithdrawalReleased(
            **stamp,
            account=row.account,
            withdrawal=row.id,
            asset=row.asset,
            amount=row.amount,
            target=row.target,
            left_units=stays or UNSET,
        )
    )
