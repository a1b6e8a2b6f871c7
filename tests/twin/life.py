"""An account's life (5, 17.6): holes, calls, triggers, ends. A check looks at every account."""

from __future__ import annotations

from tests.twin import venue
from tests.twin.margin import equity, im, mm, mm_in, stop_reached, trusted
from tests.twin.state import Account, BookState

LIVING = ("healthy", "margin_called", "liquidating", "bankrupt")


def check(book: BookState) -> None:
    """Every account by (member, account), again until nobody's status changes (17.2 f)."""
    # READING: looking at all accounts is what `every account whose status could change` comes to; a pass in
    # which an account changed is followed by another, since forgotten orders move the IM of its member's
    # other accounts; what who was triggered does next is seen in that other pass.
    changed = book.rules is not None
    while changed:
        changed = False
        for account in book.members_accounts():
            changed |= account.status in LIVING and look(book, account)


def look(book: BookState, account: Account) -> bool:
    """One look at one account: True when its status changed (17.6)."""
    notice_hole(book, account)
    if account.sale and (account.cash >= 0 or account.positions):
        account.sale = None  # READING: a sale ends when its reason (cash < 0 without positions) is gone.
    if account.sale:  # other trades may have taken some of it
        account.sale.left = min(account.sale.left, account.collateral.get(account.sale.asset, 0))
        account.sale = account.sale if account.sale.left > 0 else None
    match account.status:
        case "liquidating":
            return look_liquidating(book, account)
        case "bankrupt" if equity(book, account) >= 0:
            account.status = "healthy"
            return True
        case "bankrupt":
            return False
    return look_sound(book, account)


def notice_hole(book: BookState, account: Account) -> None:
    """Equity below zero is a hole, reported once per episode (17.10)."""
    units = equity(book, account)
    if units >= 0:
        account.hole, account.close_deadline_ms, account.close_due = False, None, False
    elif not account.hole:
        account.hole, account.close_deadline_ms = True, book.clock + book.rules.said.max_close_ms
        book.hole_reports.append(account.id)
        book.event("hole-found", account.id, equity=units)


def look_sound(book: BookState, account: Account) -> bool:
    """healthy and margin_called (17.6)."""
    units = equity(book, account)
    if not account.positions and units < 0:
        account.trigger_scopes = {}  # no liquidation was running
        become_bankrupt(book, account)
        return True
    if not trusted(book, account):
        return False
    if units < mm(book, account):
        trigger(book, account)
        return True
    if account.status == "margin_called":
        return look_called(book, account)
    if book.rules.said.call_ms > 0 and units < im(book, account):
        account.status, account.call_deadline_ms = "margin_called", book.clock + book.rules.said.call_ms
        book.event("margin-called", account.id, call=im(book, account) - units, deadline=account.call_deadline_ms)
        return True
    return False


def look_called(book: BookState, account: Account) -> bool:
    """Met, or missed at the deadline (5)."""
    if equity(book, account) >= im(book, account):
        account.status, account.call_deadline_ms, account.call_overdue = "healthy", None, False
        book.event("margin-call-met", account.id, equity=equity(book, account))
        return True
    # READING: a deadline that passed while marks were not trusted is missed at the first look that trusts
    # them.
    if account.call_overdue:
        book.event("margin-call-missed", account.id, call=im(book, account) - equity(book, account))
        trigger(book, account, target_im=True)
        return True
    return False


def trigger(book: BookState, account: Account, target_im: bool = False) -> None:
    """The account becomes liquidating; its orders are forgotten (17.9)."""
    account.status, account.target_im, account.call_deadline_ms = "liquidating", target_im, None
    account.call_overdue = False
    account.liquidation, account.order_number = account.liquidation + 1, 0
    account.trigger_seq, account.trigger_scopes = book.seq, {}
    account.exit, account.waits_interval = None, None
    for name in account.positions:
        instrument = book.instruments[name]
        before = account.trigger_scopes.get(instrument.scope, 0)
        account.trigger_scopes[instrument.scope] = before + mm_in(book, account, instrument)
    book.event("liquidation-triggered", account.id, equity=equity(book, account), mm=mm(book, account))
    account.orders.clear()


def look_liquidating(book: BookState, account: Account) -> bool:
    """Nothing left to close: bankrupt or healthy; at the venue the next order, or the end (17.6, 17.9)."""
    if not account.positions:
        end(book, account)
        return True
    venue.end_filled_order(book, account)
    if venue.orders_at_once(book, account) and stop_reached(book, account):
        end(book, account)
        return True
    venue.order_at_once(book, account)
    return False


def end(book: BookState, account: Account) -> None:
    """A liquidation is over (17.6)."""
    account.order = account.exit = account.waits_interval = None
    account.target_im = account.close_due = False
    if not account.positions and equity(book, account) < 0:
        become_bankrupt(book, account)
        return
    account.status, account.trigger_scopes = "healthy", {}
    book.event("liquidation-ended", account.id, equity=equity(book, account), mm=mm(book, account))


def become_bankrupt(book: BookState, account: Account) -> None:
    account.status, account.bankrupt_seq, account.call_deadline_ms = "bankrupt", book.seq, None
    account.call_overdue = False
