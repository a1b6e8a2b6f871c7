"""Trades on accounts (RULEBOOK 3, 6.4, 6.5, 17.9): legs as facts, fills of venue orders and of collateral sales."""

from __future__ import annotations

from engine import operations as op
from engine.execution import bankruptcy_cash, capped_fee, mark_cash
from engine.ledger import TRANSIT, insurance
from engine.life import Status
from engine.liquidation import Order
from engine.margin.statement import all_lots
from engine.shard import booking, collateral, payments, run
from engine.shard.state import ShardState
from schemas import events
from schemas.journal import Paid


def book_trade(state: ShardState, trade: op.Traded) -> None:
    """Both legs, as far as they are ours; `v` was computed once, for both (3)."""
    legs = [(name, lots) for name, lots in ((trade.buyer, trade.lots), (trade.seller, -trade.lots)) if state.owns(name)]
    for account, lots in legs:
        _book_leg(state, account, lots, trade)
    for account, lots in legs:
        _flag_limit(state, state.accounts.row_of[account], lots, trade.column)


def _book_leg(state: ShardState, account: str, lots: int, trade: op.Traded) -> None:
    row = state.accounts.open(account)
    is_sold = state.book.contracts[trade.column].is_asset and lots < 0
    if not is_sold or state.accounts.status_of(row) is not Status.BANKRUPT:
        booking.reopen(state, row)  # selling what is left of a bankrupt's collateral is no new life
    cash = -trade.value_units if lots > 0 else trade.value_units
    order = _order_filled(state, row, lots, trade)
    state.trade(row, trade.column, lots, cash, None, is_flow=order is None)
    if order is not None:
        run.fill(state, row, order, trade, _pay_fee(state, row, trade, order))
    elif lots < 0 and _is_sale_filled(state, row, trade):
        _fill_sale(state, row, trade)


def _order_filled(state: ShardState, row: int, lots: int, trade: op.Traded) -> Order | None:
    """The running order that this leg fills: its id, its contract, its side. The other side's leg is a plain trade."""
    running = state.liquidations.get(row)
    order = running.order if running is not None else None
    if order is None or order.id != trade.liquidation_id or order.column != trade.column:
        return None
    return order if lots * order.position < 0 else None


def _flag_limit(state: ShardState, row: int, lots: int, column: int) -> None:
    """A leg that adds beyond the limit, taken over the member's accounts, is booked and flagged (2a.3, 4)."""
    contract, account = state.book.contracts[column], state.accounts.names[row]
    held = all_lots(state.accounts, row, column)
    adds = state.accounts.take(row).positions[column] * lots > 0
    if adds and held > contract.limit_lots and not contract.is_asset:
        state.tell(
            events.LimitExceeded(
                **state.stamp(account, column),
                account=account,
                instrument=contract.name,
                lots=held,
                limit_lots=contract.limit_lots,
            )
        )


def _pay_fee(state: ShardState, row: int, trade: op.Traded, order: Order) -> int:
    """The fee of a venue fill (6.4), to the insurance fund of the scope; how much it was.

    It is capped by what would be left if the rest of the order filled at bankruptcy value: B is fixed for all fills of
    an order, so a fee taken from that part would make a solvent account insolvent.
    """
    contract, name, lots = state.book.contracts[trade.column], state.accounts.names[row], trade.lots
    mark, own = state.book.price(trade.column), state.accounts.take(row)
    rest = min(max(0, order.lots - order.filled - lots), abs(own.positions[trade.column]))
    at_mark = mark_cash(contract, order.position, rest, mark)
    at_worst = bankruptcy_cash(order.b_num, order.b_den, order.position, rest, order.filled + lots)
    left = state.statement(row).equity - max(0, at_mark - at_worst)
    units = capped_fee(contract, state.book.parameters.liquidation_fee_ppm, lots, mark, left)
    if units:
        state.pay(row, -units, TRANSIT)
        subject = f"{order.id}/{order.filled + lots}"
        fund = insurance(contract.scope)
        state.report(
            Paid(book=state.book.name, seq=state.book.seq, account=name, fund=fund, amount_units=units, subject=subject)
        )
    return units


def _is_sale_filled(state: ShardState, row: int, trade: op.Traded) -> bool:
    """Whether its seller's running sale is what a trade fills: its id, and its asset."""
    sale = state.sales.get(row)
    return sale is not None and sale.column == trade.column and trade.liquidation_id == collateral.sale_id(state, row)


def _fill_sale(state: ShardState, row: int, trade: op.Traded) -> None:
    """Buyers of collateral came by the venue's auction (17.11)."""
    sale = state.sales[row]
    payments.tell_sale(state, row, sale, trade.buyer, trade.lots, trade.value_units)
    sale.lots -= trade.lots
    if sale.lots <= 0:
        state.end_sale(row)
