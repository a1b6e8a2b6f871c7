"""The state of the clearing house, and the few ways in which it is written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from engine.book import Book, WindingDown
from engine.clearing.dues import Borne, Call, Uncured
from engine.layers import Waterfall
from engine.ledger import LIQUIDATION, Ledger
from engine.outbox import Outbox
from engine.shard.state import stamp
from engine.waterfall.assess import CappedPeriod
from engine.waterfall.losses import Losses
from schemas.events import Event
from schemas.journal import Allocation, Answer, Decision, Marker
from schemas.rows import Batch, Credit

NEVER = 2**62


@dataclass(slots=True)
class Attempt:
    """One marker of a round: where it stood, our totals there, and the answers so far by shard."""

    marker: Marker
    seq: int = -1
    cash_units: int = 0
    outside_units: int = 0
    lots: dict[str, int] = field(default_factory=dict)
    answers: dict[int, Answer] = field(default_factory=dict)


@dataclass(slots=True)
class Round:
    """Asked until one attempt is complete (2a.5)."""

    number: int
    deadline_ms: int
    attempts: list[Attempt] = field(default_factory=list)


@dataclass(slots=True)
class Window:
    """An event window (7). Contributions, waterfall and times are those of its opening.

    `is_asked`, `is_forced`: the round of its due time, of its end, was asked; `wants_gains`: it can close but for
    those. `vests`: whether gains vested only with the period when it opened. `cure_ms`: how long what it leaves
    uncovered may stay so, None: for ever. `recovers`: whether it is kept who bore its losses.
    """

    number: int
    opened_ms: int
    last_default_ms: int
    window_ms: int
    window_max_ms: int
    waterfall: Waterfall
    contributions: dict[str, int]
    defaults: int = 0
    losses: Losses = field(default_factory=Losses)
    is_forced: bool = False
    is_asked: bool = False
    wants_gains: bool = False
    vests: bool = False
    cure_ms: int | None = None
    recovers: bool = False


@dataclass(slots=True)
class ClearingState:
    """`calls`: assessments not yet paid, in the order called, `refills` the same of those; `assessed`: all that the
    capped `period` has called, by member. `raised`: what needs a round, by (what, account), with the cause seq of its
    latest report.
    `left`: kinds that the last round saw and did not come to; `place_tried`: the seq at which nobody could be placed
    with; `settled`: the seq up to which no withdrawal is pending. `news`: a report came since the last.

    `deferred` accounts wait for a grant until `resume_ms`: pace or a halt holds them back. `batches` are to be
    deleveraged, the first one next; `leaving` those of the running allocation, by row, until all is reported; `giving`
    the one that its rows give lots against, `given` how many so far; `reserved` what the layers before deleveraging
    owe to holes that left at the mark, by account and scope (17.22). `winding`: how far a wind-down is decided;
    how far it stands in the log the book knows. `credits`: what is to come to accounts of what came back (17.26).
    """

    book: Book
    ledger: Ledger = field(default_factory=Ledger)
    raised: dict[tuple[str, str], int] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)
    place_tried: int = -1
    settled: int = 0
    deferred: list[str] = field(default_factory=list)
    news: bool = False
    round: Round | None = None
    rounds: int = 0
    allocation: Allocation | None = None
    allocations: int = 0
    expected: set[int] = field(default_factory=set)
    window: Window | None = None
    windows: int = 0
    closed_on: dict[str, tuple[int, int]] = field(default_factory=dict)
    pace_interval: int = -1
    pace_used_units: int = 0
    resume_ms: int = 0
    placed_scope: str = ""
    previous: str = ""
    calls: list[Call] = field(default_factory=list)
    assessed: dict[str, int] = field(default_factory=dict)
    refills: list[Call] = field(default_factory=list)
    period: CappedPeriod | None = None
    batches: list[Batch] = field(default_factory=list)
    leaving: dict[int, Batch] = field(default_factory=dict)
    giving: Batch | None = None
    given: int = 0
    deleveragings: int = 0
    reserved: dict[str, dict[str, int]] = field(default_factory=dict)
    uncured: list[Uncured] = field(default_factory=list)
    winding: WindingDown = ""
    borne: list[Borne] = field(default_factory=list)
    recoveries: int = 0
    credits: list[Credit] = field(default_factory=list)
    out: Outbox = field(default_factory=Outbox)

    def to_place(self) -> list[str]:
        """Instruments whose lots lie in `@liquidation`, torn up."""
        columns = sorted(self.ledger.lots.get(LIQUIDATION, {}))
        return [self.book.contracts[column].name for column in columns if self.torn_lots(column)]

    def torn_lots(self, column: int) -> int:
        """Lots in `@liquidation` that are not to be deleveraged."""
        name = self.book.contracts[column].name
        return self.ledger.held(LIQUIDATION, column) - sum(one.lots for one in self.batches if one.instrument == name)

    def is_placing(self) -> bool:
        """Whether anything in `@liquidation` has still to go to somebody."""
        return bool(self.batches or self.to_place())

    @property
    def waterfall(self) -> Waterfall | None:
        """The window's, else what one that opened now would have."""
        if self.window is not None:
            return self.window.waterfall
        return None if self.book.waterfall is None else self.book.waterfall.at(self.book.clock_ms)

    def tell(self, event: Event) -> None:
        """An event for the world."""
        self.out.events.append(event)

    def decide(self, entry: Decision) -> None:
        """An entry for the log."""
        self.out.entries.append(entry)

    def stamp(self, subject: str, *columns: int) -> dict[str, Any]:
        """What every event of this moment shares."""
        return stamp(self.book, subject, *columns)

    def closed_lots(self, column: int, is_sell: bool) -> int:
        """`x`: lots that all accounts closed on that side, less what refilled since (6.5)."""
        contract = self.book.contracts[column]
        lots, at = self.closed_on.get(_side(contract.name, is_sell), (0, 0))
        return max(0, lots - contract.refill_lots_per_ms * (self.book.clock_ms - at))

    def close_lots(self, column: int, is_sell: bool, lots: int) -> None:
        """Lots granted stay counted, also those that are gone when the row is booked (6.9)."""
        name = self.book.contracts[column].name
        self.closed_on[_side(name, is_sell)] = (self.closed_lots(column, is_sell) + lots, self.book.clock_ms)

    def contributions(self) -> dict[str, int]:
        """The guarantee fund by member."""
        prefix = "@guarantee/"
        cash = self.ledger.cash
        return {name.removeprefix(prefix): units for name, units in sorted(cash.items()) if name.startswith(prefix)}


def _side(name: str, is_sell: bool) -> str:
    return f"{name}/{'sell' if is_sell else 'buy'}"
