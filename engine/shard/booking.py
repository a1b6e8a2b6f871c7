"""The effect of each kind of input on the accounts of a shard (RULEBOOK 3, 5, 7, 16): refuse, or post."""

from __future__ import annotations

from engine import operations as op
from engine.ledger import OUTSIDE, ROUNDING
from engine.life import Status
from engine.numbers import PPM, div_up
from engine.shard import run
from engine.shard.state import ShardState
from engine.value import value
from schemas import events
from schemas.codes import Code


def reopen(state: ShardState, row: int) -> None:
    """A fact about an account that had ended makes it healthy again (17.6)."""
    status, name = state.accounts.status_of(row), state.accounts.names[row]
    if status >= Status.BANKRUPT:
        state.accounts.move(row, Status.HEALTHY)
        if state.bankrupt.pop(row, None) is not None:
            state.raise_to_clearing(row, "hole")  # it had nothing left; now it has, and an open window must know
        state.tell(events.AccountReopened(**state.stamp(name), account=name, was=status.word))


def deposit(state: ShardState, paid: op.Deposited) -> None:
    """Money or collateral from outside."""
    if not state.owns(paid.account):
        return
    row = state.accounts.open(paid.account)
    status = state.accounts.status_of(row)
    if status is Status.CLOSED:
        state.refuse(Code.ACCOUNT_CLOSED, f"account {paid.account} is closed")
        return
    receive(state, row, paid.column, paid.amount, OUTSIDE)
    reopen_settled(state, row)


def reopen_settled(state: ShardState, row: int) -> None:
    """Money that comes to an account whose default is settled opens it again (17.6)."""
    if state.accounts.status_of(row) is Status.SETTLED:
        reopen(state, row)


def receive(state: ShardState, row: int, column: int | None, amount: int, against: str) -> None:
    """Money or collateral (negative: leaves) that is no gain."""
    if column is None:
        state.pay(row, amount, against, is_flow=True)
        return
    contract, price = state.book.contracts[column], state.book.price(column)
    holding = state.accounts.take(row)
    holding.positions[column] += amount
    holding.flows += value(contract, amount, price)
    state.ledger.add_lots(against, column, -amount)
    state.write(row, holding)


def fund(state: ShardState, funded: op.Funded) -> None:
    """Each holder pays `ceil(q delta / 10^6)`; the sum is in our part of `@rounding` (17.4)."""
    for row in holders(state, funded.column):
        lots = state.accounts.take(row).positions[funded.column]
        state.pay(row, -div_up(lots * funded.delta, PPM), ROUNDING)


def settle(state: ShardState, settled: op.Settled) -> None:
    """Each holder gets `V(q, price)`; positions, orders and pending plans of the contract are gone (17.4)."""
    contract = state.book.contracts[settled.column]
    for row in [*state.accounts.orders]:
        if settled.column in state.accounts.orders[row]:
            state.accounts.set_orders(row, settled.column, 0, 0)
            state.triggers.touch(state.accounts.member_rows(row))
    for row in holders(state, settled.column):
        holding = state.accounts.take(row)
        units = value(contract, holding.positions[settled.column], settled.price)
        state.ledger.add_lots(OUTSIDE, settled.column, holding.positions[settled.column])
        holding.positions[settled.column] = holding.entries[settled.column] = 0
        holding.cash += units
        state.ledger.add(ROUNDING, -units)
        state.write(row, holding)
    for row, one in state.liquidations.items():
        if one.order is not None and one.order.column == settled.column:
            run.end_order(state, row, one)


def wind_down(state: ShardState) -> None:
    """Every instrument is settled at its mark; those that were have no holders (17.25)."""
    state.book.begin_wind_down()
    for column, contract in enumerate(state.book.contracts):
        if not contract.is_asset:
            settle(state, op.Settled(column, state.book.price(column)))
    state.sync()


def holders(state: ShardState, column: int) -> list[int]:
    """Rows with lots of a column, by (member, account)."""
    found = state.accounts.positions[: len(state.accounts), column].nonzero()[0].tolist()
    found += [row for row, holding in state.accounts.wide.items() if holding.positions[column]]
    return state.accounts.in_order(found)


def set_orders(state: ShardState, ordered: op.Ordered) -> None:
    """What an account has resting; IM follows."""
    if state.owns(ordered.account):
        row = state.accounts.open(ordered.account)
        state.accounts.set_orders(row, ordered.column, ordered.buys, ordered.sells)
        state.triggers.touch(state.accounts.member_rows(row))


def open_account(state: ShardState, opened: op.AccountOpened) -> None:
    """Registers an account, limited or not."""
    if state.owns(opened.account):
        row = state.accounts.open(opened.account)
        state.accounts.limit(row, is_limited=opened.limited)
        if state.accounts.status_of(row) is Status.CLOSED:
            reopen(state, row)


def close_account(state: ShardState, closed: op.AccountClosed) -> None:
    """Refused with positions, collateral, a call, pending withdrawals or cash (17.13)."""
    if not state.owns(closed.account):
        return
    row = state.accounts.row_of.get(closed.account)
    if row is None:
        if not closed.is_late:
            state.refuse(Code.UNKNOWN_ACCOUNT, f"account {closed.account} is not known")
        return
    holding, status = state.accounts.take(row), state.accounts.status_of(row)
    if status is Status.CLOSED:
        return
    if (
        status not in (Status.HEALTHY, Status.SETTLED)
        or holding.cash
        or any(holding.positions)
        or closed.account in state.asked
    ):
        if not closed.is_late:
            state.refuse(Code.NOT_CLOSABLE, f"account {closed.account} is {status.word} or still holds something")
        return
    state.accounts.forget_orders(row)
    state.accounts.move(row, Status.CLOSED)


def end_period(state: ShardState) -> None:
    """A new period of gains starts; inside a window only after its allocation (17.8)."""
    if state.is_window_open:
        state.period_waits = True
        return
    state.period_waits = False
    for row, equity in enumerate(state.equities()):
        holding = state.accounts.take(row)
        holding.start, holding.flows = equity, 0
        state.accounts.put(row, holding, state.book.contracts)
