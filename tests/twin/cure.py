"""What is uncovered, and what cures it (8, 17.25)."""

from __future__ import annotations

from msgspec import UNSET

from tests.twin.state import UNCOVERED, BookState, Uncured, Window
from tests.twin.values import post


def owe(book: BookState, window: Window, units: int) -> None:
    """What a window left uncovered gets its deadline, where the rules of its opening know one."""
    if units and window.cure_ms is not UNSET and not book.winding:
        book.uncured.append(Uncured(book.clock + window.cure_ms, units))


def count(book: BookState, units: int) -> None:
    """So much has just come to `@uncovered`; what it did not lack goes on to the insurance fund of the book."""
    beyond = max(0, book.account(UNCOVERED).cash)
    post(book, UNCOVERED, book.insurance(None).id, beyond)
    left = units - beyond
    for one in book.uncured:
        cured = min(one.units, left)
        one.units, left = one.units - cured, left - cured
    book.uncured = [one for one in book.uncured if one.units]


def watch(book: BookState) -> None:
    """With the timers: what is not cured at its deadline ends the book."""
    if any(one.deadline_ms <= book.clock for one in book.uncured):
        book.winding, book.uncured = "due", []
