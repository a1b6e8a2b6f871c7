"""Assessments: called, paid by contributions, missed (8, 17.23); their days by the calendar of the standard library."""

from __future__ import annotations

import calendar
from datetime import UTC, date, datetime, timedelta

from msgspec import UNSET

from tests.twin.state import MILLION, SUSPENSE, BookState, Call, Window
from tests.twin.values import post


def assessment_of(window: Window):
    return next((layer.said for layer in window.layers if layer.said.kind == "assessment"), None)


def call(book: BookState, window: Window, member: str, units: int) -> None:
    """A claim on the member, due `call_ms` from now."""
    if units == 0:
        return
    due = Call(book.clock + assessment_of(window).call_ms, member, window.number, units)
    book.calls.append(due)
    book.assessed[member] = book.assessed.get(member, 0) + units
    facts = {"amount": units, "deadline": due.deadline_ms}
    book.event("assessment-called", f"{window.number}/{member}", **facts)


def pay_calls(book: BookState, member: str, units: int) -> None:
    """Of what has just come to the member's contribution, its calls take what they lack, oldest first."""
    for due in book.calls:
        if due.member == member:
            paid = min(due.units, units)
            post(book, f"@guarantee/{member}", f"@assessment/{member}", paid)
            due.units, units = due.units - paid, units - paid
    book.calls = [due for due in book.calls if due.units]
    pay_refills(book, member, units)


def pay_refills(book: BookState, member: str, units: int) -> None:
    """What has joined the member's part of the fund (17.27)."""
    for due in book.refills:
        if due.member == member:
            paid = min(due.units, units)
            due.units, units = due.units - paid, units - paid
    book.refills = [due for due in book.refills if due.units]


def call_refills(book: BookState, window: Window) -> None:
    """Survivors below their contribution of the opening, within what the capped period leaves (17.27)."""
    said = assessment_of(window)
    if said is None or said.refill_ms is UNSET:
        return
    for member, then in sorted(window.contributions.items()):
        cap = then * said.multiple_ppm // MILLION - book.assessed.get(member, 0)
        units = min(then - book.account(f"@guarantee/{member}").cash, cap)
        if member not in window.defaulted and units > 0:
            book.refills.append(Call(book.clock + said.refill_ms, member, window.number, units))
            book.assessed[member] = book.assessed.get(member, 0) + units
            book.event("refill-called", f"{window.number}/{member}", amount=units, deadline=book.clock + said.refill_ms)


def miss_refills(book: BookState) -> None:
    """A default by which nobody lost, in the open window or one opened for it (17.27)."""
    from tests.twin.default import start_window

    late = [due for due in book.refills if due.deadline_ms <= book.clock]
    for due in sorted(late, key=lambda due: due.deadline_ms):
        book.refills.remove(due)
        if not book.window:
            start_window(book)
        window = book.window
        window.loss.setdefault((due.member, book.name), 0)
        window.defaulted.add(due.member)
        window.last_default_ms = book.clock
        count_default(book, window)
        book.event("refill-missed", f"{due.window}/{due.member}", window=window.number, amount=due.units)


def miss_calls(book: BookState) -> None:
    """At its deadline what is unpaid is the member's default, in the open window or one opened for it."""
    from tests.twin.default import start_window  # it needs the waterfall, which needs this

    late = [due for due in book.calls if due.deadline_ms <= book.clock]
    for due in sorted(late, key=lambda due: due.deadline_ms):
        book.calls.remove(due)
        if not book.window:
            start_window(book)
        window, cell = book.window, (due.member, book.name)
        window.loss[cell] = window.loss.get(cell, 0) + due.units
        window.defaulted.add(due.member)
        window.last_default_ms = book.clock
        post(book, SUSPENSE, f"@assessment/{due.member}", due.units)
        count_default(book, window)
        book.event("assessment-missed", f"{due.window}/{due.member}", window=window.number, amount=due.units)


def count_default(book: BookState, window: Window) -> None:
    """A default begins a capped period or moves its end, at most to the absolute limit (8)."""
    said = assessment_of(window)
    if said is None:
        return
    today = datetime.fromtimestamp(book.clock // 1000, UTC).date()
    if book.capped_until is None or today > book.capped_until:
        book.capped_from = book.capped_until = today
        book.assessed = {}
    limit = months_on(book.capped_from, said.period_months)
    book.capped_until = max(book.capped_until, min(business_days_on(today, said.period_days), limit))


def business_days_on(day: date, count: int) -> date:
    while count:
        day += timedelta(1)
        count -= day.weekday() < 5
    return day


def months_on(day: date, months: int) -> date:
    years, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, month + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))
