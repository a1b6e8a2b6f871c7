"""The event window (RULEBOOK 7, 8): opened by a hole, closed by one allocation of everything that was lost in it."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from engine.clearing import allocating, calls, recoveries, refills, wind_down
from engine.clearing.state import Attempt, ClearingState, Window
from engine.layers import CHARGING
from engine.ledger import LIQUIDATION, SUSPENSE, TRANSIT, UNCOVERED
from engine.names import member_of
from engine.receipts import chained, snapshot
from engine.waterfall.losses import LIQUIDATION_MEMBER, Losses
from engine.waterfall.settle import Resources, Settlement, settle
from schemas import loss_events
from schemas.codes import Halt
from schemas.journal import Allocation, Answer, Declared, WindowOpened
from schemas.rows import Bankrupt, Charge


def open_window(state: ClearingState) -> None:
    """The decision on a first hole: contributions, weights, caps and versions are frozen here.

    The event names no hole: which report came first depends on the shards.
    """
    if state.window is not None or state.book.waterfall is None:
        return
    state.windows += 1
    now = state.book.clock_ms
    rules = state.book.parameters
    state.window = Window(
        state.windows, now, now, rules.window_ms, rules.window_max_ms, state.book.waterfall.at(now),
        state.contributions(), vests=rules.vest_gains, cure_ms=rules.cure_ms, recovers=rules.recoveries,
    )  # fmt: skip
    subject = str(state.windows)
    state.decide(WindowOpened(book=state.book.name, seq=state.book.seq, window=state.windows, subject=subject))
    frozen = snapshot(state.window.contributions)
    state.tell(loss_events.WindowOpenedEvent(**state.stamp(subject), window=state.windows, snapshot=frozen))


def is_due(state: ClearingState, window: Window) -> bool:
    """Whether `window_ms` have passed since the last default, or the opening."""
    return state.book.clock_ms >= window.last_default_ms + window.window_ms


def must_force(state: ClearingState, window: Window) -> bool:
    """Whether the window is at its end: holes are torn up, halts notwithstanding."""
    return state.book.clock_ms >= window.opened_ms + window.window_max_ms


def needs_round(state: ClearingState, window: Window) -> bool:
    """After a report, once when the window is due, once when it is at its end."""
    if state.news:
        return True
    if must_force(state, window) and not window.is_forced:
        window.is_forced = True
        return True
    if is_due(state, window) and not window.is_asked:
        window.is_asked = True
        return True
    return False


def settle_one(state: ClearingState, attempt: Attempt, found: Answer) -> bool:
    """Declare who has nothing left; else, when nothing is open any more, allocate the window's loss."""
    window = state.window
    if window is None:
        return False
    if found.bankrupts:
        return _declare(state, window, found.bankrupts)
    if found.holes or found.sales or state.is_placing() or not is_due(state, window):
        return False
    if not attempt.marker.gains and _reaches_gains(state, window):
        window.wants_gains, window.is_asked = True, False
        return False
    return _close(state, window, found)


def _reaches_gains(state: ClearingState, window: Window) -> bool:
    """Whether the loss goes as far as members' accounts: only then is every member asked for its numbers."""
    rank = next((layer.rank for layer in window.waterfall.layers if layer.kind in CHARGING), None)
    if rank is None:
        return False
    trial = Losses(
        {**window.losses.cells, (LIQUIDATION_MEMBER, state.book.name): max(0, -state.ledger.balance(LIQUIDATION))}
    )
    resources = Resources(state.book.name, state.ledger.cash, window.contributions, {}, assessed=state.assessed)
    done = settle(window.waterfall, trial, resources)
    return any(layer.drawn_units for layer in done.layers if layer.rank >= rank)


def bearing(state: ClearingState, window: Window) -> list[str] | UnsetType:
    """The instruments whose holders a layer charges, where a layer charges more than gains (17.23)."""
    layers = [x for x in window.waterfall.layers if x.kind in ("equity_haircut", "open_interest_charge")]
    charged = {x.instrument for x in layers}
    names = [x.name for x in state.book.contracts if x.name in charged and not x.is_asset]
    return names if layers else UNSET


def lose_calls(state: ClearingState) -> None:
    """Assessments and refills at their deadline: defaults of a window, opened for them if none is (17.23, 17.27)."""
    for due in calls.missed(state):
        open_window(state)
        if state.window is not None:
            calls.lose(state, state.window, due)
            _count(state, state.window)
    for due in refills.missed(state):
        open_window(state)
        if state.window is not None:
            refills.miss(state, state.window, due)
            _count(state, state.window)


def _declare(state: ClearingState, window: Window, bankrupts: list[Bankrupt]) -> bool:
    """Ask for the defaults (7); what each really was comes back as a report."""
    decision = Allocation(
        **allocating.next_allocation(state), kind="default", window=window.number, bankrupts=bankrupts
    )  # fmt: skip
    return allocating.allocate_round(state, decision)


def count_default(state: ClearingState, declared: Declared) -> None:
    """A default was declared: its shortfall joins the window's losses, by insurance scope."""
    window = state.window
    if window is None or not declared.scopes_units:
        return
    state.reserved.pop(declared.account, None)
    for scope, units in declared.scopes_units.items():
        window.losses.add(member_of(declared.account), scope, units)
    window.defaults += 1
    refills.count(state, window)
    _count(state, window)


def _count(state: ClearingState, window: Window) -> None:
    """The window's time begins anew with each default, and what it asked before says too little."""
    window.last_default_ms, window.is_asked, window.wants_gains = state.book.clock_ms, False, False


def _close(state: ClearingState, window: Window, found: Answer) -> bool:
    """One allocation for the whole window (8): draw the layers, charge the winners, name what is uncovered."""
    liquidation_loss = max(0, -state.ledger.balance(LIQUIDATION))
    if liquidation_loss:
        window.losses.add(LIQUIDATION_MEMBER, state.book.name, liquidation_loss)
        state.ledger.post(SUSPENSE, LIQUIDATION, liquidation_loss)
    before = window.losses.listing()
    lost = set(window.losses.members())
    gains = {gain.member: gain for gain in found.gains if gain.member not in lost}
    resources = Resources(
        state.book.name, dict(state.ledger.cash), window.contributions, gains, found.holders, state.assessed,
        window.vests,
    )  # fmt: skip
    total = window.losses.total()
    done = settle(window.waterfall, window.losses, resources)
    _require_met(total, window, done)
    _post(state, done)
    calls.call(state, window, done)
    refills.call(state, window, lost)
    wind_down.owe(state, window, done.uncovered)
    recoveries.keep(state, window, done)
    decision = Allocation(
        **allocating.next_allocation(state), kind="loss", window=window.number,
        charges=[Charge(account, units) for account, units in sorted(done.charges.items())],
    )  # fmt: skip
    if total:
        _tell_loss(state, window, before, liquidation_loss, total, done)
    stamp = state.stamp(str(window.number))
    state.tell(loss_events.WindowClosed(**stamp, window=window.number, defaults=window.defaults))
    state.window = None
    state.reserved.clear()
    allocating.allocate_round(state, decision)
    recoveries.release(state)
    if any(what in ("hole", "bankrupt") for what, _ in state.raised):
        open_window(state)  # reported since the marker: theirs is the next window
    return True


def _require_met(total: int, window: Window, done: Settlement) -> None:
    """Invariant 14.3: shares and uncovered are the loss, to the unit."""
    met = done.covered_units + done.uncovered
    if met != total or window.losses.total():
        raise Halt(f"window {window.number}: {met} units met of {total}")


def _post(state: ClearingState, done: Settlement) -> None:
    """Funds pay suspense; charges come from the shards; what is uncovered is a claim on its own name."""
    for name, units in done.paid.items():
        state.ledger.post(name, SUSPENSE, units)
    for name, units in done.premiums.items():
        state.ledger.post(SUSPENSE, name, units)
    state.ledger.post(TRANSIT, SUSPENSE, sum(done.charges.values()))
    state.ledger.post(UNCOVERED, SUSPENSE, done.uncovered)


def _tell_loss(
    state: ClearingState,
    window: Window,
    before: dict[str, dict[str, int]],
    liquidation_loss: int,
    total: int,
    done: Settlement,
) -> None:
    stamp = state.stamp(str(window.number))
    stamp["versions"] = {**stamp["versions"], "waterfall": window.waterfall.version}
    event = loss_events.LossAllocated(
        **stamp, window=window.number, shortfall_units=total, liquidation_loss_units=liquidation_loss,
        losses_units=before, layers=done.layers, draws=done.draws, uncovered_units=done.uncovered,
        contributions_units=window.contributions, snapshot=snapshot(window.contributions), previous=state.previous,
    )  # fmt: skip
    state.previous = chained(event)
    state.tell(event)
