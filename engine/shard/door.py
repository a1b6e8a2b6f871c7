"""The one door of a margin shard: every entry of the log comes in here, in order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine import operations as op
from engine.book import Book
from engine.outbox import Outbox
from engine.shard import answers, booking, leaving, rows, run, trades, watch
from engine.shard.look import look, tear_hole
from engine.shard.state import ShardState
from schemas.journal import Allocation, AnyEntry, Marker, WindDown, WindowOpened

EFFECTS: dict[type, Callable[[ShardState, Any], None]] = {
    op.Traded: trades.book_trade,
    op.Deposited: booking.deposit,
    op.Asked: leaving.ask,
    op.Funded: booking.fund,
    op.Settled: booking.settle,
    op.Ordered: booking.set_orders,
    op.AccountOpened: booking.open_account,
    op.AccountClosed: booking.close_account,
    op.PeriodEnded: lambda state, _: booking.end_period(state),
}


class Shard:
    """Folds the log for the accounts of shard `index` of `shards`.

    `apply` for inputs, `read` for reports and decisions.
    """

    def __init__(self, book: Book, index: int = 0, shards: int = 1) -> None:
        self.state = ShardState(book, index, shards)
        self.state.sync()

    def apply(self, step: op.Step) -> Outbox:
        """One step of an accepted input: its effect, then a look at every account that it could touch (17.2)."""
        state, operation = self.state, step.operation
        state.out = Outbox()
        if isinstance(operation, op.Marked):
            if operation.is_accepted:
                watch.tick(state, operation.column, operation.price)
            else:
                watch.look_at(state)
        elif isinstance(operation, op.Advanced):
            self._wake()
        else:
            self._effect(operation)
            watch.look_at(state)
        return state.out

    def _effect(self, operation: op.Operation) -> None:
        if isinstance(operation, op.Changed | op.Settled):
            if isinstance(operation, op.Settled):
                booking.settle(self.state, operation)
            self.state.sync()
            if isinstance(operation, op.Changed) and operation.what == "listing":
                self.state.accounts.refit(self.state.book.contracts)
        else:
            effect = EFFECTS.get(type(operation))
            if effect is not None:
                effect(self.state, operation)

    def read(self, entry: AnyEntry) -> Outbox:
        """A decision of the clearing house; reports change nothing here."""
        state = self.state
        state.out = Outbox()
        if isinstance(entry, Marker):
            state.report(answers.answer(state, entry))
            return state.out
        if isinstance(entry, WindowOpened):
            state.is_window_open = True
        elif isinstance(entry, WindDown):
            booking.wind_down(state)
            watch.look_at(state)
        elif isinstance(entry, Allocation):
            rows.apply(state, entry)
            watch.look_at(state)
        return state.out

    def next_due_ms(self) -> int | None:
        """When the next timer is due."""
        return self.state.timers.next_ms()

    def _wake(self) -> None:
        """Timers that are due, in the order of 17.2d; what they touched is looked at after the input's own effect."""
        state = self.state
        while (due := state.timers.due(state.book.clock_ms)) is not None:
            kind, account = due
            row = state.accounts.row_of[account]
            if kind == "call":
                self._call_due(row)
            elif kind == "order":
                run.expire(state, row)
            elif kind == "sale":
                self._sale_due(row)
            elif row in state.holes and state.holes[row] <= state.book.clock_ms:
                tear_hole(state, row)

    def _call_due(self, row: int) -> None:
        """Looked at at once, if the call still runs: the timer of a call that was met wakes nobody (17.2)."""
        state = self.state
        if row in state.calls and state.calls[row][0] <= state.book.clock_ms:
            state.overdue.add(row)
            look(state, row)
            state.triggers.touch([row])

    def _sale_due(self, row: int) -> None:
        sale = self.state.sales.get(row)
        if sale is not None and sale.due_ms <= self.state.book.clock_ms:
            sale.is_due = True
            self.state.raise_to_clearing(row, "sale")
