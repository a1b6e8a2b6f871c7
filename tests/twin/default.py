"""Holes, recourse, defaults, and the event window (7, 17.10)."""

from __future__ import annotations

from tests.twin.allocate import allocate
from tests.twin.calls import count_default
from tests.twin.effects import start_period
from tests.twin.life import check, notice_hole
from tests.twin.margin import equity, gains, im
from tests.twin.recovery import release
from tests.twin.state import LIQUIDATION, SUSPENSE, Account, BookState, Window
from tests.twin.values import post
from tests.twin.waterfall import allocate_loss, valid


def open_window(book: BookState) -> bool:
    """The first reported hole opens a window, frozen as of now (7, 17.10)."""
    reports, book.hole_reports = book.hole_reports, []
    if not reports or book.window:
        return False
    start_window(book)
    return True


def start_window(book: BookState) -> None:
    """Contributions, times and the layers that are valid now are the window's (7, 17.23)."""
    book.window_number += 1
    said = book.rules.said
    # READING: window_ms and window_max_ms are frozen with the waterfall.
    funds = [a for a in book.accounts.values() if a.id.startswith("@guarantee/") and a.cash]
    frozen = {a.id.removeprefix("@guarantee/"): a.cash for a in funds}
    book.window = Window(
        book.window_number, book.clock, said.window_ms, said.window_max_ms, frozen, valid(book), book.clock,
        vests=said.vest_gains, seq=book.seq, cure_ms=said.cure_ms,
        recovers=said.recoveries,
    )  # fmt: skip
    book.event("window-opened", str(book.window.number), contributions=sum(frozen.values()))


def declare_bankrupts(book: BookState) -> bool:
    """In a round, every bankrupt without a sale: recourse, then the shortfall (17.10)."""
    # READING: several are taken by (seq of the bankruptcy, member, account); what one drew from a payer is
    # gone for the next.
    bankrupts = [a for a in book.members_accounts() if a.status == "bankrupt" and a.sale is None]
    if not bankrupts or not book.window:
        return False
    free_at_marker = {a.id: max(0, equity(book, a) - im(book, a)) for a in book.members_accounts()}
    gain_at_marker = {a.id: min(max(0, gains(book, a)), max(0, equity(book, a))) for a in book.members_accounts()}
    drawn = dict.fromkeys(free_at_marker, 0)
    for account in sorted(bankrupts, key=lambda a: (a.bankrupt_seq, a.place)):
        capacity = gain_at_marker if account.limited else free_at_marker
        paid = take_recourse(book, account, capacity, drawn)
        declare(book, account, paid)
    check(book)
    return True


def take_recourse(book: BookState, account: Account, capacity: dict[str, int], drawn: dict[str, int]) -> int:
    """The member's other accounts, limited ones too, pay first, by id; flows of both (7, 17.8)."""
    total = 0
    for payer in book.siblings(account):
        paid = min(max(0, capacity[payer.id] - drawn[payer.id]), -equity(book, account))
        drawn[payer.id] += paid
        total += paid
        post(book, payer.id, account.id, paid)
        payer.flows, account.flows = payer.flows - paid, account.flows + paid
    return total


def declare(book: BookState, account: Account, recourse: int) -> None:
    """What is left is the shortfall; zero: not a default (17.10)."""
    shortfall = -equity(book, account)
    if shortfall == 0:
        account.status = "healthy"
        return
    window, cells = book.window, scopes_of(book, account, shortfall)
    for scope, units in cells.items():
        window.loss[account.member, scope] = window.loss.get((account.member, scope), 0) + units
    post(book, SUSPENSE, account.id, shortfall)
    account.flows += shortfall  # others' money, no gain (17.8)
    account.status, account.trigger_scopes = "defaulted", {}
    notice_hole(book, account)  # its equity is zero: the episode is over
    book.reserved = {key: units for key, units in book.reserved.items() if key[0] != account.id}
    window.last_default_ms = book.clock
    window.defaulted.add(account.member)
    count_default(book, window)
    facts = {"window": window.number, "shortfall": shortfall, "recourse": recourse}
    book.event("default-declared", account.id, **facts)


def scopes_of(book: BookState, account: Account, shortfall: int) -> dict[str, int]:
    """Split by MM_j per insurance scope at the first trigger; none: the book's (17.10)."""
    weights = {scope: units for scope, units in account.trigger_scopes.items() if units}
    if not weights:
        return {book.name: shortfall}
    return allocate(shortfall, weights, dict.fromkeys(weights, shortfall))


def close_window(book: BookState) -> bool:
    """One allocation when the window is due; then the defaulted are settled (17.10)."""
    if not book.window or not is_due(book):
        return False
    window = book.window
    pooled = -min(0, book.account(LIQUIDATION).cash)
    if pooled:
        # READING: a loss of @liquidation joins the window that closes next, under the book's scope, with no
        # contribution of its own.
        window.loss[LIQUIDATION, book.name] = pooled
        post(book, SUSPENSE, LIQUIDATION, pooled)
    allocate_loss(book, window)
    for account in book.members_accounts():
        if account.status == "defaulted":
            account.status = "settled"
    book.window, book.reserved = None, {}
    book.event("window-closed", str(window.number), shortfall=sum(window.loss.values()))
    if book.period_waits:  # asked inside the window: right after its allocation (17.8)
        start_period(book)
    check(book)
    release(book)
    return True


def is_due(book: BookState) -> bool:
    """`window_ms` since the last default or the opening; no hole, no sale, nothing to place (17.10)."""
    waits = any(account.hole or account.sale for account in book.members_accounts())
    placing = book.account(LIQUIDATION).positions or book.batches
    return not waits and not placing and book.clock >= book.window.last_default_ms + book.window.window_ms
