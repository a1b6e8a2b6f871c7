"""Rounds (RULEBOOK 2a.5): when to ask, when an answer is complete, and the one thing that is then decided.

What goes first: liquidations, positions to deleverage, those to place, collateral to sell, the window, what
comes back to accounts, a wind-down and its payouts, withdrawals. One round at a time.
"""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from engine.accounts import account_key
from engine.clearing import allocating, deleveraging, grants, placing, recoveries, releases, sales, wind_down, window
from engine.clearing.state import NEVER, Attempt, ClearingState, Round
from schemas.codes import Halt
from schemas.journal import Allocation, Answer, Marker
from schemas.rows import Candidate, Claim


def think(state: ClearingState) -> None:
    """Outside a round: ask when something needs one. Inside: ask again when its time is over."""
    if state.round is not None:
        if state.book.clock_ms >= state.round.deadline_ms:
            _mark(state, state.round)
    elif not state.expected and _needs_round(state):
        state.rounds += 1
        state.round = Round(state.rounds, NEVER)
        _mark(state, state.round)


def is_idle(state: ClearingState) -> bool:
    """Whether, until `next_due_ms`, neither a mark nor a plain trade can make the clearing house ask (runs)."""
    kinds = {what for what, _ in state.raised} | set(state.left)
    if state.round is not None or state.expected or state.is_placing() or kinds & {"liquidation", "sale"}:
        return False
    if state.window is not None:
        return not state.news
    return "withdrawal" not in kinds or "transfers" in state.book.halts


def _needs_round(state: ClearingState) -> bool:
    kinds = {what for what, _ in state.raised} | set(state.left)
    if "liquidation" in kinds or (state.deferred and state.book.clock_ms >= state.resume_ms):
        return True
    if "sale" in kinds or state.batches or (state.to_place() and state.place_tried != state.book.seq):
        return True
    if state.credits or state.winding == "due":
        return True
    if state.window is not None:
        return window.needs_round(state, state.window)
    if state.winding == "begun":  # who asked to leave waits for the payouts
        return state.news and wind_down.is_ready(state)
    return "withdrawal" in kinds and "transfers" not in state.book.halts


def _mark(state: ClearingState, asking: Round) -> None:
    """Write a marker; an older one of the same round stays valid, the first complete one counts."""
    gains = force = False
    bearing: list[str] | UnsetType = UNSET
    if state.window is not None:
        gains = state.window.wants_gains
        bearing = window.bearing(state, state.window) if gains else UNSET
        force = window.must_force(state, state.window)
    marker = Marker(
        book=state.book.name, seq=state.book.seq, round=asking.number, attempt=len(asking.attempts),
        settled=state.settled, place=state.to_place(), gains=gains, force=force, bearing=bearing,
        batch=state.batches[0] if state.batches else UNSET, claims=wind_down.is_ready(state) or UNSET,
    )  # fmt: skip
    asking.attempts.append(Attempt(marker))
    asking.deadline_ms = state.book.clock_ms + state.book.parameters.round_ms
    state.news = False
    state.decide(marker)


def stand(state: ClearingState, marker: Marker) -> None:
    """Our own marker came back: this is its place in the log, and our totals there (14.1, 14.2)."""
    asking = state.round
    if asking is None or asking.number != marker.round:
        return
    attempt = asking.attempts[marker.attempt]
    attempt.seq = state.book.seq
    attempt.cash_units = sum(state.ledger.cash.values())
    attempt.outside_units = state.ledger.outside_units
    for column, contract in enumerate(state.book.contracts):
        attempt.lots[contract.name] = sum(held.get(column, 0) for held in state.ledger.lots.values())


def hear(state: ClearingState, answer: Answer, shard: int, shards: int) -> None:
    """An answer of one of the `shards` in force at the marker; with the last of them the round is decided."""
    asking = state.round
    if asking is None or asking.number != answer.round:
        return
    attempt = asking.attempts[answer.attempt]
    attempt.answers[shard] = answer
    if len(attempt.answers) == shards:
        state.round = None
        _decide(state, attempt, union([attempt.answers[one] for one in sorted(attempt.answers)]))


def union(answers: list[Answer]) -> Answer:
    """The answers of all shards as one: rows sorted, totals summed. It names no shard (2a.4)."""
    first = answers[0]
    lots: dict[str, int] = {}
    for one in answers:
        for name, held in one.lots.items():
            lots[name] = lots.get(name, 0) + held
    return Answer(
        book=first.book, seq=first.seq, round=first.round, attempt=first.attempt,
        plans=sorted((x for one in answers for x in one.plans), key=lambda x: (x.seq, account_key(x.account))),
        waiting=sorted((x for one in answers for x in one.waiting), key=account_key),
        holes=sorted((x for one in answers for x in one.holes), key=lambda x: account_key(x.account)),
        bankrupts=sorted((x for one in answers for x in one.bankrupts), key=lambda x: (x.seq, account_key(x.account))),
        sales=sorted((x for one in answers for x in one.sales), key=lambda x: account_key(x.account)),
        releases=sorted((x for one in answers for x in one.releases), key=lambda x: (x.seq, account_key(x.account))),
        closed_targets=sorted(x for one in answers for x in one.closed_targets),
        holders=sorted(
            (x for one in answers for x in one.holders), key=lambda x: (x.instrument, account_key(x.account))
        ),
        gains=sorted((x for one in answers for x in one.gains), key=lambda x: x.member),
        cash_units=sum(one.cash_units for one in answers), lots=lots, outside_units=_sum_of_said(answers),
        candidates=_candidates_said(answers), claims=_claims_said(answers),
    )  # fmt: skip


def _candidates_said(answers: list[Answer]) -> list[Candidate] | UnsetType:
    """Of all shards, where the marker asked for a batch: without one nothing of it is written."""
    said = [one.candidates for one in answers if one.candidates is not UNSET]
    return sorted((x for one in said for x in one), key=lambda x: account_key(x.account)) if said else UNSET


def _claims_said(answers: list[Answer]) -> list[Claim] | UnsetType:
    """Of all shards, where the marker asked for them."""
    said = [one.claims for one in answers if one.claims is not UNSET]
    return sorted((x for one in said for x in one), key=lambda x: account_key(x.account)) if said else UNSET


def _sum_of_said(answers: list[Answer]) -> int | UnsetType:
    """Money outside, where the shards say it: all of them do, or none, by the rules at the marker."""
    said = [one.outside_units for one in answers if one.outside_units is not UNSET]
    return sum(said) if said else UNSET


def _decide(state: ClearingState, attempt: Attempt, found: Answer) -> None:
    """The first thing in the order of the module header that there is to decide; nothing else this round."""
    _require_conserved(attempt, found)
    state.raised = {key: seq for key, seq in state.raised.items() if seq > attempt.seq}
    sees = {"sale": any(one.is_new or one.is_due for one in found.sales), "withdrawal": bool(found.releases)}
    state.left = [what for what, is_seen in sees.items() if is_seen]
    if not found.releases:
        state.settled = max(state.settled, attempt.seq)
    _ = (
        _liquidate(state, found)
        or deleveraging.deleverage(state, attempt, found)
        or placing.place(state, attempt, found)
        or sales.sell(state, found)
        or window.settle_one(state, attempt, found)
        or _after_window(state, attempt, found)
        or releases.release(state, attempt, found)
    )


def _after_window(state: ClearingState, attempt: Attempt, found: Answer) -> bool:
    """What waits until a window that only lacked its members' gains has closed (17.25, 17.26)."""
    if state.window is not None and state.window.wants_gains and not attempt.marker.gains:
        return False
    return recoveries.pay(state) or wind_down.decide(state) or wind_down.pay_out(state, found)


def _require_conserved(attempt: Attempt, found: Answer) -> None:
    """Invariants 14.1 and 14.2 at the marker: accounts and ledgers of all readers sum to zero. A breach halts."""
    if attempt.cash_units + found.cash_units:
        raise Halt(f"money is not conserved: {attempt.cash_units + found.cash_units} units too many")
    for name, lots in found.lots.items():
        if attempt.lots.get(name, 0) + lots:
            raise Halt(f"lots of {name} are not conserved: {attempt.lots.get(name, 0) + lots} too many")


def _liquidate(state: ClearingState, found: Answer) -> bool:
    rows = grants.grant(state, found.plans)
    granted = {row.account for row in rows}
    left = [plan.account for plan in found.plans if plan.account not in granted]
    state.deferred = [*found.waiting, *left]
    state.resume_ms = _next_interval_ms(state)
    if not rows and not left:
        return False
    decision = Allocation(**allocating.next_allocation(state), kind="liquidation", lot_rows=rows, deferred=left)
    deleveraging.plan_batches(state, decision)
    return allocating.allocate_round(state, decision)


def _next_interval_ms(state: ClearingState) -> int:
    interval = state.book.parameters.interval_ms
    return (state.book.clock_ms // interval + 1) * interval
