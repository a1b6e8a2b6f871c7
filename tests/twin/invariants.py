"""Invariants that a quiet book keeps (14)."""

from __future__ import annotations

from tests.twin.margin import equity, held_notional, mm, requirement, trusted
from tests.twin.state import LIQUIDATION, SUSPENSE, BookState


def check_invariants(book: BookState) -> None:
    """Raises AssertionError with what was expected and found."""
    require_conservation(book)
    require_flat_positions(book)
    require_whole_allocations(book)
    if book.rules and book.layers:
        require_quiet(book)
    require_im_above_mm(book)


def require_conservation(book: BookState) -> None:
    """14.1: per asset, all accounts and funds hold deposits minus withdrawals."""
    cash = sum(account.cash for account in book.accounts.values())
    outside = book.outside.get(book.settlement_asset, 0)
    assert cash == outside, f"14.1: {cash} units of cash, expected {outside}"
    for name in book.assets:
        held = sum(account.collateral.get(name, 0) for account in book.accounts.values())
        outside = book.outside.get(name, 0)
        assert held == outside, f"14.1: {held} units of {name}, expected {outside}"
    for account in book.accounts.values():
        fund = account.id.startswith(("@insurance/", "@guarantee/", "@operator"))
        assert not fund or account.cash >= 0, f"3: {account.id} is below zero: {account.cash}"


def require_flat_positions(book: BookState) -> None:
    """14.2: positions of each instrument sum to zero."""
    for name in book.instruments:
        lots = sum(account.positions.get(name, 0) for account in book.accounts.values())
        assert lots == 0, f"14.2: positions of {name} sum to {lots}"


def require_whole_allocations(book: BookState) -> None:
    """14.3: shares + uncovered = shortfall, none negative."""
    for _, kind, subject, facts in book.events:
        if kind == "loss-allocated":
            shares = [*facts["draws"].values(), facts["uncovered"]]
            assert sum(shares) == facts["shortfall"], f"14.3: window {subject} allocates {sum(shares)}"
            assert min(shares) >= 0, f"14.3: window {subject} has a negative share"


def require_quiet(book: BookState) -> None:
    """14.8: at quiet none stays liquidatable outside liquidation; nothing waits in between."""
    for account in book.members_accounts():
        sound = account.status in ("healthy", "margin_called")
        low = trusted(book, account) and equity(book, account) < mm(book, account)
        assert not (sound and low), f"14.8: {account.id} is {account.status} below MM"
        waits = account.status == "bankrupt" and account.sale is None
        assert not waits, f"14.8: {account.id} is bankrupt without a sale"
        hole = account.hole == (equity(book, account) < 0)
        assert hole, f"7: {account.id} has equity {equity(book, account)}, hole reported: {account.hole}"
        over = account.status in ("settled", "closed")
        assert not (over and account.positions), f"14.8: {account.id} is {account.status} with positions"
    assert not book.account(LIQUIDATION).positions, "14.8: lots are left in @liquidation"
    owed = -sum(book.window.loss.values()) if book.window else 0
    assert book.account(SUSPENSE).cash == owed, f"14.1: suspense {book.account(SUSPENSE).cash}, expected {owed}"


def require_im_above_mm(book: BookState) -> None:
    """14.12: IM >= MM, for every member's notional."""
    for account in book.members_accounts():
        for instrument in book.instruments.values():
            amount = held_notional(account, instrument)
            least, most = (
                requirement(instrument.mm_brackets, amount),
                requirement(instrument.im_brackets, amount),
            )
            assert least <= most, f"14.12: {account.id} has MM {least} above IM {most} in {instrument.name}"
