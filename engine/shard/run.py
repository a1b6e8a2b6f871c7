"""A running liquidation (RULEBOOK 6, 17.9): what an account in liquidation does next, at the venue or by a round."""

from __future__ import annotations

from engine import liquidation
from engine import operations as op
from engine.accounts import account_key
from engine.execution import limit_ticks
from engine.life import Status
from engine.liquidation import Liquidation, Order
from engine.margin.statement import Statement
from engine.numbers import div_up, sign
from engine.shard.state import ShardState
from engine.value import notional
from schemas import events
from schemas.rows import Plan


def go_on(state: ShardState, row: int, own: Statement) -> None:
    """From idle: send an order, or ask for a grant; whether it is cured is judged there (6.9).

    Held back, it stays idle.
    """
    run = state.liquidations[row]
    if not own.has_positions:
        end(state, row, own)
        return
    if run.stage != "idle":
        return
    if run.exit == "backstop" and not state.accounts.take(row).positions[run.exit_column]:
        run.exit = "market"
    if liquidation.next_line(state.book, run, own) is None:
        return
    if not _is_alone(state) or liquidation.exit_of(state.book, run, own) != "market":
        ask(state, row)
    elif liquidation.is_cured(state.book, own, run.to_initial):
        end(state, row, own)
    else:
        plan = liquidation.plan(state.book, state.accounts, row, run, own, state.used_pace(row))
        if plan is not None and plan.lots:
            send(state, row, plan, plan.lots)
        else:
            run.waits_interval = liquidation.interval_of(state.book)
            ask(state, row)


def _is_alone(state: ShardState) -> bool:
    """Venue execution without a pace over all accounts: nothing is shared, the order goes out at once (6.9)."""
    return state.book.parameters.is_venue and state.book.parameters.per_book_units is None


def ask(state: ShardState, row: int) -> None:
    """Wait for a grant (6.9): the answer to the marker will carry the plan."""
    state.liquidations[row].stage = "asked"
    state.raise_to_clearing(row, "liquidation")


def end(state: ShardState, row: int, own: Statement) -> None:
    """The liquidation stops: healthy when nothing is owed, bankrupt when nothing is left (5)."""
    name, run = state.accounts.names[row], state.liquidations.pop(row)
    state.triggers.touch([row])
    if own.equity < 0:
        go_bankrupt(state, row, run.scopes)
        return
    state.accounts.move(row, Status.HEALTHY)
    state.tell(
        events.LiquidationEnded(
            **state.stamp(f"{name}/{run.number}"),
            account=name,
            liquidation=run.number,
            equity_units=own.equity,
            mm_units=own.mm,
        )
    )


def go_bankrupt(state: ShardState, row: int, scopes: list[tuple[str, int]]) -> None:
    """Nothing is left to close: the clearing house will declare it, unless a deposit comes first (5)."""
    state.accounts.move(row, Status.BANKRUPT)
    state.end_call(row)
    state.bankrupt[row] = (state.book.seq, scopes)
    state.raise_to_clearing(row, "bankrupt")


def send(state: ShardState, row: int, plan: Plan, lots: int) -> None:
    """An order to the venue (6.3, 6.5): its limit is the bankruptcy price of this seq, the mark while equity < 0."""
    run, column, name = state.liquidations[row], state.book.column_of[plan.instrument], plan.account
    contract, mark = state.book.contracts[column], state.book.price(column)
    limit = mark if plan.is_insolvent else limit_ticks(contract, plan.position, plan.b_num, plan.b_den)
    run.orders += 1
    order_id = f"{state.book.name}/{name}/{run.number}/{run.orders}"
    deadline = state.book.clock_ms + state.book.parameters.order_ms
    run.order = Order(order_id, column, plan.position, lots, 0, plan.b_num, plan.b_den, limit, deadline)
    run.stage = "ordered"
    state.accounts.changed.add(row)
    state.use_pace(row, notional(contract, lots, mark))
    state.timers.set(deadline, "order", account_key(name))
    state.tell(
        events.LiquidationOrdered(
            **state.stamp(order_id, column),
            account=name,
            liquidation_id=order_id,
            instrument=plan.instrument,
            lots=liquidation.closing_lots(plan.position, lots),
            limit_ticks=limit,
            bankruptcy_units=div_up(plan.b_num, plan.b_den),
            mark_ticks=mark,
            deadline_ms=deadline,
        )
    )


def fill(state: ShardState, row: int, order: Order, trade: op.Traded, fee: int) -> None:
    """A venue fill of the running order was booked as a trade, and its fee paid; past its limit it is alarmed."""
    run, name, price = state.liquidations[row], state.accounts.names[row], trade.price
    order.filled += trade.lots
    subject = f"{order.id}/{order.filled}"
    state.tell(
        events.LiquidationOrderFilled(
            **state.stamp(subject, order.column),
            account=name,
            liquidation_id=order.id,
            instrument=state.book.contracts[order.column].name,
            lots=liquidation.closing_lots(order.position, trade.lots),
            cash_units=sign(order.position) * trade.value_units,
            fee_units=fee,
            price_ticks=price,
            mark_ticks=state.book.price(order.column),
            unfilled_lots=max(0, order.lots - order.filled),
        )
    )
    beyond = order.limit_ticks is not None and (
        price < order.limit_ticks if order.position > 0 else price > order.limit_ticks
    )
    if beyond and order.limit_ticks is not None:
        state.tell(
            events.FilledBeyondLimit(
                **state.stamp(subject, order.column),
                account=name,
                liquidation_id=order.id,
                price_ticks=price,
                limit_ticks=order.limit_ticks,
            )
        )
    if order.filled >= order.lots:
        end_order(state, row, run)


def expire(state: ShardState, row: int) -> None:
    """An order's deadline came: what is left goes on to the backstop and the tear-up (6.5)."""
    run = state.liquidations.get(row)
    if run is None or run.order is None or run.order.deadline_ms > state.book.clock_ms:
        return
    run.exit, run.exit_column = "backstop", run.order.column
    end_order(state, row, run)


def check_order(state: ShardState, row: int) -> None:
    """A venue order also ends when the account has no lots left on its side (other trades, a settlement)."""
    run = state.liquidations[row]
    if run.order is not None and state.accounts.take(row).positions[run.order.column] * run.order.position <= 0:
        end_order(state, row, run)


def tear(state: ShardState, row: int) -> None:
    """A hole was not closed in time (7): its positions are torn up, one a round."""
    run = state.liquidations[row]
    if run.exit == "tear":
        return
    run.exit, run.waits_interval = "tear", -1
    if run.order is not None:
        end_order(state, row, run)
    run.stage = "idle"
    state.triggers.touch([row])


def end_order(state: ShardState, row: int, run: Liquidation) -> None:
    order = run.order
    if order is None:
        return
    name, run.order, run.stage = state.accounts.names[row], None, "idle"
    state.tell(
        events.LiquidationOrderEnded(
            **state.stamp(order.id, order.column),
            account=name,
            liquidation_id=order.id,
            unfilled_lots=max(0, order.lots - order.filled),
        )
    )
    state.triggers.touch([row])
