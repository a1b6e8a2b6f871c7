"""A shard's answer to a marker (RULEBOOK 2a.5): its numbers as of the marker's place in the log."""

from __future__ import annotations

from msgspec import UNSET

from engine import liquidation
from engine.accounts import account_key
from engine.life import Status
from engine.names import member_of
from engine.operations import Asked
from engine.shard import booking, leaving, run, watch
from engine.shard.candidates import candidates
from engine.shard.look import tear_hole
from engine.shard.state import ShardState
from schemas.journal import Answer, Marker
from schemas.rows import Bankrupt, Claim, Gain, Holder, Hole, Plan, Release, Sale


def answer(state: ShardState, marker: Marker) -> Answer:
    """Everything that a round may be about. Liquidations that are cured at the marker end here (6.9)."""
    state.moves_in = {seq: to for seq, to in state.moves_in.items() if seq > marker.settled}
    if marker.force:
        for row in state.accounts.in_order(list(state.holes)):
            tear_hole(state, row)
    _end_cured(state)
    watch.look_at(state)  # what this raises stands in the log before the answer, and in it
    plans, waiting = _plans(state)
    asked = marker.place if marker.bearing is UNSET else list(dict.fromkeys([*marker.place, *marker.bearing]))
    holes, bankrupts = _holes(state)
    return Answer(
        book=state.book.name, seq=state.book.seq, round=marker.round, attempt=marker.attempt, plans=plans,
        waiting=waiting, holes=holes, bankrupts=bankrupts, sales=_sales(state), releases=_releases(state),
        closed_targets=sorted(seq for seq, to in state.moves_in.items() if leaving.is_closed(state, to)),
        holders=_holders(state, asked),
        gains=_gains(state, marker.bearing is not UNSET) if marker.gains else [], cash_units=_cash(state),
        lots=_lots(state),
        outside_units=state.ledger.outside_units if state.book.parameters.withdrawal_factor else UNSET,
        candidates=UNSET if marker.batch is UNSET else candidates(state, marker.batch),
        claims=UNSET if marker.claims is UNSET else _claims(state),
    )  # fmt: skip


def _asked(state: ShardState) -> list[int]:
    """Liquidations that wait for a grant and that pace does not hold back in this interval."""
    now = liquidation.interval_of(state.book)
    rows = [row for row, one in state.liquidations.items() if one.stage == "asked" and one.waits_interval != now]
    return state.accounts.in_order(rows)


def _end_cured(state: ShardState) -> None:
    """Liquidations that wait for a grant and need none any more."""
    for row in _asked(state):
        own, one = state.statement(row), state.liquidations[row]
        may_act = liquidation.next_line(state.book, one, own) is not None
        if not own.has_positions or (may_act and liquidation.is_cured(state.book, own, one.to_initial)):
            run.end(state, row, own)


def _plans(state: ShardState) -> tuple[list[Plan], list[str]]:
    """Plans of the accounts that wait for a grant, made at the marker; `waiting`: those that pace holds back."""
    plans: list[Plan] = []
    for row in _asked(state):
        state.accounts.changed.add(row)
        one, own = state.liquidations[row], state.statement(row)
        found = liquidation.plan(state.book, state.accounts, row, one, own, state.used_pace(row))
        if found is None:
            one.stage = "idle"  # looked at again at the next mark, and when a halt ends
        elif not found.lots:
            one.waits_interval = liquidation.interval_of(state.book)
        else:
            plans.append(found)
    now = liquidation.interval_of(state.book)
    waiting = [state.accounts.names[row] for row, one in state.liquidations.items() if one.waits_interval == now]
    plans.sort(key=lambda plan: (plan.seq, account_key(plan.account)))
    return plans, sorted(waiting, key=account_key)


def _holes(state: ShardState) -> tuple[list[Hole], list[Bankrupt]]:
    """Holes, and those of them that have nothing left to close or to sell: what their member's other accounts pay."""
    holes: list[Hole] = []
    bankrupts: list[Bankrupt] = []
    taken: dict[int, int] = {}
    bankrupt = sorted(state.bankrupt, key=lambda r: (state.bankrupt[r][0], account_key(state.accounts.names[r])))
    others = [row for row in state.holes if row not in state.bankrupt]
    for row in [*state.accounts.in_order(others), *bankrupt]:
        own, name = state.statement(row), state.accounts.names[row]
        if own.equity >= 0:
            continue
        if state.accounts.status_of(row) is Status.BANKRUPT and row not in state.sales:
            recourse = _recourse(state, row, -own.equity, taken)
            seq, found = state.bankrupt[row]
            scopes = found or [(state.book.name, 1)]
            bankrupts.append(Bankrupt(seq, name, recourse, -own.equity - sum(units for _, units in recourse), scopes))
        else:
            holes.append(Hole(name, own.equity, own.has_positions))
    return holes, bankrupts


def _recourse(state: ShardState, row: int, owed: int, taken: dict[int, int]) -> list[tuple[str, int]]:
    """What the member's other accounts pay, by id (7, 16.8): free equity; for a limited account, gains of the
    period.
    """
    paid: list[tuple[str, int]] = []
    for other in state.accounts.in_order([r for r in state.accounts.member_rows(row) if r != row]):
        own = state.statement(other)
        if row in state.accounts.limited:
            most = min(max(0, state.gain(other, own.equity)), max(0, own.equity))
        else:
            most = max(0, own.equity - own.im)
        units = min(owed, max(0, most - taken.get(other, 0)))
        if units:
            taken[other] = taken.get(other, 0) + units
            paid.append((state.accounts.names[other], units))
            owed -= units
    return paid


def _sales(state: ShardState) -> list[Sale]:
    """Collateral for sale; `@operator` is asked once, in the first round that comes to it."""
    found = []
    for row in state.accounts.in_order(list(state.sales)):
        one = state.sales[row]
        name = state.book.contracts[one.column].name
        found.append(Sale(state.accounts.names[row], one.number, name, one.lots, one.is_new, one.is_due))
    return found


def _releases(state: ShardState) -> list[Release]:
    """Pending withdrawals judged again, in the order asked; one that stays counts before the next of its account."""
    found: list[Release] = []
    for account in sorted(state.asked, key=account_key):
        before: list[Asked] = []
        for seq, asked in state.asked[account].items():
            code = leaving.judge_ask(state, asked, before)
            if code is None:
                before.append(asked)
            asset = None if asked.column is None else state.book.contracts[asked.column].name
            found.append(Release(seq, account, asked.id, asset, asked.amount, asked.target, int(code or 0)))
    return sorted(found, key=lambda one: (one.seq, account_key(one.account)))


def _holders(state: ShardState, instruments: list[str]) -> list[Holder]:
    """Who holds the contracts whose lots are to be placed; the clearing house picks the other side."""
    accounts, found = state.accounts, list[Holder]()
    for name in instruments:
        column = state.book.column_of[name]
        rows = booking.holders(state, column)
        for row, lots in zip(rows, accounts.positions[rows, column].tolist(), strict=True):
            found.append(Holder(accounts.names[row], name, lots or accounts.wide[row].positions[column]))
    return found


def _gains(state: ShardState, everybody: bool) -> list[Gain]:
    """`G_m = max(0, sum G)` of every member that has any, or of everybody, and what each account can bear (17.8)."""
    equities = state.equities()
    gains = [state.gain(row, equities[row]) for row in range(len(equities))]
    members: dict[str, list[int]] = {}
    for row, name in enumerate(state.accounts.names):
        members.setdefault(member_of(name), []).append(row)
    found = []
    for member in sorted(members):
        gain = sum(gains[row] for row in members[member])
        if gain > 0 or everybody:
            rows = state.accounts.in_order(members[member])
            bearing = [(state.accounts.names[row], max(0, equities[row])) for row in rows]
            found.append(Gain(member, max(0, gain), bearing))
    return found


def _claims(state: ShardState) -> list[Claim]:
    """The money of every account that has any (17.25)."""
    rows = state.accounts.in_order(list(range(len(state.accounts))))
    money = [Claim(state.accounts.names[row], state.accounts.take(row).cash) for row in rows]
    return [one for one in money if one.units > 0]


def _cash(state: ShardState) -> int:
    """All money of this reader: accounts and its parts of the named ones (14.1)."""
    accounts = int(state.accounts.cash[: len(state.accounts)].astype(object).sum())
    return accounts + sum(one.cash for one in state.accounts.wide.values()) + sum(state.ledger.cash.values())


def _lots(state: ShardState) -> dict[str, int]:
    """All lots of this reader by column name (14.2)."""
    totals = state.accounts.positions[: len(state.accounts)].astype(object).sum(axis=0).tolist()
    totals = totals or [0] * len(state.book.contracts)
    for column in range(len(state.book.contracts)):
        totals[column] += sum(one.positions[column] for one in state.accounts.wide.values())
        totals[column] += sum(held.get(column, 0) for held in state.ledger.lots.values())
    return {contract.name: int(total) for contract, total in zip(state.book.contracts, totals, strict=True)}
