"""Who could give lots against a batch (RULEBOOK 6.7, 17.22): the other side of it among our accounts, at the marker."""

from __future__ import annotations

from engine.deleveraging import price, score
from engine.deleveraging.room import most_lots
from engine.deleveraging.tiers import IN_PROFIT, LIQUIDATED, OTHERS
from engine.execution import bankruptcy_value
from engine.liquidation import maintenance_after
from engine.margin.statement import Line, Statement, wallet
from engine.shard import booking
from engine.shard.state import ShardState
from engine.value import value
from schemas.rows import Batch, Candidate


def candidates(state: ShardState, batch: Batch) -> list[Candidate]:
    """Holders of the other side with room for at least one lot, by (member, account)."""
    column, found = state.book.column_of[batch.instrument], list[Candidate]()
    for row in booking.holders(state, column):
        if state.accounts.take(row).positions[column] * batch.lots < 0:
            one = _candidate(state, row, column, batch)
            found += [one] if one.room else []
    return found


def _candidate(state: ShardState, row: int, column: int, batch: Batch) -> Candidate:
    own, contract, mark = state.statement(row), state.book.contracts[column], state.book.price(column)
    line = next(line for line in own.lines if line.column == column)
    a_lot = batch.paid_num, batch.paid_den
    room = most_lots(
        contract, mark, own, line, abs(batch.lots),
        requires=lambda left: maintenance_after(state.book, state.accounts, row, line, left),
        pays=lambda k: price.least_cash(a_lot, k),
    )  # fmt: skip
    profit = value(contract, line.lots, mark) - state.accounts.take(row).entries[column]
    tier = LIQUIDATED if row in state.liquidations else IN_PROFIT if profit > 0 else OTHERS
    rank = score.rank_ppm(_score(state, row, own, line, profit, batch.score))
    weight = score.risk_weight(own.equity, (line.notional, max(1, own.equity)), batch.power)
    return Candidate(state.accounts.names[row], tier, line.lots, room, rank, weight)


def _score(state: ShardState, row: int, own: Statement, line: Line, profit: int, rule: str) -> tuple[int, int]:
    """The score of 15.5 that the batch's rule names."""
    holding = state.accounts.take(row)
    if rule == "binance":
        return score.binance(profit, wallet(holding, own), 10**state.book.decimals, own.mm, own.equity)
    entry = holding.entries[line.column]
    if rule == "bitmex":
        return score.bitmex(profit, entry, line.value, bankruptcy_value(own, line, state.book.parameters.bears_whole))
    return score.hyperliquid(line.value, entry, line.notional, own.equity)
