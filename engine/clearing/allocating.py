"""The one allocation of a round (RULEBOOK 2a.5): written, and the reports of its rows awaited."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from engine.clearing.state import ClearingState
from engine.execution import row_cash
from engine.ledger import BACKSTOP, LIQUIDATION, MARKET, insurance
from engine.numbers import sign
from schemas.journal import Allocation


def allocate_round(state: ClearingState, decision: Allocation) -> bool:
    """Write the one allocation of a round and wait for the reports of its rows."""
    state.allocation, state.news = decision, True
    state.expected = {number for number, row in enumerate(decision.lot_rows) if row.exit != "order"}
    state.expected |= set(range(len(decision.sales))) | set(range(len(decision.bankrupts)))
    for row in decision.lot_rows:
        if row.exit in ("tear", "place", "deleverage", "offset"):
            state.placed_scope = state.book.contracts[state.book.column_of[row.instrument]].scope
    state.expected -= _settle_named(state, decision)
    finish(state)
    state.decide(decision)
    return True


def finish(state: ClearingState) -> None:
    """When every row is answered for: what left is next to be deleveraged, and what was not given against is again."""
    if not state.expected:
        state.batches += [batch for _, batch in sorted(state.leaving.items()) if batch.lots]
        batch, state.giving = state.giving, None
        left = abs(batch.lots) - state.given if batch is not None else 0
        if batch is not None and left and state.given:  # a round that moved nothing is not repeated (6.9)
            again = replace(batch, lots=sign(batch.lots) * left, first=batch.first + state.given)
            state.batches.insert(0, again)
        state.leaving.clear()
        state.given = 0
    sweep(state)


def sweep(state: ClearingState) -> None:
    """What `@liquidation` won, once it holds no lots and no row is awaited, goes to the fund last concerned (17.9)."""
    won = state.ledger.balance(LIQUIDATION)
    if won > 0 and not state.expected and not state.is_placing():
        state.ledger.post(LIQUIDATION, insurance(state.placed_scope), won)


def next_allocation(state: ClearingState) -> dict[str, Any]:
    """The fields that every allocation shares."""
    state.allocations += 1
    return {"book": state.book.name, "seq": state.book.seq, "allocation": state.allocations}


def _settle_named(state: ClearingState, decision: Allocation) -> set[int]:
    """Rows of a place round that meet the pool or the market are booked here at once."""
    done = set()
    for number, row in enumerate(decision.lot_rows):
        if row.account in (BACKSTOP, MARKET):
            column = state.book.column_of[row.instrument]
            cash = row_cash(state.book.contracts[column], row, row.lots)
            change = -sign(row.position) * row.lots
            state.ledger.post(LIQUIDATION, row.account, cash)
            state.ledger.post_lots(LIQUIDATION, row.account, column, change)
            state.given += row.lots if row.exit == "offset" else 0
            done.add(number)
    return done
