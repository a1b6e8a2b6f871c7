"""Equity, margin, gains and trust of an account (4, 17.5 to 17.8), recomputed from nothing each time."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor

from tests.twin.listed import Bracket, Instrument, Quoted
from tests.twin.state import BACKSTOP, MILLION, Account, BookState
from tests.twin.values import haircut_value, notional, value_floor


def equity(book: BookState, account: Account) -> int:
    """Cash + positions at mark + collateral after haircut, each rounded down (4)."""
    positions = sum(
        value_floor(book.instruments[name], lots, book.instruments[name].mark)
        for name, lots in account.positions.items()
    )
    return (
        account.cash
        + positions
        + sum(floor(haircut_value(book.assets[name], units)) for name, units in account.collateral.items())
    )


def requirement(brackets: list[Bracket], amount: int, more: Fraction = Fraction(0)) -> int:
    """`ceil(N rate) - deduction` of the bracket with the highest floor <= N (4); `more` adds to the rate (17.17)."""
    bracket = max((b for b in brackets if b.floor <= amount), key=lambda b: b.floor)
    return ceil(amount * (Fraction(bracket.rate_ppm, MILLION) + more)) - bracket.deduction


def share(brackets: list[Bracket], own: int, others: int, more: Fraction) -> int:
    """An account's part of its member's requirement: `ceil(M(N_m) N_a / N_m)` (16.5)."""
    if own == 0:
        return 0
    return ceil(Fraction(requirement(brackets, own + others, more) * own, own + others))


def by_size(instrument: Instrument, lots: int) -> Fraction:
    """`r max(0, Q - f)` (17.17)."""
    return instrument.rate_per_lot * max(0, lots - instrument.free_lots)


def held_notional(account: Account, instrument: Instrument) -> int:
    return notional(instrument, account.positions.get(instrument.name, 0), instrument.mark)


def counted(account: Account, instrument: Instrument, lots: int) -> int:
    """The notional that margin counts: at the mark, or on entry value (17.17)."""
    held, entry = account.positions.get(instrument.name, 0), abs(account.entries.get(instrument.name, 0))
    if not instrument.on_entry or account.id == BACKSTOP or held * lots <= 0:
        return notional(instrument, lots, instrument.mark)
    if abs(lots) > abs(held):
        return entry + notional(instrument, abs(lots) - abs(held), instrument.mark)
    return ceil(Fraction(entry * abs(lots), abs(held)))


def worse_notional(account: Account, instrument: Instrument, lots: int) -> int:
    """`max(N(q + buys), N(q - sells))` (17.5)."""
    buys, sells = account.orders.get(instrument.name, (0, 0))
    return max(counted(account, instrument, lots + buys), counted(account, instrument, lots - sells))


def worse_lots(account: Account, instrument: Instrument, lots: int) -> int:
    buys, sells = account.orders.get(instrument.name, (0, 0))
    return max(abs(lots + buys), abs(lots - sells))


def mm_in(book: BookState, account: Account, instrument: Instrument, lots: int | None = None) -> int:
    """MM_j, at the lots held or at other `lots` with the member's other accounts unchanged (17.5, 17.9)."""
    lots = account.positions.get(instrument.name, 0) if lots is None else lots
    own = counted(account, instrument, lots)
    if own == 0:
        return 0
    held = [(other, other.positions.get(instrument.name, 0)) for other in book.siblings(account)]
    others = sum(counted(other, instrument, theirs) for other, theirs in held)
    more = by_size(instrument, abs(lots) + sum(abs(theirs) for _, theirs in held))
    return share(instrument.mm_brackets, own, others, more)


def im_in(book: BookState, account: Account, instrument: Instrument, lots: int | None = None) -> int:
    """IM_j likewise, counting open orders (17.5)."""
    lots = account.positions.get(instrument.name, 0) if lots is None else lots
    own = worse_notional(account, instrument, lots)
    if own == 0:
        return 0
    held = [(other, other.positions.get(instrument.name, 0)) for other in book.siblings(account)]
    others = sum(worse_notional(other, instrument, theirs) for other, theirs in held)
    lots = worse_lots(account, instrument, lots) + sum(worse_lots(other, instrument, theirs) for other, theirs in held)
    return share(instrument.im_brackets, own, others, by_size(instrument, lots))


def mm(book: BookState, account: Account) -> int:
    return sum(mm_in(book, account, book.instruments[name]) for name in account.positions)


def im(book: BookState, account: Account) -> int:
    return sum(im_in(book, account, book.instruments[name]) for name in {**account.positions, **account.orders})


def is_thin(book: BookState, account: Account) -> bool:
    """Below the takeover level (17.18)."""
    level = book.rules.said.takeover_ppm or 0
    return level > 0 and equity(book, account) < ceil(Fraction(level * mm(book, account), MILLION))


def gains(book: BookState, account: Account) -> int:
    """`G = equity - equity_at_start - flows`, signed (17.8)."""
    return equity(book, account) - account.equity_at_start - account.flows


def free(book: BookState, account: Account, pending: int) -> int:
    """`max(0, equity - IM - unvested - pending)` (17.7)."""
    vests = book.rules.said.vest_gains and not book.is_over
    unvested = max(0, gains(book, account)) if vests else 0
    return max(0, equity(book, account) - im(book, account) - unvested - pending)


def mark_trusted(book: BookState, quoted: Quoted) -> bool:
    """Not held, not stale, not suspended, ticked since listing and restart (17.6, 17.14)."""
    # READING: stale_ms = 0 switches staleness off (the schema: zero switches a rule off).
    stale = quoted.stale_ms > 0 and book.clock - quoted.last_tick_ms > quoted.stale_ms
    return quoted.ticked and not quoted.held and not quoted.suspended and not stale


def halted(book: BookState) -> bool:
    return bool(book.halts & {"liquidation", "order_entry"})


def marks_trusted(book: BookState, account: Account) -> bool:
    """Every instrument and asset it holds has a trusted mark (17.7: MARK_NOT_TRUSTED)."""
    return all(mark_trusted(book, book.quoted(name)) for name in [*account.positions, *account.collateral])


def trusted(book: BookState, account: Account) -> bool:
    """Trusted marks, and neither liquidation nor order entry halted (17.6)."""
    return marks_trusted(book, account) and not halted(book)


def stop_reached(book: BookState, account: Account) -> bool:
    """`10^6 equity >= stop_ppm MM`, or `equity >= IM` after a missed call (17.6)."""
    return cured(book, account, equity(book, account), mm(book, account), im(book, account))


def cured(book: BookState, account: Account, equity_after: int, mm_after: int, im_after: int) -> bool:
    if account.target_im:
        return equity_after >= im_after
    return MILLION * equity_after >= book.rules.said.stop_ppm * mm_after
