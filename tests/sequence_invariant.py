"""RULEBOOK 14.6: sequences have no gaps. What counts, and that each count goes 1, 2, 3 ... whatever happens.

`seq` counts the accepted inputs (17.1), and an entry or an event stands at the seq of the last input before it. Rounds,
allocations, windows, what an account raised, its calls, holes, sales and liquidations, and the orders of each
liquidation, are counted too; so are the records of each source of a log (2a.4).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from engine.book import Book
from schemas import events, loss_events
from schemas.events import Event
from schemas.inputs import Input
from schemas.journal import Allocation, AnyEntry, Marker, Raised
from streams.reader import Record

Count = tuple[tuple[str, ...], int]  # what is counted, and the number it has reached


class Sequences:
    """What each count has reached."""

    def __init__(self, seq: dict[str, int]) -> None:
        self.seq = seq
        self.reached: dict[tuple[str, ...], int] = {}

    def follow(self, journal: Sequence[Input | AnyEntry], told: Sequence[Event]) -> None:
        """Everything that was written and told since the last call."""
        before = dict(self.seq)
        for one in journal:
            self._place(one)
            for count in _counted_in_journal(one):
                self._next(*count)
        last: dict[str, int] = {}
        for event in told:
            least = last.get(event.book, min(self.seq[event.book], before.get(event.book, 0) + 1))
            assert least <= event.seq <= self.seq[event.book], f"14.6: {event.id} is told at {self.seq[event.book]}"
            last[event.book] = event.seq
            for count in _counted_in_events(event):
                self._next(*count)

    def require_seq(self, book: Book) -> None:
        """The book has counted what its journal holds."""
        assert book.seq == self.seq.get(book.name, 0), f"14.6: {book.name} is at seq {book.seq}, not {self.seq}"

    def _place(self, one: Input | AnyEntry) -> None:
        seq = self.seq.setdefault(one.book, 0)
        if isinstance(one, Input):
            self.seq[one.book] = seq + 1
        else:
            assert one.seq == seq, f"14.6: {one} stands after input {seq}"

    def _next(self, what: tuple[str, ...], number: int) -> None:
        expected = self.reached.get(what, 0) + 1
        assert number == expected, f"14.6: {what} goes from {expected - 1} to {number}"
        self.reached[what] = number


def _counted_in_journal(one: Input | AnyEntry) -> Iterator[Count]:
    if isinstance(one, Marker):
        if one.attempt:  # asked again: the attempts of a round are counted from 0
            yield (one.book, "attempt", str(one.round)), one.attempt
        else:
            yield (one.book, "round"), one.round
    elif isinstance(one, Allocation):
        yield (one.book, "allocation"), one.allocation
    elif isinstance(one, Raised):
        yield (one.book, "raised", one.account), one.number


def _counted_in_events(event: Event) -> Iterator[Count]:
    if isinstance(event, events.MarginCalled | loss_events.HoleFound):
        yield (event.book, event.kind, event.account), int(event.subject.rpartition("/")[2])
    elif isinstance(event, events.LiquidationTriggered):
        yield (event.book, event.kind, event.account), event.liquidation
    elif isinstance(event, events.LiquidationOrdered):
        liquidation, _, order = event.liquidation_id.rpartition("/")
        yield (liquidation, event.kind), int(order)
    elif isinstance(event, loss_events.WindowOpenedEvent | loss_events.WindowClosed):
        yield (event.book, event.kind), event.window


def require_whole_sources(log: Sequence[Record]) -> None:
    """Of a live log: what each source wrote is numbered from its beginning without a gap, whatever is there twice."""
    reached: dict[str, int] = {}
    for record in log:
        before = reached.get(record.source, 0)
        assert record.number <= before + 1, f"14.6: {record.source} goes from {before} to {record.number}"
        reached[record.source] = max(record.number, before)
