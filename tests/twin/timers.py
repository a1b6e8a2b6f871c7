"""Timers that are due, step (d): calls, orders, closes, sales (17.2)."""

from __future__ import annotations

from collections.abc import Callable

from tests.twin.calls import miss_calls, miss_refills
from tests.twin.cure import watch
from tests.twin.life import look_called
from tests.twin.liquidation import order_close
from tests.twin.margin import trusted
from tests.twin.sale import sale_due
from tests.twin.state import Account, BookState


def fire(book: BookState) -> None:
    """By (deadline, kind, account) (17.2 d); those of the clearing house first."""
    miss_calls(book)
    miss_refills(book)
    watch(book)
    due = [
        (deadline, kind, account.id)
        for account in book.members_accounts()
        for kind, deadline in enumerate(deadlines(account))
        if deadline is not None and deadline <= book.clock
    ]
    for _, kind, account_id in sorted(due):
        account = book.account(account_id)
        if deadlines(account)[kind] is not None:  # nothing that fired before it took it away
            FIRE[kind](book, account)


def deadlines(account: Account) -> tuple[int | None, ...]:
    """In the order of kinds: call, order, close, sale."""
    return (
        account.call_deadline_ms,
        account.order.deadline_ms if account.order else None,
        account.close_deadline_ms,
        account.sale.deadline_ms if account.sale and not account.sale.due else None,
    )


def miss_call(book: BookState, account: Account) -> None:
    """A call at its deadline; left alone while marks are not trusted (17.6)."""
    # READING: when a version just in force made equity >= IM, the call is met at its deadline, not missed.
    account.call_overdue = True
    if trusted(book, account):
        look_called(book, account)


def end_order(book: BookState, account: Account) -> None:
    """What is left of the position goes to the exits by a round, unless that finds the stop reached (17.9)."""
    name, account.order = account.order.instrument, None
    if name in account.positions:
        account.exit = name


def close_hole(book: BookState, account: Account) -> None:
    """`max_close_ms` after the hole was first seen (17.10)."""
    account.close_deadline_ms = None
    if account.positions:
        order_close(book, account)


FIRE: tuple[Callable[[BookState, Account], None], ...] = (miss_call, end_order, close_hole, sale_due)
