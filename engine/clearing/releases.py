"""Withdrawals leave by a round, outside a window (RULEBOOK 7, 17.7); while a loss is uncovered, in part (17.24)."""

from __future__ import annotations

from msgspec import UNSET

from engine.clearing import allocating, calls, wind_down
from engine.clearing.state import Attempt, ClearingState
from engine.ledger import TRANSIT, UNCOVERED, guarantee
from engine.waterfall.leaving import leaving, withdrawal_factor
from schemas.codes import Code
from schemas.journal import Allocation, Answer
from schemas.rows import Release


def release(state: ClearingState, attempt: Attempt, found: Answer) -> bool:
    """Withdrawals leave outside a window (7)."""
    waits = state.window is not None or state.winding in ("due", "begun") or "transfers" in state.book.halts
    if waits or not found.releases:
        return False
    closed, rows = set(found.closed_targets), []
    state.left = [what for what in state.left if what != "withdrawal"]
    for one in found.releases:
        code = int(Code.ACCOUNT_CLOSED) if not one.code and one.seq in closed else one.code
        rows.append(Release(one.seq, one.account, one.id, one.asset, one.amount, one.target, code))
        if not code and one.target is not None and one.target.startswith("@"):
            calls.receive(state, TRANSIT, one.target.removeprefix(guarantee("")), one.amount)
    left = UNSET if found.outside_units is UNSET else _leave(state, rows, attempt.outside_units + found.outside_units)
    fields = allocating.next_allocation(state)
    return allocating.allocate_round(
        state, Allocation(**fields, kind="release", releases=rows, upto=attempt.seq, left_units=left)
    )


def _leave(state: ClearingState, rows: list[Release], outside_units: int) -> list[int]:
    """What stays of each release: its part of what is uncovered, where money leaves the book (17.24)."""
    owed, left = -state.ledger.balance(UNCOVERED), []
    factor = withdrawal_factor(owed, [max(0, -outside_units)])
    for row in rows:
        stays = 0
        if not row.code and row.asset is None and row.target is None:
            stays = min(leaving(row.amount, factor)[1], owed)
        left.append(stays)
        owed -= stays
    wind_down.cure(state, TRANSIT, sum(left))
    return left
