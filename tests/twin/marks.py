"""Marks: bands, held ticks, their acceptance (17.14)."""

from __future__ import annotations

from tests.twin.listed import Quoted
from tests.twin.state import MILLION, BookState


def within_band(quoted: Quoted, ticks: int, anchor: int) -> bool:
    return abs(ticks - anchor) * MILLION <= quoted.band_ppm * anchor


def tick(book: BookState, quoted: Quoted, ticks: int) -> None:
    """A tick is accepted at once, or held until enough agree (17.14)."""
    # READING: the time of a tick is the log's clock at its entry, as with every deadline (5), not its
    # time_ms.
    first, quoted.ticked, quoted.last_tick_ms, quoted.overdue = not quoted.ticked, True, book.clock, False
    if first or quoted.band_ppm == 0 or within_band(quoted, ticks, quoted.mark):
        accept(quoted, ticks)
        return
    if not quoted.held or not within_band(quoted, ticks, quoted.held[-1]):
        quoted.held, quoted.held_since_ms = [], book.clock
    quoted.held.append(ticks)
    if len(quoted.held) >= quoted.agree_ticks:
        accept_held(book, quoted)
    else:
        book.event("mark-held", quoted.name, mark=ticks, held=len(quoted.held))


def accept(quoted: Quoted, ticks: int) -> None:
    quoted.mark, quoted.held = ticks, []


def accept_held(book: BookState, quoted: Quoted) -> None:
    """The latest of the held ones is the mark (17.14)."""
    accept(quoted, quoted.held[-1])
    book.event("mark-accepted-late", quoted.name, mark=quoted.mark)


def hold_passed(book: BookState, quoted: Quoted) -> bool:
    """`hold_ms` after the first held one of the list (17.14)."""
    # READING: hold_ms = 0 switches acceptance by time off.
    return bool(quoted.held) and 0 < quoted.hold_ms <= book.clock - quoted.held_since_ms


def ask_governance(book: BookState) -> None:
    """Beyond `max_stale_ms` a settlement is due, told once until the next tick (6.8, 17.14)."""
    # READING: before there are rules and a waterfall nothing is told; it is told at the first entry after.
    for quoted in book.listing if book.rules and book.layers else ():
        late = 0 < quoted.max_stale_ms < book.clock - quoted.last_tick_ms
        if late and not quoted.overdue and not quoted.settled:
            quoted.overdue = True
            book.event("settlement-due", quoted.name, since=quoted.last_tick_ms)


def restart(book: BookState) -> None:
    """A venue restart: every instrument and asset awaits a tick (17.13)."""
    for quoted in book.listing:
        quoted.ticked, quoted.held = False, []
