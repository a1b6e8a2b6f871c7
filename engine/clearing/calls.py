"""Assessments that were called (RULEBOOK 8, 17.23): what of each is unpaid, how they are paid, and what missing one is.

A call is a claim: `@assessment/<member>` is below zero by it. A contribution pays the member's calls first, oldest
first. Unpaid at its deadline, it is a default of the member: the rest is a loss of a window, whose layers take the
member's own contribution first, then call the others again within their caps, then go on.
"""

from __future__ import annotations

from engine.clearing import refills
from engine.clearing.dues import Call
from engine.clearing.state import ClearingState, Window
from engine.ledger import SUSPENSE, assessment
from engine.waterfall.settle import Settlement
from schemas import loss_events


def call(state: ClearingState, window: Window, done: Settlement) -> None:
    """What the window's assessments drew, member by member; due `call_ms` from now."""
    layer = window.waterfall.of_kind("assessment")
    if layer is None:
        return
    for name, units in sorted(done.paid.items()):
        member = name.removeprefix(assessment(""))
        if member != name:
            due = Call(member, window.number, units, state.book.clock_ms + layer.call_ms)
            state.calls.append(due)
            state.assessed[member] = state.assessed.get(member, 0) + units
            stamp = state.stamp(f"{window.number}/{member}")
            state.tell(
                loss_events.AssessmentCalled(
                    **stamp, member=member, window=window.number, amount_units=units, deadline_ms=due.deadline_ms
                )
            )


def receive(state: ClearingState, source: str, member: str, units: int) -> None:
    """A contribution: first to what the member was called for, the rest to its part of the guarantee fund."""
    for due in [due for due in state.calls if due.member == member]:
        paid = min(due.units, units)
        state.ledger.post(source, assessment(member), paid)
        due.units, units = due.units - paid, units - paid
    state.calls = [due for due in state.calls if due.units]
    refills.join(state, source, member, units)
    state.news |= state.winding == "begun"  # the payouts may have waited for it (17.25)


def missed(state: ClearingState) -> list[Call]:
    """Calls at their deadline, which are open no more; by deadline, then in the order called."""
    now = state.book.clock_ms
    late = sorted((due for due in state.calls if due.deadline_ms <= now), key=lambda due: due.deadline_ms)
    state.calls = [due for due in state.calls if due.deadline_ms > now]
    return late


def lose(state: ClearingState, window: Window, due: Call) -> None:
    """What was not paid is the member's loss, of the book's scope."""
    state.ledger.post(SUSPENSE, assessment(due.member), due.units)
    window.losses.add(due.member, state.book.name, due.units)
    refills.count(state, window)
    stamp = state.stamp(f"{due.window}/{due.member}")
    state.tell(loss_events.AssessmentMissed(**stamp, member=due.member, window=window.number, amount_units=due.units))
