"""Collateral to sell (RULEBOOK 7, 16.7, 17.11): when, what first, and how much of it."""

from __future__ import annotations

from engine.accounts import Holding, account_key
from engine.margin.statement import Statement
from engine.shard.state import CollateralSale, ShardState
from engine.value import value_floor
from schemas import events


def watch(state: ShardState, row: int, own: Statement) -> None:
    """Without positions and with cash below zero, collateral is sold: the first by id, no more than needed (17.11)."""
    holding = state.accounts.take(row)
    if own.has_positions or holding.cash >= 0:
        state.end_sale(row)
        return
    if row in state.sales:
        sale = state.sales[row]
        sale.lots = min(sale.lots, holding.positions[sale.column])  # other trades may have taken some of it
        if sale.lots > 0:
            return
        state.end_sale(row)
    found = _first_collateral(state, holding)
    if found is not None:
        column, lots = found
        due = state.book.clock_ms + state.book.parameters.sale_ms
        state.sales[row] = CollateralSale(state.number(row, "sale"), column, lots, due)
        state.timers.set(due, "sale", account_key(state.accounts.names[row]))
        state.raise_to_clearing(row, "sale")
        _tell_offer(state, row, state.sales[row])


def sale_id(state: ShardState, row: int) -> str:
    """`book/account/sale number`, of the running sale."""
    return f"{state.book.name}/{state.accounts.names[row]}/{state.sales[row].number}"


def _tell_offer(state: ShardState, row: int, sale: CollateralSale) -> None:
    name = sale_id(state, row)
    state.tell(
        events.CollateralOffered(
            **state.stamp(name, sale.column),
            account=state.accounts.names[row],
            sale_id=name,
            asset=state.book.contracts[sale.column].name,
            lots=sale.lots,
            mark_ticks=state.book.price(sale.column),
            deadline_ms=sale.due_ms,
        )
    )


def _first_collateral(state: ShardState, holding: Holding) -> tuple[int, int] | None:
    """The asset to sell and the least lots whose value after haircut brings cash to zero, at most the balance."""
    held = [c for c, lots in enumerate(holding.positions) if lots > 0 and state.book.contracts[c].is_asset]
    if not held:
        return None
    column = min(held, key=lambda c: state.book.contracts[c].name)
    contract, price = state.book.contracts[column], state.book.price(column)
    if value_floor(contract, holding.positions[column], price) < -holding.cash:
        return column, holding.positions[column]
    return column, -(holding.cash * contract.den // (price * contract.num))
