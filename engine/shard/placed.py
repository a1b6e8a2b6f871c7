"""The rows of who meets lots in `@liquidation`, many at once (RULEBOOK 17.9, 17.22): each closes lots of one account,
at the mark, or at the money of what is deleveraged, from `@transit`.

It is what `rows` does for any row, without its cases: no fee, no order, no liquidation ends by it. Within one
instrument an account stands in one row, so all rows are taken from the columns, and written back, together.
"""

from __future__ import annotations

from itertools import groupby

import numpy as np

from engine.execution import row_cash
from engine.ledger import TRANSIT
from engine.numbers import BOUND, sign
from engine.shard.state import ShardState
from engine.value import entry_after
from schemas import events
from schemas.journal import Allocation
from schemas.rows import LotRow

Numbered = tuple[int, LotRow]
Move = tuple[int, int]  # signed lots and cash of the account
_TOLD = {"place": events.PositionPlaced, "offset": events.PositionOffset}


def place(state: ShardState, decision: Allocation) -> None:
    """All rows of our accounts, instrument by instrument."""
    row_of = state.accounts.row_of  # holders of ours: who stands in a place round has a row
    for name, rows in groupby(enumerate(decision.lot_rows), key=lambda item: item[1].instrument):
        own = [item for item in rows if item[1].account in row_of]
        if own:
            column = state.book.column_of[name]
            moves = _move(state, column, own)
            _say(state, decision, column, own, moves)


def _move(state: ShardState, column: int, rows: list[Numbered]) -> list[Move]:
    """Book the moves, and answer them."""
    accounts, contract = state.accounts, state.book.contracts[column]
    at = [accounts.row_of[row.account] for _, row in rows]
    held, entries = accounts.positions[at, column].tolist(), accounts.entries[at, column].tolist()
    cash = accounts.cash[at].tolist()
    moves: list[Move] = []
    for place, (_, row) in enumerate(rows):
        lots = accounts.wide[at[place]].positions[column] if at[place] in accounts.wide else held[place]
        closed = min(row.lots, abs(lots)) if lots * row.position > 0 else 0
        change, paid = -sign(row.position) * closed, row_cash(contract, row, closed)
        moves.append((change, paid))
        if not closed:
            state.triggers.touch([at[place]])
        elif at[place] in accounts.wide or abs(cash[place] + paid) >= BOUND:
            state.trade(at[place], column, change, paid, TRANSIT, is_flow=False)
            held[place], cash[place] = int(accounts.positions[at[place], column]), int(accounts.cash[at[place]])
            entries[place] = int(accounts.entries[at[place], column])
        else:
            entries[place] = entry_after(entries[place], held[place], change, -paid)
            held[place] += change
            cash[place] += paid
            state.ledger.add(TRANSIT, -paid)
            state.ledger.add_lots(TRANSIT, column, -change)
            state.triggers.dirty.update(accounts.member_rows(at[place]))
    accounts.positions[at, column] = np.array(held, np.int64)
    accounts.entries[at, column] = np.array(entries, np.int64)
    accounts.cash[at] = np.array(cash, np.int64)
    return moves


def _say(state: ShardState, decision: Allocation, column: int, rows: list[Numbered], moves: list[Move]) -> None:
    """One event and one report a row."""
    stamp = state.stamp("", column)
    del stamp["subject"]
    for (number, row), (lots, cash) in zip(rows, moves, strict=True):
        if lots:
            subject = f"{row.account}/{row.instrument}/{decision.allocation}"
            told = _TOLD[row.exit](
                subject=subject, account=row.account, instrument=row.instrument, lots=lots, cash_units=cash,
                mark_ticks=row.mark, **stamp,
            )  # fmt: skip
            state.tell(told)
        state.report_moved(decision.allocation, number, row.account, lots, cash)
