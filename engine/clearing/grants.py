"""Granting what waits (RULEBOOK 6.2, 6.5, 6.6, 6.9, 17.9): pace, the simulated market, the backstop, the tear-up.

Plans come in the order (cause seq, member, account); the marks are those of the completing answer.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.clearing import deleveraging
from engine.clearing.state import ClearingState
from engine.execution import is_inside, row_cash
from engine.ledger import BACKSTOP
from engine.margin.statement import margin_at_mark
from engine.numbers import div_down, most_that_holds, sign
from engine.value import notional, value_floor
from schemas.rows import LotRow, Plan


@dataclass(slots=True)
class Pool:
    """The backstop as it will stand after the rows granted so far."""

    cash: int
    lots: dict[int, int]


def grant(state: ClearingState, plans: list[Plan]) -> list[LotRow]:
    """Rows for every plan that pace lets through; the others wait for the next interval."""
    pool = Pool(state.ledger.balance(BACKSTOP), dict(state.ledger.lots.get(BACKSTOP, {})))
    rows: list[LotRow] = []
    for plan in plans:
        rows += _grant_one(state, plan, pool)
    return rows


def _grant_one(state: ClearingState, plan: Plan, pool: Pool) -> list[LotRow]:
    column = state.book.column_of[plan.instrument]
    rows: list[LotRow] = []
    left = abs(plan.position)
    if plan.exit == "market":
        allowed = _paced(state, plan, column)
        if not allowed:
            return []
        if state.book.parameters.is_venue:
            _use_pace(state, notional(state.book.contracts[column], allowed, state.book.price(column)))
            return [_row(state, plan, column, allowed, "order")]
        row = _market_row(state, plan, column, allowed)
        if row is not None:
            rows.append(row)
            left -= row.lots
        if row is not None and row.lots == allowed:
            return rows
    if plan.exit != "tear":
        taken = _backstop_row(state, plan, column, left, pool, first=abs(plan.position) - left)
        if taken is not None:
            rows.append(taken)
            left -= taken.lots
    if left and plan.exit != "tear":
        rows += deleveraging.leave(state, plan, column, left)
    elif left:
        rows.append(_row(state, plan, column, left, "tear"))
    return rows


def _row(state: ClearingState, plan: Plan, column: int, lots: int, exit_: str, *, x: int = 0, first: int = 0) -> LotRow:
    return LotRow(
        plan.account, plan.instrument, plan.position, lots, exit_, state.book.price(column), x, plan.b_num,  # type: ignore[arg-type]
        plan.b_den, plan.is_insolvent, first, plan.seq,
    )  # fmt: skip


def _paced(state: ClearingState, plan: Plan, column: int) -> int:
    """Lots that the book's pace leaves for this plan in the present interval."""
    rules, contract = state.book.parameters, state.book.contracts[column]
    if rules.per_book_units is None:
        return plan.lots
    left = max(0, rules.per_book_units - _used(state))
    size = notional(contract, plan.position, state.book.price(column))
    return min(plan.lots, div_down(left * abs(plan.position), size))


def _used(state: ClearingState) -> int:
    interval = state.book.clock_ms // state.book.parameters.interval_ms
    return state.pace_used_units if state.pace_interval == interval else 0


def _use_pace(state: ClearingState, units: int) -> None:
    state.pace_used_units = _used(state) + units
    state.pace_interval = state.book.clock_ms // state.book.parameters.interval_ms


def _market_row(state: ClearingState, plan: Plan, column: int, allowed: int) -> LotRow | None:
    """The most lots that fill inside the limit, against `@market`."""
    contract, is_sell = state.book.contracts[column], plan.position > 0
    row = _row(state, plan, column, allowed, "market", x=state.closed_lots(column, is_sell))
    lots = most_that_holds(allowed, lambda k: is_inside(contract, row, k))
    if not lots:
        return None
    state.close_lots(column, is_sell, lots)
    _use_pace(state, notional(contract, lots, row.mark))
    return _row(state, plan, column, lots, "market", x=row.x)


def _backstop_row(state: ClearingState, plan: Plan, column: int, left: int, pool: Pool, first: int) -> LotRow | None:
    """What the pool can take: within its limit, and with its equity at or above its margin after (6.6, 16.8)."""
    contract, row = state.book.contracts[column], _row(state, plan, column, left, "backstop", first=first)
    side = sign(plan.position)

    def holds(lots: int) -> bool:
        held = pool.lots.get(column, 0) + side * lots
        if abs(held) > contract.backstop_lots:
            return False
        return _is_sound(state, pool, column, held, pool.cash - row_cash(contract, row, lots))

    lots = most_that_holds(left, holds)
    if not lots:
        return None
    pool.cash -= row_cash(contract, row, lots)
    pool.lots[column] = pool.lots.get(column, 0) + side * lots
    return _row(state, plan, column, lots, "backstop", first=first)


def _is_sound(state: ClearingState, pool: Pool, column: int, held: int, cash: int) -> bool:
    """Equity at or above maintenance margin, with `held` lots of one column in place of what the pool has."""
    equity, margin = cash, 0
    for at, lots in {**pool.lots, column: held}.items():
        contract, price = state.book.contracts[at], state.book.price(at)
        equity += value_floor(contract, lots, price)
        margin += margin_at_mark(contract, lots, price)
    return equity >= margin
