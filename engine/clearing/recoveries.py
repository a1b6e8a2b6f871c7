"""Money recovered from a defaulter (RULEBOOK 8, 17.26): back to who bore its losses, last loser first; and its estate.

A window leaves, for each layer, whose losses it met and who paid into it. What comes back lowers both.
"""

from __future__ import annotations

from collections import Counter, deque

from engine.accounts import account_key
from engine.allocation import allocate
from engine.clearing import allocating, refills, wind_down
from engine.clearing.dues import Borne
from engine.clearing.state import ClearingState, Window
from engine.layers import CHARGING
from engine.ledger import TRANSIT, UNCOVERED, assessment, estate, guarantee
from engine.receipts import share_out
from engine.waterfall.settle import Settlement
from schemas import loss_events
from schemas.journal import Allocation
from schemas.loss_events import LayerDraw, Return
from schemas.rows import Credit


def keep(state: ClearingState, window: Window, done: Settlement) -> None:
    """Who bore the losses of a window, and what is left of its defaulters' contributions, for their estates."""
    if not window.recovers:
        return
    for layer in done.layers:
        if layer.drawn_units and layer.kind != "defaulter_contribution":
            state.borne.append(_borne(window, layer, done))
    for member in window.losses.members():
        units = state.ledger.balance(guarantee(member))
        if units:
            state.ledger.post(guarantee(member), estate(member), units)
            stamp = state.stamp(f"{window.number}/{member}")
            state.tell(loss_events.EstateHeld(**stamp, member=member, window=window.number, amount_units=units))


def _borne(window: Window, layer: LayerDraw, done: Settlement) -> Borne:
    owed, paid = Counter[str](), Counter[str]()
    for draw in (draw for draw in done.draws if draw.layer == layer.layer):
        for share in draw.shares:
            if draw.role == "losses":
                owed[share.payer.partition("\t")[0]] += share.share_units
            elif draw.role.startswith("accounts/") if layer.kind in CHARGING else draw.role == "payers":
                paid[share.payer] += share.share_units
    if layer.kind == "uncovered":
        paid[UNCOVERED] = layer.drawn_units
    members = {name: units for name, units in sorted(owed.items()) if units and not name.startswith("@")}
    return Borne(window.number, layer.rank, layer.layer, layer.kind, members, dict(sorted((+paid).items())))


def lacking(state: ClearingState, one: Borne, member: str) -> int:
    """What a layer bore of a member's losses and has not got back; of what is uncovered only what still is."""
    units = one.owed.get(member, 0)
    return min(units, max(0, -state.ledger.balance(UNCOVERED))) if one.kind == "uncovered" else units


def recover(state: ClearingState, member: str, units: int, source: str) -> None:
    """One recovery, and those that it makes of members which lost by it and owe others; then estates that are free."""
    waiting = deque([(member, units)])
    while waiting:
        one, amount = waiting.popleft()
        left, returns, onward = _flow_back(state, one, amount, source)
        state.ledger.post(source, estate(one), left)
        waiting.extend(sorted(onward.items()))
        state.recoveries += 1
        stamp = state.stamp(f"{one}/{state.recoveries}")
        state.tell(
            loss_events.RecoveryAllocated(
                **stamp, member=one, amount_units=amount, returns=returns, passed_on_units=dict(sorted(onward.items())),
                left_units=left,
            )
        )  # fmt: skip
    release(state)


def _flow_back(state: ClearingState, member: str, amount: int, source: str) -> tuple[int, list[Return], Counter[str]]:
    """Oldest window first, in it the last rank first; what is left, the receipts, and what goes on from whom."""
    returns, onward = list[Return](), Counter[str]()
    for place in sorted({(one.window, -one.rank) for one in state.borne if member in one.owed}):
        group = sorted((one for one in state.borne if (one.window, -one.rank) == place), key=lambda one: one.layer)
        caps = [lacking(state, one, member) for one in group]
        for one, units in zip(group, allocate(amount, caps, caps).shares.tolist(), strict=True):
            if units:
                amount -= units
                rows = [(payer, lost, lost) for payer, lost in one.paid.items()]
                draw = share_out(one.layer, "returns", units, rows, one.paid.__getitem__)
                returns.append(Return(one.window, one.kind, draw))
                one.owed[member] -= units
                one.paid = {share.payer: share.after_units for share in draw.shares if share.after_units}
                for share in (share for share in draw.shares if share.share_units):
                    _give_back(state, one, share.payer, share.share_units, source, onward)
    state.borne = [one for one in state.borne if any(one.owed.values())]
    return amount, returns, onward


def _give_back(state: ClearingState, one: Borne, payer: str, units: int, source: str, onward: Counter[str]) -> None:
    """To where it was taken from; a member that others bear losses of has it pass on to them."""
    if payer == UNCOVERED:
        wind_down.cure(state, source, units)
    elif payer.startswith("@"):
        state.ledger.post(source, payer, units)
    elif one.kind in CHARGING:
        _credit(state, source, payer, units, is_flow=False)
    elif any(lacking(state, other, payer) for other in state.borne):
        onward[payer] += units
    elif one.kind == "assessment":
        _give_back_call(state, one, payer, units, source)
    else:
        refills.join(state, source, payer, units)


def _give_back_call(state: ClearingState, one: Borne, payer: str, units: int, source: str) -> None:
    """What is still called is not called any more; what was paid is the member's again."""
    for due in state.calls:
        if (due.member, due.window) == (payer, one.window):
            part = min(units, due.units)
            state.ledger.post(source, assessment(payer), part)
            due.units, units = due.units - part, units - part
    state.calls = [due for due in state.calls if due.units]
    _credit(state, source, payer, units, is_flow=True)


def _credit(state: ClearingState, source: str, account: str, units: int, *, is_flow: bool) -> None:
    if units:
        state.ledger.post(source, TRANSIT, units)
        state.credits.append(Credit(account, is_flow, units))


def release(state: ClearingState) -> None:
    """Estates of whom nothing is lacking any more are paid out."""
    losing = state.window.losses.members() if state.window is not None else []
    for name in sorted(name for name, units in state.ledger.cash.items() if name.startswith(estate("")) and units):
        member, units = name.removeprefix(estate("")), state.ledger.balance(name)
        if member not in losing and not any(lacking(state, one, member) for one in state.borne):
            _credit(state, name, member, units, is_flow=True)
            state.recoveries += 1
            stamp = state.stamp(f"{member}/{state.recoveries}")
            state.tell(loss_events.EstatePaid(**stamp, member=member, amount_units=units))


def pay(state: ClearingState) -> bool:
    """All that has come for accounts since the last time, one row for what is a flow and one for what is none."""
    sums = Counter[tuple[str, bool]]()
    for one in state.credits:
        sums[one.account, one.is_flow] += one.units
    state.credits = []
    rows = [Credit(*key, sums[key]) for key in sorted(sums, key=lambda key: (account_key(key[0]), key))]
    fields = allocating.next_allocation(state) if rows else {}
    return bool(rows) and allocating.allocate_round(state, Allocation(**fields, kind="return", credits=rows))
