"""Rounds of liquidations and of positions to place (2a.5, 6, 17.9)."""

from __future__ import annotations

from tests.twin.allocate import allocate
from tests.twin.deleverage import meet
from tests.twin.exits import exit_rest, fill_at_market, tear_up
from tests.twin.life import check, end, trigger
from tests.twin.listed import Instrument
from tests.twin.margin import equity, halted, is_thin, mark_trusted, stop_reached
from tests.twin.plan import (
    Plan,
    held_instruments,
    interval,
    largest,
    lots_left,
    plan_for,
    trusted_positions,
)
from tests.twin.state import BACKSTOP, LIQUIDATION, MARKET, Account, BookState
from tests.twin.values import hand_over, post, sign, value
from tests.twin.venue import count_pace, ready, send_order, take_fee


def round_of_liquidations(book: BookState) -> bool:
    """All that wait: planned at the marker, granted by (trigger seq, member, account), looked at (17.9)."""
    order_close_of_all_holes(book)
    forget_waiting(book)
    cured = [one for one in book.members_accounts() if is_asked(book, one) and stop_reached(book, one)]
    for account in cured:
        end(book, account)
    check(book)  # the marker is an entry of its own: who was cured there is looked at there
    asked = [account for account in book.members_accounts() if is_asked(book, account)]
    plans = [plan for account in asked if (plan := plan_at_marker(book, account))]
    book.funds = {name: account.cash for name, account in book.accounts.items() if name.startswith("@")}
    for plan in sorted(plans, key=lambda plan: (plan.account.trigger_seq, plan.account.place)):
        carry_out(book, plan)
        left = equity(book, plan.account)
        assert plan.equity < 0 or left >= 0, f"14.9: {plan.account.id} was solvent, its equity is now {left}"
        look_after_rows(book, plan.account)
    sweep(book)
    if asked:
        check(book)
    return bool(asked or cured)


def forget_waiting(book: BookState) -> None:
    """Who may not act when its interval comes is looked at like all others again."""
    # READING: halted or not trusted then, it is not asked for its next order but sends it when it may.
    for account in book.members_accounts():
        late = account.waits_interval is not None and account.waits_interval != interval(book)
        if late and not ready(book, account):
            account.waits_interval = None


def order_close_of_all_holes(book: BookState) -> None:
    """At `opening + window_max_ms` all holes are torn up, halts notwithstanding (17.10)."""
    if book.window and book.clock >= book.window.opened_ms + book.window.window_max_ms:
        for account in book.members_accounts():
            if account.hole and account.positions:
                order_close(book, account)


def order_close(book: BookState, account: Account) -> None:
    """The positions of a hole are to be torn up, trusted or not (17.10)."""
    # READING: a hole that was never liquidated (its marks were not trusted) becomes liquidating by this.
    account.close_due = True
    if account.status != "liquidating":
        trigger(book, account)
    account.order, account.exit, account.close_due, account.waits_interval = None, None, True, None


def is_asked(book: BookState, account: Account) -> bool:
    """Who takes part in the round."""
    if account.status != "liquidating" or not account.positions:
        return False
    if account.close_due:
        return True
    if account.exit:
        # READING: an exit waits like an order while its mark is not trusted or liquidation is halted.
        return not halted(book) and mark_trusted(book, book.instruments[account.exit])
    shared = book.rules.said.execution == "simulated" or book.rules.per_book_notional is not None
    return (shared or account.waits_interval is not None or is_thin(book, account)) and ready(book, account)


def plan_at_marker(book: BookState, account: Account) -> Plan | None:
    """What to close; who is cured at the marker has ended (6.9)."""
    if account.close_due:
        # READING: tear-ups of a hole go by MM share like orders, one position a round.
        return plan_for(book, account, largest(book, account, held_instruments(book, account)))
    if account.exit:
        return plan_for(book, account, book.instruments[account.exit])
    return plan_for(book, account, largest(book, account, trusted_positions(book, account)))


def carry_out(book: BookState, plan: Plan) -> None:
    """One row: what it moves, and at last the fee (17.9)."""
    account = plan.account
    if account.close_due:
        tear_up(book, plan, abs(plan.held))
    elif account.exit or plan.is_thin:
        account.exit = account.waits_interval = None
        exit_rest(book, plan, 0)
    else:
        left = lots_left(book, book.pace, book.rules.per_book_notional, plan.held, plan.instrument)
        grant(book, plan, min(plan.lots, left))


def grant(book: BookState, plan: Plan, lots: int) -> None:
    """Lots granted within the pace of the book, at the venue or in the simulated market (17.9)."""
    if lots == 0 or book.rules.said.execution == "venue":
        send_order(book, plan, lots)
        return
    plan.account.waits_interval = None
    filled = fill_at_market(book, plan, lots)
    if filled:
        count_pace(book, plan, filled)
    if filled < lots:
        exit_rest(book, plan, filled)
    # READING: the fee of the fill comes after all rows of the account: taken before the rest leaves at
    # bankruptcy value it would make a solvent account insolvent, against 6.4 and invariant 9.
    if filled:
        take_fee(book, plan.account, plan.instrument, filled)


def look_after_rows(book: BookState, account: Account) -> None:
    """Right after its rows: ended, or waiting again; the check that follows finds the bankrupt (17.9)."""
    waits = account.order or account.waits_interval == interval(book)
    if account.status == "liquidating" and not waits and stop_reached(book, account):
        end(book, account)


def round_of_batches(book: BookState) -> bool:
    """One batch, the oldest: others give lots against it (17.22)."""
    if not book.batches:
        return False
    meet(book, book.batches.pop(0))
    sweep(book)
    check(book)
    return True


def round_of_places(book: BookState) -> bool:
    """Torn-up lots go on to opposite holders at the mark (17.9)."""
    torn = book.account(LIQUIDATION).positions
    if not torn:
        return False
    for instrument in [one for one in book.instruments.values() if one.name in torn]:
        place(book, instrument, torn[instrument.name])
    sweep(book)
    check(book)
    return True


def sweep(book: BookState) -> None:
    """What @liquidation won, once it holds no lots, goes to the fund of the instrument last torn up or placed."""
    held = book.account(LIQUIDATION)
    if held.cash > 0 and not held.positions and not book.batches:
        post(book, LIQUIDATION, book.insurance(book.torn_scope).id, held.cash)


def place(book: BookState, instrument: Instrument, lots: int) -> None:
    """Pro rata to lots by (member, account), @backstop with them, @market only for what is left (17.9)."""
    book.torn_scope = instrument.scope
    holders = [*book.members_accounts(), book.account(BACKSTOP)]
    weights = {one.place: abs(one.positions[instrument.name]) for one in holders if opposite(one, instrument, lots)}
    shares = allocate(abs(lots), weights, weights)
    shares[MARKET, MARKET] = abs(lots) - sum(shares.values())
    for (_, account), share in shares.items():
        signed = sign(lots) * share
        if signed:
            paid = value(instrument, signed, instrument.mark)
            hand_over(book, instrument, LIQUIDATION, account, signed, paid)


def opposite(account: Account, instrument: Instrument, lots: int) -> bool:
    return account.positions.get(instrument.name, 0) * lots < 0
