"""The state of a margin shard, and the few ways in which it is written."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.accounts import Accounts, Holding
from engine.book import Book
from engine.ledger import Ledger
from engine.liquidation import Liquidation, interval_of
from engine.margin.columns import Columns
from engine.margin.statement import Statement, statement
from engine.names import member_of
from engine.operations import Asked
from engine.outbox import Outbox
from engine.tiers import Tiers
from engine.timers import Timers
from engine.value import entry_after, value
from schemas.codes import Code
from schemas.events import Event, Refusal
from schemas.journal import AnyEntry, Moved, Raised, What


@dataclass(slots=True)
class CollateralSale:
    """Collateral waiting for buyers; after `due_ms` the insurance fund takes the rest (17.11)."""

    number: int
    column: int
    lots: int
    due_ms: int
    is_new: bool = True
    is_due: bool = False


@dataclass(slots=True)
class ShardState:
    """Shard `index` of `shards`.

    `counts` are the running numbers by account.
    `asked` are withdrawals that wait for their release, by account and seq;
    `calls` the deadline and number of running margin calls, `overdue` those
    whose timer fired; `holes` until when what is below zero is to be closed.
    """

    book: Book
    index: int
    shards: int
    accounts: Accounts = field(default_factory=Accounts)
    ledger: Ledger = field(default_factory=Ledger)
    liquidations: dict[int, Liquidation] = field(default_factory=dict)
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    holes: dict[int, int] = field(default_factory=dict)
    sales: dict[int, CollateralSale] = field(default_factory=dict)
    bankrupt: dict[int, tuple[int, list[tuple[str, int]]]] = field(default_factory=dict)
    calls: dict[int, tuple[int, int]] = field(default_factory=dict)
    overdue: set[int] = field(default_factory=set)
    blocked: set[int] = field(default_factory=set)
    asked: dict[str, dict[int, Asked]] = field(default_factory=dict)
    defaulted: set[int] = field(default_factory=set)
    pace: dict[int, tuple[int, int]] = field(default_factory=dict)
    moves_in: dict[int, str] = field(default_factory=dict)
    timers: Timers = field(default_factory=Timers)
    triggers: Tiers = field(default_factory=Tiers)
    columns: Columns = field(default_factory=lambda: Columns([], []))
    out: Outbox = field(default_factory=Outbox)
    is_window_open: bool = False
    period_waits: bool = False

    def owns(self, account: str) -> bool:
        """Whether the account's member is placed here (2a.2)."""
        return not account.startswith("@") and (self.shards == 1 or place(account, self.shards) == self.index)

    def statement(self, row: int) -> Statement:
        """The margin statement of a row at the present marks."""
        return statement(self.book, self.accounts, row)

    def equities(self) -> list[int]:
        """Equity of every row at the present marks."""
        found: list[int] = self.columns.equity(self.accounts, self.rows()).tolist()
        for row in self.accounts.wide:
            found[row] = self.statement(row).equity
        return found

    def gain(self, row: int, equity: int) -> int:
        """`G = equity - equity at start - flows` of the period (17.8); below zero it is a loss."""
        wide = self.accounts.wide.get(row)
        if wide is not None:
            return equity - wide.start - wide.flows
        return equity - int(self.accounts.start[row]) - int(self.accounts.flows[row])

    def pay(self, row: int, units: int, against: str | None, *, is_flow: bool = False) -> None:
        """Cash to (or from) an account, the other side to a named part of the ledger; None when it is posted
        elsewhere.
        """
        holding = self.accounts.take(row)
        holding.cash += units
        holding.flows += units if is_flow else 0
        if against is not None:
            self.ledger.add(against, -units)
        self.write(row, holding)

    def trade(self, row: int, column: int, lots: int, cash: int, against: str | None, *, is_flow: bool) -> None:
        """Signed `lots` come to an account and `cash` with them. What differs from the mark counts as flow (17.8)."""
        holding, contract = self.accounts.take(row), self.book.contracts[column]
        holding.entries[column] = entry_after(holding.entries[column], holding.positions[column], lots, -cash)
        holding.positions[column] += lots
        holding.cash += cash
        if is_flow:
            holding.flows += value(contract, lots, self.book.price(column)) + cash
        if against is not None:
            self.ledger.add(against, -cash)
            self.ledger.add_lots(against, column, -lots)
        self.write(row, holding)

    def write(self, row: int, holding: Holding) -> None:
        """Put a holding back; its member's accounts will be looked at."""
        self.accounts.put(row, holding, self.book.contracts)
        self.triggers.touch(self.accounts.member_rows(row))

    def number(self, row: int, what: str) -> int:
        """The running number of calls, liquidations, holes or sales of an account: two at one seq have two ids."""
        counts = self.counts.setdefault(self.accounts.names[row], {})
        counts[what] = counts.get(what, 0) + 1
        self.accounts.changed.add(row)
        return counts[what]

    def used_pace(self, row: int) -> int:
        """Notional that an account has closed in the present interval (6.2)."""
        interval, units = self.pace.get(row, (-1, 0))
        return units if interval == interval_of(self.book) else 0

    def use_pace(self, row: int, units: int) -> None:
        """Count notional against the account's interval."""
        self.pace[row] = (interval_of(self.book), self.used_pace(row) + units)

    def end_sale(self, row: int) -> None:
        """A collateral sale is over by a trade, or its reason is gone; a window may have waited for it."""
        if self.sales.pop(row, None) is not None:
            self.raise_to_clearing(row, "cured")

    def end_call(self, row: int) -> int:
        """A margin call is over, met or not; its number, 0 when there was none."""
        self.overdue.discard(row)
        return self.calls.pop(row, (0, 0))[1]

    def tell(self, event: Event) -> None:
        """An event for the world."""
        self.out.events.append(event)

    def report(self, entry: AnyEntry) -> None:
        """An entry for the log."""
        self.out.entries.append(entry)

    def report_moved(self, allocation: int, row: int, account: str, lots: int, cash: int, fee: int = 0) -> None:
        """What one row of an allocation moved: signed lots, cash and fee of the account."""
        self.report(
            Moved(
                book=self.book.name, seq=self.book.seq, allocation=allocation, row=row, account=account, lots=lots,
                cash_units=cash, fee_units=fee,
            )
        )  # fmt: skip

    def raise_to_clearing(self, row: int, what: What) -> None:
        """Report that an account needs a round."""
        account = self.accounts.names[row]
        number = self.number(row, "raised")
        self.report(Raised(book=self.book.name, seq=self.book.seq, account=account, what=what, number=number))

    def refuse(self, code: Code, reason: str) -> None:
        """The input that is being applied is refused by the account it concerns."""
        self.out.refusals.append(Refusal(seq=self.book.seq, code=int(code), reason=reason))

    def stamp(self, subject: str, *columns: int) -> dict[str, Any]:
        """What every event of this moment shares."""
        return stamp(self.book, subject, *columns)

    def sync(self) -> None:
        """The common data changed: new columns, new brackets; every row must be looked at."""
        self.accounts.widen(len(self.book.contracts))
        self.accounts.sort_out([column for column, one in enumerate(self.book.contracts) if one.is_exact])
        self.columns = Columns(self.book.contracts, [mark.price for mark in self.book.marks])
        self.triggers.reset(len(self.book.contracts))
        self.triggers.touch(list(range(len(self.accounts))))

    def rows(self) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """All rows."""
        return np.arange(len(self.accounts), dtype=np.int64)


def place(account: str, shards: int) -> int:
    """The shard of an account: a hash of its member, so that siblings stay together."""
    return zlib.crc32(member_of(account).encode()) % shards


def stamp(book: Book, subject: str, *columns: int) -> dict[str, Any]:
    """Book, seq, time, subject and the versions in force, for an event of this moment."""
    versions = {"parameters": book.parameters.version, "waterfall": book.waterfall.version if book.waterfall else 0}
    for column in columns:
        versions[f"instrument/{book.contracts[column].name}"] = book.contracts[column].version
    return {"book": book.name, "seq": book.seq, "time_ms": book.clock_ms, "subject": subject, "versions": versions}
