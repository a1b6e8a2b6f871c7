"""What is uncovered, its cure, and the wind-down of a book where it is not cured (RULEBOOK 8, 17.25).

Every position is settled at its mark; what that leaves below zero goes the way of all losses. When nothing is open any
more, all that is held is shared over all claims, which is what is missing for each in the same part.
"""

from __future__ import annotations

from msgspec.structs import replace

from engine.accounts import account_key
from engine.clearing import allocating
from engine.clearing.dues import Uncured
from engine.clearing.state import ClearingState, Window
from engine.ledger import BACKSTOP, LIQUIDATION, OPERATOR, TRANSIT, UNCOVERED, estate, guarantee, insurance
from engine.receipts import share_out
from schemas import loss_events
from schemas.journal import Allocation, Answer, WindDown
from schemas.loss_events import Draw
from schemas.rows import Claim, Payout

OF_MEMBERS = (guarantee(""), estate(""))
FUNDS = (f"{OPERATOR}/", insurance(""), *OF_MEMBERS)


def owe(state: ClearingState, window: Window, units: int) -> None:
    """What a window left uncovered, to be cured within the time that was said when it opened."""
    if units and window.cure_ms is not None and not state.winding:
        state.uncured.append(Uncured(window.number, units, state.book.clock_ms + window.cure_ms))


def cure(state: ClearingState, source: str, units: int) -> None:
    """Money for what is uncovered, oldest deadline first; what is more goes to the insurance fund of the book."""
    paid = min(units, max(0, -state.ledger.balance(UNCOVERED)))
    state.ledger.post(source, UNCOVERED, paid)
    state.ledger.post(source, insurance(state.book.name), units - paid)
    for one in state.uncured:
        part = min(one.units, paid)
        one.units, paid = one.units - part, paid - part
    state.uncured = [one for one in state.uncured if one.units]


def watch(state: ClearingState) -> None:
    """At a deadline: the book is to be wound down, once."""
    if any(one.deadline_ms <= state.book.clock_ms for one in state.uncured):
        state.winding = "due"
        state.uncured.clear()


def decide(state: ClearingState) -> bool:
    """In a round that has nothing else to decide: the book ends here."""
    if state.winding != "due":
        return False
    state.winding = "begun"
    state.decide(WindDown(book=state.book.name, seq=state.book.seq))
    return True


def begin(state: ClearingState) -> list[int]:
    """The decision stands in the log: the columns that are settled by it, at the marks of this place."""
    columns = state.book.begin_wind_down()
    marks = {state.book.contracts[column].name: state.book.price(column) for column in columns}
    stamp = state.stamp(state.book.name, *columns)
    owed = -state.ledger.balance(UNCOVERED)
    state.tell(loss_events.WindDownBegun(**stamp, uncovered_units=owed, marks_ticks=marks))
    state.refills.clear()
    state.news = True
    return columns


def is_ready(state: ClearingState) -> bool:
    """Whether all may be asked for their claims: nobody's loss is being settled, and no call is open."""
    is_begun = state.winding == "begun" and bool(state.book.wind_down)
    return is_begun and state.window is None and not state.calls


def pay_out(state: ClearingState, found: Answer) -> bool:
    """One allocation of all that is held, when nothing is below zero or for sale any more."""
    asked = found.claims if is_ready(state) else None
    if not isinstance(asked, list) or found.holes or found.bankrupts or found.sales or state.is_placing():
        return False
    allocating.sweep(state)
    funds = [Claim(name, units) for name, units in state.ledger.cash.items() if _is_fund(name) and units > 0]
    claims = sorted([*asked, *funds], key=lambda one: one.account)
    total = sum(one.units for one in claims)
    held = max(0, total + sum(min(0, state.ledger.balance(name)) for name in (UNCOVERED, LIQUIDATION, BACKSTOP)))
    balances = {one.account: one.units for one in claims}
    rows = [(one.account, one.units, one.units) for one in claims]
    draw = share_out("wind-down", "claims", held, rows, balances.__getitem__)
    stamp = state.stamp(state.book.name)
    state.tell(loss_events.WindDownPaid(**stamp, held_units=held, claims_units=total, draw=draw))
    payouts = _post(state, draw)
    state.winding = "paid"
    fields = allocating.next_allocation(state)
    return allocating.allocate_round(state, Allocation(**fields, kind="wind_down", payouts=payouts))


def _is_fund(name: str) -> bool:
    return name in (OPERATOR, BACKSTOP) or name.startswith(FUNDS)


def _post(state: ClearingState, draw: Draw) -> list[Payout]:
    """What each lacks pays what is uncovered; contributions and estates go back to their members. Rows by account."""
    rows: dict[str, Payout] = {}
    for share in sorted(draw.shares, key=lambda one: one.payer.startswith("@")):
        prefix = next((one for one in OF_MEMBERS if share.payer.startswith(one)), "")
        account = share.payer.removeprefix(prefix)
        source = share.payer if share.payer.startswith("@") else TRANSIT
        state.ledger.post(source, UNCOVERED, share.after_units)
        if prefix and share.share_units:
            state.ledger.post(share.payer, TRANSIT, share.share_units)
            own = rows.get(account, Payout(account, 0, 0, 0))
            rows[account] = replace(own, returned_units=own.returned_units + share.share_units)
        elif source == TRANSIT:
            rows[account] = Payout(account, share.weight_units, share.share_units, 0)
    for name in (LIQUIDATION, BACKSTOP):
        state.ledger.post(UNCOVERED, name, max(0, -state.ledger.balance(name)))
    return [rows[name] for name in sorted(rows, key=account_key)]
