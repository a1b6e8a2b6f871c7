"""Refills (RULEBOOK 8, 17.27): survivors bring back what a window took of their contributions; and capped periods.

A refill is no claim in the ledger: nothing was lost by it. Assessments and refills of one period stay below one cap.
"""

from __future__ import annotations

from collections.abc import Collection

from engine.calendar import day_of
from engine.clearing.dues import Call
from engine.clearing.state import ClearingState, Window
from engine.ledger import guarantee
from engine.waterfall.assess import assessment_cap, capped_period
from schemas import loss_events


def call(state: ClearingState, window: Window, lost: Collection[str]) -> None:
    """Each survivor, for what its contribution lacks of the opening's, within what the period leaves."""
    layer = window.waterfall.of_kind("assessment")
    if layer is None or not layer.refill_ms:
        return
    for member, units in window.contributions.items():
        short = units - state.ledger.balance(guarantee(member))
        used = state.assessed.get(member, 0)
        asked = min(short, assessment_cap(units, layer.multiple_ppm, used))
        if member not in lost and asked > 0:
            due = Call(member, window.number, asked, state.book.clock_ms + layer.refill_ms)
            state.refills.append(due)
            state.assessed[member] = used + asked
            stamp = state.stamp(f"{window.number}/{member}")
            state.tell(
                loss_events.RefillCalled(
                    **stamp, member=member, window=window.number, amount_units=asked, deadline_ms=due.deadline_ms
                )
            )


def join(state: ClearingState, source: str, member: str, units: int) -> None:
    """Money for the member's part of the fund; it pays what the member is to refill, oldest first."""
    state.ledger.post(source, guarantee(member), units)
    for due in [due for due in state.refills if due.member == member]:
        paid = min(due.units, units)
        due.units, units = due.units - paid, units - paid
    state.refills = [due for due in state.refills if due.units]


def missed(state: ClearingState) -> list[Call]:
    """Refills at their deadline, which are open no more; by deadline, then in the order called."""
    now = state.book.clock_ms
    late = sorted((due for due in state.refills if due.deadline_ms <= now), key=lambda due: due.deadline_ms)
    state.refills = [due for due in state.refills if due.deadline_ms > now]
    return late


def miss(state: ClearingState, window: Window, due: Call) -> None:
    """A default of the member by which nobody lost: it is no survivor of the window."""
    window.losses.add(due.member, state.book.name, 0)
    count(state, window)
    stamp = state.stamp(f"{due.window}/{due.member}")
    state.tell(loss_events.RefillMissed(**stamp, member=due.member, window=window.number, amount_units=due.units))


def count(state: ClearingState, window: Window) -> None:
    """A default begins a capped period, or moves the end of the running one; a new one forgets what was called."""
    layer = window.waterfall.of_kind("assessment")
    if layer is None:
        return
    day, before = day_of(state.book.clock_ms), state.period
    state.period = capped_period(before, day, layer.period_days, layer.period_months)
    if before is None or state.period.first_day != before.first_day:
        state.assessed = {}
