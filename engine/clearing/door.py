"""The one door of the clearing house: every entry of the log comes in here, in order."""

from __future__ import annotations

from engine import operations as op
from engine.book import Book
from engine.clearing import allocating, calls, deleveraging, recoveries, rounds, wind_down, window
from engine.clearing.state import ClearingState
from engine.ledger import (
    BACKSTOP,
    LIQUIDATION,
    MARKET,
    OUTSIDE,
    ROUNDING,
    TRANSIT,
    UNCOVERED,
    estate,
    insurance,
)
from engine.numbers import PPM, div_up
from engine.outbox import Outbox
from engine.value import value
from schemas import events
from schemas.journal import Allocation, Answer, AnyEntry, Declared, Marker, Moved, Paid, Raised, WindDown

COUNTERPARTY = {"market": MARKET, "backstop": BACKSTOP} | dict.fromkeys(
    ("tear", "place", "deleverage", "offset"), LIQUIDATION
)


class Clearing:
    """Folds the log for funds, windows and rounds. `apply` for inputs, `read` for reports and decisions."""

    def __init__(self, book: Book) -> None:
        self.state = ClearingState(book)

    def apply(self, step: op.Step) -> Outbox:
        """One step of an accepted input."""
        self.state.out = Outbox()
        self._effect(step.operation)
        if self.state.book.is_ready:
            rounds.think(self.state)
        return self.state.out

    def read(self, entry: AnyEntry, shard: int = 0, shards: int = 1) -> Outbox:
        """A report of `shard` of `shards`, or our own decision come back."""
        state = self.state
        state.out = Outbox()
        if isinstance(entry, Marker):
            rounds.stand(state, entry)
        elif isinstance(entry, Answer):
            rounds.hear(state, entry, shard, shards)
        elif isinstance(entry, Raised):
            state.raised[entry.what, entry.account] = entry.seq
            state.news = True
            if entry.what in ("hole", "bankrupt"):
                window.open_window(state)
        elif isinstance(entry, Moved | Declared):
            self._moved(entry)
        elif isinstance(entry, Paid):
            state.ledger.post(TRANSIT, entry.fund, entry.amount_units)
        elif isinstance(entry, WindDown):
            for column in wind_down.begin(state):
                self._settle(op.Settled(column, state.book.price(column)))
        elif isinstance(entry, Allocation) and entry.kind == "wind_down":
            state.book.wind_down = "paid"
        rounds.think(state)
        return state.out

    def next_due_ms(self) -> int | None:
        """When time alone next makes the clearing house act."""
        state, due = self.state, []
        if state.round is not None:
            due.append(state.round.deadline_ms)
        due += [call.deadline_ms for call in (*state.calls, *state.refills)]
        due += [one.deadline_ms for one in state.uncured]
        if state.deferred:
            due.append(state.resume_ms)
        if state.window is not None:
            one = state.window
            due += [one.last_default_ms + one.window_ms] if not one.is_asked else []
            due += [one.opened_ms + one.window_max_ms] if not one.is_forced else []
        return min(due, default=None)

    def _effect(self, operation: op.Operation) -> None:
        state = self.state
        if isinstance(operation, op.Traded):
            self._trade(operation)
        elif isinstance(operation, op.Deposited):
            if operation.account == UNCOVERED:
                wind_down.cure(state, OUTSIDE, operation.amount)
            elif operation.account.startswith("@"):
                state.ledger.post(OUTSIDE, operation.account, operation.amount)
        elif isinstance(operation, op.Contributed):
            calls.receive(state, OUTSIDE, operation.member, operation.amount)
        elif isinstance(operation, op.Recovered):
            self._recover(operation)
        elif isinstance(operation, op.Marked):
            self._tell_mark(operation)
        elif isinstance(operation, op.Advanced):
            window.lose_calls(state)
            wind_down.watch(state)
            self._tell_overdue(operation)
        elif isinstance(operation, op.Funded):
            self._fund(operation)
        elif isinstance(operation, op.Settled):
            self._settle(operation)
        elif isinstance(operation, op.Changed):
            state.resume_ms = 0

    def _recover(self, recovered: op.Recovered) -> None:
        """What came back of a defaulter; a book that ended meanwhile takes nothing any more (17.25)."""
        member, units, source = recovered.member, recovered.amount, OUTSIDE
        if recovered.is_held:
            source = estate(member)
            units = min(units, self.state.ledger.balance(source))
        if units and not self.state.book.wind_down:
            recoveries.recover(self.state, member, units, source)

    def _trade(self, trade: op.Traded) -> None:
        """Legs of the named accounts that may trade: `@market` and `@backstop`."""
        for name, side in ((trade.buyer, 1), (trade.seller, -1)):
            if name.startswith("@"):
                self.state.ledger.add(name, -side * trade.value_units)
                self.state.ledger.add_lots(name, trade.column, side * trade.lots)

    def _fund(self, funded: op.Funded) -> None:
        """Named holders pay like all others (17.4); the clearing house tells the world."""
        state, name = self.state, self.state.book.contracts[funded.column].name
        for holder in sorted(state.ledger.lots):
            if holder in (MARKET, BACKSTOP, LIQUIDATION):
                units = div_up(state.ledger.held(holder, funded.column) * funded.delta, PPM)
                state.ledger.post(holder, ROUNDING, units)
        stamp = state.stamp(name, funded.column)
        state.tell(events.FundingApplied(**stamp, instrument=name, index_delta=funded.delta))

    def _settle(self, settled: op.Settled) -> None:
        state, contract = self.state, self.state.book.contracts[settled.column]
        state.batches = [batch for batch in state.batches if batch.instrument != contract.name]
        for holder in sorted(state.ledger.lots):
            lots = state.ledger.held(holder, settled.column)
            if holder in (MARKET, BACKSTOP, LIQUIDATION) and lots:
                state.ledger.post(ROUNDING, holder, value(contract, lots, settled.price))
                state.ledger.post_lots(holder, OUTSIDE, settled.column, lots)
        stamp = state.stamp(contract.name, settled.column)
        state.tell(events.InstrumentSettled(**stamp, instrument=contract.name, price_ticks=settled.price))

    def _tell_mark(self, marked: op.Marked) -> None:
        state, name = self.state, self.state.book.contracts[marked.column].name
        if not state.book.is_ready or (marked.is_accepted and not marked.is_late):
            return
        stamp = state.stamp(name, marked.column)
        if marked.is_late:
            state.tell(events.MarkAcceptedLate(**stamp, instrument=name, price_ticks=marked.price))
        else:
            mark = state.book.price(marked.column)
            state.tell(events.MarkHeld(**stamp, instrument=name, price_ticks=marked.price, mark_ticks=mark))

    def _tell_overdue(self, advanced: op.Advanced) -> None:
        """Marks that wait for governance (6.8, 17.14)."""
        state = self.state
        for column in advanced.overdue:
            name, mark = state.book.contracts[column].name, state.book.marks[column]
            stamp = state.stamp(name, column)
            state.tell(events.SettlementDue(**stamp, instrument=name, mark_ticks=mark.price, since_ms=mark.tick_ms))

    def _moved(self, moved: Moved | Declared) -> None:
        """The other side of what a row moved (2a.7); after the last one `@liquidation` is swept."""
        state, decision = self.state, self.state.allocation
        if decision is None or decision.allocation != moved.allocation or moved.row not in state.expected:
            return
        if isinstance(moved, Declared):
            window.count_default(state, moved)
        elif decision.kind == "sale":
            sold = decision.sales[moved.row]
            self._take(sold.buyer, state.book.column_of[sold.asset], moved)
        else:
            row = decision.lot_rows[moved.row]
            self._take(COUNTERPARTY[row.exit], state.book.column_of[row.instrument], moved)
            deleveraging.moved(state, moved, row)
        state.expected.discard(moved.row)
        state.news = True
        allocating.finish(state)

    def _take(self, other: str, column: int, moved: Moved) -> None:
        """The other side of lots and cash, from `@transit`, and the fee to the insurance fund of the scope."""
        ledger, contract = self.state.ledger, self.state.book.contracts[column]
        ledger.post(other, TRANSIT, moved.cash_units)
        ledger.post_lots(other, TRANSIT, column, moved.lots)
        ledger.post(TRANSIT, insurance(contract.scope), moved.fee_units)
