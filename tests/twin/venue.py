"""Venue execution (6.5, 17.9): orders out, fills back as trades, the rest after a deadline to the exits."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor

from tests.twin.listed import Instrument
from tests.twin.margin import equity, halted, is_thin
from tests.twin.plan import Plan, fee, interval, largest, plan_for, trusted_positions, use
from tests.twin.state import Account, BookState, Order
from tests.twin.values import notional, post, sign, value


def ready(book: BookState, account: Account) -> bool:
    """It may plan an order now: trusted, no order out, no exit due, no interval to wait for (17.9)."""
    # READING: an account that waits for the next interval is not asked before it, cured or not.
    busy = account.order or account.exit or account.close_due or account.waits_interval == interval(book)
    return not busy and not halted(book) and bool(trusted_positions(book, account))


def orders_at_once(book: BookState, account: Account) -> bool:
    """Where nothing is shared the order goes out at once (6.9)."""
    # READING: who waited for an interval waits for a grant, whatever the rules have become.
    alone = book.rules.said.execution == "venue" and book.rules.per_book_notional is None
    return alone and account.waits_interval is None and ready(book, account) and not is_thin(book, account)


def order_at_once(book: BookState, account: Account) -> None:
    if orders_at_once(book, account):
        plan = plan_for(book, account, largest(book, account, trusted_positions(book, account)))
        send_order(book, plan, plan.lots)


def send_order(book: BookState, plan: Plan, lots: int) -> None:
    """`book/account/liquidation/order` goes out with its limit, or waits for the next interval (17.9)."""
    account, instrument = plan.account, plan.instrument
    if lots == 0:
        account.waits_interval = interval(book)
        return
    account.waits_interval = None
    account.order_number += 1
    name = f"{book.name}/{account.id}/{account.liquidation}/{account.order_number}"
    signed = -sign(plan.held) * lots
    account.order = Order(
        name, instrument.name, signed, book.clock + book.rules.said.order_ms, plan.held, plan.bankruptcy
    )
    # READING: interval notional is used by what is granted, N(k, mark); what goes to the exits uses none.
    count_pace(book, plan, lots)
    book.event("liquidation-ordered", account.id, id=name, lots=signed, limit=limit_ticks(plan))


def count_pace(book: BookState, plan: Plan, lots: int) -> None:
    units = notional(plan.instrument, lots, plan.instrument.mark)
    use(book, plan.account.pace, units)
    use(book, book.pace, units)


def limit_ticks(plan: Plan) -> int | None:
    """The price with V(q, p) = B, rounded for the account; where none is: one tick or unlimited (6.3)."""
    instrument, held = plan.instrument, plan.held
    if plan.equity < 0:
        return instrument.mark
    if instrument.kind == "linear":
        price = plan.bankruptcy / (held * instrument.point_value)
    elif plan.bankruptcy == 0:
        return 1 if held > 0 else None
    else:
        price = Fraction(-held * instrument.face) / plan.bankruptcy
    if price <= 0:
        return 1 if held > 0 else None
    return ceil(price) if held > 0 else floor(price)


def fill_order(
    book: BookState, account: Account, instrument: Instrument, signed: int, ticks: int, name: str | None
) -> bool:
    """A leg that fills the account's order: the order shrinks, the fee is paid at this trade (17.9)."""
    order = account.order
    if order is None or name != order.id or order.instrument != instrument.name or signed * order.lots <= 0:
        return False
    order.lots = sign(order.lots) * max(0, abs(order.lots) - abs(signed))
    order.filled += abs(signed)
    paid = take_fee(book, account, instrument, abs(signed), owed_to_rest(account, order, instrument))
    cash, left = -value(instrument, signed, ticks), abs(order.lots)
    book.event(
        "liquidation-order-filled", account.id, id=name, lots=signed, cash=cash, price=ticks, fee=paid, left=left
    )
    return True


def owed_to_rest(account: Account, order: Order, instrument: Instrument) -> int:
    """What equity loses if the rest of the order fills at B, which is fixed for all its fills (6.3)."""
    # READING: a fee taken from that part would make a solvent account insolvent, against 6.4 and invariant 9.
    rest = min(abs(order.lots), abs(account.positions.get(instrument.name, 0)))
    slices = [ceil(order.bankruptcy * k / abs(order.held)) for k in (order.filled, order.filled + rest)]
    at_mark = -value(instrument, -sign(order.held) * rest, instrument.mark)
    return max(0, at_mark - (slices[1] - slices[0]))


def take_fee(book: BookState, account: Account, instrument: Instrument, lots: int, kept: int = 0) -> int:
    """`min(fee(k), max(0, equity left))` to the insurance fund (6.4)."""
    paid = min(fee(book, instrument, lots), max(0, equity(book, account) - kept))
    post(book, account.id, book.insurance(instrument.scope).id, paid)
    return paid


def end_filled_order(book: BookState, account: Account) -> None:
    """An order ends when it is filled (17.9)."""
    # READING: it ends too when the account no longer has lots on its side (other trades, a settlement).
    if account.exit not in account.positions:
        account.exit = None  # nothing is left for the exit: the next order goes out
    order = account.order
    if order and (order.lots == 0 or account.positions.get(order.instrument, 0) * order.lots >= 0):
        account.order = None
