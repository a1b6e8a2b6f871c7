"""Placing what was torn up (RULEBOOK 6.7, 17.9): lots in `@liquidation` go to the other side at the mark."""

from __future__ import annotations

from engine.accounts import account_key
from engine.allocation import allocate
from engine.clearing import allocating
from engine.clearing.state import Attempt, ClearingState
from engine.ledger import BACKSTOP, MARKET
from schemas.journal import Allocation, Answer
from schemas.rows import Holder, LotRow


def place(state: ClearingState, attempt: Attempt, found: Answer) -> bool:
    """Lots in `@liquidation` go to the other side pro rata to lots, `@market` last, at the mark (17.9)."""
    rows: list[LotRow] = []
    for name in attempt.marker.place:
        column = state.book.column_of[name]
        lots = state.torn_lots(column)
        if lots:
            rows += _place_one(state, name, lots, found.holders)
    # Asked in vain, since a trade took the other side away after the marker, it asks again at the next seq. A marker
    # that did not ask says nothing about lots that come later at its seq.
    state.place_tried = state.book.seq if attempt.marker.place and not rows else -1
    return bool(rows) and allocating.allocate_round(
        state, Allocation(**allocating.next_allocation(state), kind="place", lot_rows=rows)
    )


def _place_one(state: ClearingState, name: str, lots: int, holders: list[Holder]) -> list[LotRow]:
    column = state.book.column_of[name]
    sides = {x.account: x.lots for x in holders if x.instrument == name and x.lots * lots < 0}
    pool = state.ledger.held(BACKSTOP, column)
    if pool * lots < 0:
        sides[BACKSTOP] = pool
    accounts = sorted(sides, key=account_key)
    caps = [abs(sides[account]) for account in accounts]
    shares = allocate(abs(lots), caps, caps).shares.tolist()
    rest = abs(lots) - sum(shares)
    market = state.ledger.held(MARKET, column)
    if rest and market * lots < 0:
        accounts, shares, sides[MARKET] = [*accounts, MARKET], [*shares, min(rest, abs(market))], market
    price = state.book.price(column)
    return [
        LotRow(account, name, sides[account], share, "place", price, 0, 0, 1, False)
        for account, share in zip(accounts, shares, strict=True)
        if share
    ]
