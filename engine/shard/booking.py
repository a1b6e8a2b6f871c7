"""The effect of each kind of input on the accounts of a shard (RULEBOOK 3, 5, 7, 16): refuse, or post."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine import operations as op
from engine.execution import bankruptcy_cash, capped_fee, mark_cash
from engine.ledger import OUTSIDE, ROUNDING, TRANSIT, insurance
from engine.life import Status
from engine.liquidation import Order, member_lots
from engine.margin.statement import is_trusted
from engine.numbers import PPM, div_up
from engine.shard import run
from engine.shard.state import ShardState
from engine.value import value
from schemas import events
from schemas.codes import Code
from schemas.journal import Paid


def book_trade(state: ShardState, trade: op.Traded) -> None:
    """Both legs, as far as they are ours; `v` was computed once, for both (3)."""
    legs = [(name, lots) for name, lots in ((trade.buyer, trade.lots), (trade.seller, -trade.lots)) if state.owns(name)]
    for account, lots in legs:
        _book_leg(state, account, lots, trade)
    for account, lots in legs:
        _flag_limit(state, state.accounts.row_of[account], lots, trade.column)


def _book_leg(state: ShardState, account: str, lots: int, trade: op.Traded) -> None:
    row = state.accounts.open(account)
    is_sold = state.book.contracts[trade.column].is_asset and lots < 0
    if not is_sold or state.accounts.status_of(row) is not Status.BANKRUPT:
        reopen(state, row)  # selling what is left of a bankrupt's collateral is no new life
    cash = -trade.value_units if lots > 0 else trade.value_units
    order = _order_filled(state, row, lots, trade)
    state.trade(row, trade.column, lots, cash, None, is_flow=order is None)
    if order is not None:
        _pay_fee(state, row, abs(lots), trade, order)
        run.fill(state, row, order, abs(lots), trade.price)
    elif row in state.sales and trade.liquidation_id == sale_id(state, row):
        _fill_sale(state, row, trade)


def _order_filled(state: ShardState, row: int, lots: int, trade: op.Traded) -> Order | None:
    """The running order that this leg fills: its id, its contract, its side. The other side's leg is a plain trade."""
    running = state.liquidations.get(row)
    order = running.order if running is not None else None
    if order is None or order.id != trade.liquidation_id or order.column != trade.column:
        return None
    return order if lots * order.position < 0 else None


def _flag_limit(state: ShardState, row: int, lots: int, column: int) -> None:
    """A leg that adds beyond the limit, taken over the member's accounts, is booked and flagged (2a.3, 4)."""
    contract, account = state.book.contracts[column], state.accounts.names[row]
    held = member_lots(state.accounts, row, column)
    adds = state.accounts.take(row).positions[column] * lots > 0
    if adds and held > contract.limit_lots and not contract.is_asset:
        state.tell(
            events.LimitExceeded(
                **state.stamp(account, column),
                account=account,
                instrument=contract.name,
                lots=held,
                limit_lots=contract.limit_lots,
            )
        )


def _pay_fee(state: ShardState, row: int, lots: int, trade: op.Traded, order: Order) -> None:
    """The fee of a venue fill (6.4), to the insurance fund of the scope.

    It is capped by what would be left if the rest of the order filled at bankruptcy value: B is fixed for all fills of
    an order, so a fee taken from that part would make a solvent account insolvent.
    """
    contract, name = state.book.contracts[trade.column], state.accounts.names[row]
    mark, own = state.book.price(trade.column), state.accounts.take(row)
    rest = min(max(0, order.lots - order.filled - lots), abs(own.positions[trade.column]))
    at_mark = mark_cash(contract, order.position, rest, mark)
    at_worst = bankruptcy_cash(order.b_num, order.b_den, order.position, rest, order.filled + lots)
    left = state.statement(row).equity - max(0, at_mark - at_worst)
    units = capped_fee(contract, state.book.parameters.liquidation_fee_ppm, lots, mark, left)
    if units:
        state.pay(row, -units, TRANSIT)
        subject = f"{order.id}/{order.filled + lots}"
        fund = insurance(contract.scope)
        state.report(
            Paid(book=state.book.name, seq=state.book.seq, account=name, fund=fund, amount_units=units, subject=subject)
        )


def _fill_sale(state: ShardState, row: int, trade: op.Traded) -> None:
    """Buyers of collateral came by the venue's auction (17.11)."""
    sale = state.sales[row]
    sale.lots -= trade.lots
    if sale.lots <= 0:
        state.end_sale(row)


def sale_id(state: ShardState, row: int) -> str:
    """`book/account/sale number`."""
    return f"{state.book.name}/{state.accounts.names[row]}/{state.sales[row].number}"


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


def ask(state: ShardState, asked: op.Asked) -> None:
    """A withdrawal, move or contribution: judged now, and again when it may leave (17.7)."""
    if asked.target is not None and state.owns(asked.target):
        state.moves_in[state.book.seq] = asked.target
    if not state.owns(asked.account):
        return
    refused = judge_ask(state, asked, list(state.asked.get(asked.account, {}).values()))
    if refused is not None:
        state.refuse(refused, f"withdrawal {asked.id} of account {asked.account}")
        return
    row = state.accounts.row_of[asked.account]
    state.asked.setdefault(asked.account, {})[state.book.seq] = asked
    state.raise_to_clearing(row, "withdrawal")


def is_closed(state: ShardState, account: str) -> bool:
    """Whether an account of ours is closed."""
    row = state.accounts.row_of.get(account)
    return row is not None and state.accounts.status_of(row) is Status.CLOSED


def judge_ask(state: ShardState, asked: op.Asked, before: list[op.Asked]) -> Code | None:
    """Why a withdrawal is refused, or None (17.7); those of the account that were asked `before` it are counted
    first.
    """
    row = state.accounts.row_of.get(asked.account)
    if row is None:
        return Code.UNKNOWN_ACCOUNT
    if state.accounts.status_of(row) is Status.CLOSED:
        return Code.ACCOUNT_CLOSED
    if "transfers" in state.book.halts:
        return Code.TRANSFERS_HALTED
    if state.accounts.status_of(row) > Status.MARGIN_CALLED:
        return Code.IN_LIQUIDATION
    holding = state.accounts.take(row)
    if not is_trusted(state.book, holding):
        return Code.MARK_NOT_TRUSTED
    if asked.column is not None:
        gone = sum(one.amount for one in before if one.column == asked.column)
        if holding.positions[asked.column] < asked.amount + gone:
            return Code.NOT_ENOUGH_COLLATERAL
    pending = sum(worth(state, one) for one in before)
    return Code.OVER_FREE if worth(state, asked) > free(state, row) - pending else None


def free(state: ShardState, row: int) -> int:
    """`max(0, equity - IM - unvested)` (17.7), before what is pending."""
    own = state.statement(row)
    unvested = max(0, state.gain(row, own.equity)) if state.book.parameters.vest_gains else 0
    return max(0, own.equity - own.im - unvested)


def worth(state: ShardState, asked: op.Asked) -> int:
    """What a withdrawal takes from equity; collateral after haircut, rounded up."""
    if asked.column is None:
        return asked.amount
    contract, price = state.book.contracts[asked.column], state.book.price(asked.column)
    return div_up(asked.amount * price * contract.num, contract.den)


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
        (state.accounts.limited.add if opened.limited else state.accounts.limited.discard)(row)
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


EFFECTS: dict[type, Callable[[ShardState, Any], None]] = {
    op.Traded: book_trade,
    op.Deposited: deposit,
    op.Asked: ask,
    op.Funded: fund,
    op.Settled: settle,
    op.Ordered: set_orders,
    op.AccountOpened: open_account,
    op.AccountClosed: close_account,
    op.PeriodEnded: lambda state, _: end_period(state),
}
