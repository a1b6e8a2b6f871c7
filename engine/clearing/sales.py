"""Selling collateral (RULEBOOK 7, 16.7, 17.11): `@operator` first, at the deadline the insurance fund of the book."""

from __future__ import annotations

from engine.clearing import allocating
from engine.clearing.state import ClearingState
from engine.ledger import OPERATOR, insurance
from engine.numbers import most_that_holds
from engine.value import notional
from schemas.journal import Allocation, Answer
from schemas.rows import Sale, SaleRow


def sell(state: ClearingState, found: Answer) -> bool:
    """Collateral: `@operator` while it can pay; at the deadline the insurance fund of the book takes the rest
    (17.11).
    """
    spent: dict[str, int] = {}
    rows = [row for sale in found.sales if sale.is_new or sale.is_due for row in _sell_one(state, sale, spent)]
    state.left = [what for what in state.left if what != "sale"]
    return bool(rows) and allocating.allocate_round(
        state, Allocation(**allocating.next_allocation(state), kind="sale", sales=rows)
    )


def _sell_one(state: ClearingState, sale: Sale, spent: dict[str, int]) -> list[SaleRow]:
    """Rows of one sale; `spent` is what the rows before it may take from each buyer."""
    column = state.book.column_of[sale.asset]
    contract, price = state.book.contracts[column], state.book.price(column)
    rows, lots = [], 0
    if sale.is_new:
        cash = max(0, state.ledger.balance(OPERATOR) - spent.get(OPERATOR, 0))
        lots = most_that_holds(sale.lots, lambda k: notional(contract, k, price) <= cash)
        lots = lots if notional(contract, lots, price) else 0  # nothing is sold for nothing
        rows.append(_buy(sale, lots, OPERATOR, price, notional(contract, lots, price), spent))
    if sale.is_due and lots < sale.lots:
        fund = insurance(state.book.name)
        cash = max(0, state.ledger.balance(fund) - spent.get(fund, 0))
        pay = min(cash, notional(contract, sale.lots - lots, price))
        rows.append(_buy(sale, sale.lots - lots, fund, price, pay, spent))
    return rows


def _buy(sale: Sale, lots: int, buyer: str, mark: int, pay: int, spent: dict[str, int]) -> SaleRow:
    spent[buyer] = spent.get(buyer, 0) + pay
    return SaleRow(sale.account, sale.number, sale.asset, lots, buyer, mark, pay)
