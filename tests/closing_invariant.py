"""RULEBOOK 14.9 and 14.10: what closing a position costs its account, checked where orders are planned and filled.

14.10 is looked at in every plan, at its seq, and in every row that pays a slice of a bankruptcy value. 14.9 in venue
execution is what 17.16 makes of it: as long as nothing but fills inside the limit has changed an account since its
order went out, it does not come below zero, by more than the units that truncated trade values cost.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import ceil, floor
from typing import Any
from unittest.mock import patch

from engine import liquidation
from engine.book import Book
from engine.contracts import Contract
from engine.execution import bankruptcy_value
from engine.liquidation import Order
from engine.margin.statement import Statement
from engine.numbers import sign
from engine.shard.state import ShardState
from engine.value import value
from schemas import events, inputs, loss_events
from schemas.events import Event
from schemas.inputs import Input
from schemas.journal import Allocation, AnyEntry, Paid
from schemas.rows import LotRow, Plan
from streams.driver import BookRun


@contextmanager
def checked_plans() -> Iterator[None]:
    """While open, each plan is checked where it is made: at the seq of its order (14.10)."""
    plan = liquidation.plan

    def checked(book: Book, *said: Any) -> Plan | None:
        made = plan(book, *said)
        if made is not None:
            require_between(book, said[3], made)
        return made

    with patch.object(liquidation, "plan", checked):
        yield


def require_between(book: Book, own: Statement, plan: Plan) -> None:
    """14.10: as money, B lies between the value at the mark and that value less the equity of the account."""
    column = book.column_of[plan.instrument]
    at_mark = floor(exact_value(book.contracts[column], plan.position, book.price(column)))
    b = Fraction(plan.b_num, plan.b_den)
    least, most = sorted((at_mark, at_mark - own.equity))
    assert least <= b <= most, f"14.10: B of {plan} is not between {least} and {most}"


def exact_value(contract: Contract, lots: int, ticks: int) -> Fraction:
    """`V` before any rounding (3)."""
    if contract.is_inverse:
        return Fraction(-lots * contract.face, ticks)
    return Fraction(lots * ticks * contract.num, contract.den)


def require_slices(journal: Sequence[Input | AnyEntry], told: Sequence[Event]) -> None:
    """14.10: lots that leave under one B pay differences of `ceil(B k / |q|)`, the market at least that; the limit of
    an order is on the side of the mark where its account loses."""
    kinds = events.LiquidationFilled | events.PositionTakenOver | events.PositionDeleveraged
    paid = {e.subject: e for e in told if isinstance(e, kinds)}
    for one in journal:
        if isinstance(one, Allocation) and one.kind == "liquidation":
            gone: dict[str, int] = {}
            for row in one.lot_rows:
                event = paid.get(f"{row.account}/{row.instrument}/{one.allocation}")
                left = paid.get(f"{row.account}/{row.instrument}/{one.allocation}/{row.first}")
                if row.exit == "deleverage" and left is not None:
                    _require_total(row, left.lots, left.cash_units)
                if row.exit in ("market", "backstop") and event is not None and event.kind in _KINDS[row.exit]:
                    _require_slice(row, event.cash_units, gone.get(row.account, 0))
                gone[row.account] = gone.get(row.account, 0) + row.lots
    for event in told:
        if isinstance(event, events.LiquidationOrdered):
            limit, mark = event.limit_ticks, event.mark_ticks
            sound = limit is None or limit >= mark if event.lots > 0 else limit is not None and limit <= mark
            assert sound, f"14.10: the limit of {event} is inside the mark"


def _require_total(row: LotRow, lots: int, cash: int) -> None:
    """17.22: a slice of what the rule pays for the whole line."""
    total, size = Fraction(row.b_num, row.b_den), abs(row.position)
    slice_ = ceil(total * (row.first + abs(lots)) / size) - ceil(total * row.first / size)
    assert cash == slice_, f"14.10: {row} pays {cash}, not {slice_}"


_KINDS = {"market": "liquidation-filled", "backstop": "position-taken-over"}


def _require_slice(row: LotRow, cash: int, gone: int) -> None:
    if row.is_insolvent:
        return
    b, size = Fraction(row.b_num, row.b_den), abs(row.position)
    slice_ = ceil(b * (gone + row.lots) / size) - ceil(b * gone / size)
    assert cash >= slice_, f"14.9: {row} pays {cash}, less than {slice_}"
    assert row.exit == "market" or cash == slice_, f"14.10: {row} pays {cash}, not {slice_}"


@dataclass
class Watched:
    """An account with a venue order, that nothing but fills of it has changed since it went out."""

    order: Order
    cash: int
    positions: list[int]
    terms: list[Contract]
    marks: list[int]
    fills: int = 0


@dataclass
class VenueFills:
    """14.9 in venue execution (17.16), over the frames of one book; `checked` counts the fills that were looked at.

    `marks` are those at which orders were sent.
    """

    watched: dict[str, Watched] = field(default_factory=dict)
    marks: dict[str, int] = field(default_factory=dict)
    checked: int = 0

    def follow(self, run: BookRun, journal: Sequence[Input | AnyEntry], told: Sequence[Event]) -> None:
        """One frame: what was written and told of this book since the last one."""
        before, self.watched = self.watched, {}
        self.marks |= {one.liquidation_id: one.mark_ticks for one in told if isinstance(one, events.LiquidationOrdered)}
        terms, marks = list(run.book.contracts), [mark.price for mark in run.book.marks]
        said = [one for one in journal if isinstance(one, Input)]
        for shard in run.shards:
            state = shard.state
            for row, name in enumerate(state.accounts.names):
                one, running = before.get(name), state.liquidations.get(row)
                order, now = (running.order if running is not None else None), state.accounts.take(row)
                if one is not None and len(said) <= 1 and (one.terms, one.marks) == (terms, marks):
                    if said and isinstance(said[0], inputs.Trade) and said[0].liquidation_id == one.order.id:
                        fee = sum(x.amount_units for x in journal if isinstance(x, Paid) and x.account == name)
                        one = self._fill(one, name, said[0], fee, told)
                    is_same = one is not None and order is not None and order.id == one.order.id
                    if one is not None and is_same and (now.cash, now.positions) == (one.cash, one.positions):
                        self.watched[name] = one
                if (
                    name not in self.watched
                    and order is not None
                    and _is_at_seq(state, row, order, self.marks.get(order.id))
                ):
                    self.watched[name] = Watched(replace(order), now.cash, now.positions, terms, marks)

    def _fill(self, one: Watched, name: str, trade: inputs.Trade, fee: int, told: Sequence[Event]) -> Watched | None:
        """What the account is after a fill inside the limit, of which it may not die; None for any other trade."""
        order, contract = one.order, one.terms[one.order.column]
        lots, price = contract.quantity_lots(trade.quantity), contract.price_ticks(trade.price)
        side = -sign(order.position)
        worse = order.limit_ticks is not None and side * (price - order.limit_ticks) > 0
        party = trade.buyer if side > 0 else trade.seller
        if worse or trade.instrument != contract.name or party != name or lots > order.lots - order.filled:
            return None
        fills, positions = one.fills + 1, list(one.positions)
        hole, allowed = _hole(told, name), 0 if not contract.is_inverse and contract.den == 1 else fills
        assert hole >= -allowed, f"14.9: {name} was solvent at its order, and has {hole} after {trade}"
        self.checked += 1
        positions[order.column] += side * lots
        cash = one.cash - value(contract, side * lots, price) - fee
        order = replace(order, filled=order.filled + lots)
        return replace(one, order=order, cash=cash, positions=positions, fills=fills)


def _is_at_seq(state: ShardState, row: int, order: Order, mark: int | None) -> bool:
    """Whether the account is still what it was when the order was planned: its B, computed anew, is the same.

    B of a single position is less its cash, whatever the mark: an order limited at the mark may have been sent below
    zero, and is the same only at that mark.
    """
    own = state.statement(row)
    line = next((x for x in own.lines if x.column == order.column), None)
    if line is None or own.equity < 0 or order.filled or line.lots != order.position:
        return False
    if order.limit_ticks == mark != state.book.price(order.column):
        return False
    return Fraction(*bankruptcy_value(own, line, state.book.parameters.bears_whole)) == Fraction(
        order.b_num, order.b_den
    )


def _hole(told: Sequence[Event], name: str) -> int:
    """The equity with which the account became a hole before rows of others touched it; 0 when it did not."""
    for event in told:
        if getattr(event, "account", "") == name:
            if isinstance(event, events.PositionPlaced | loss_events.GainsCharged):
                return 0
            if isinstance(event, loss_events.HoleFound):
                return event.equity_units
    return 0
