"""Deleveraging as a layer (RULEBOOK 6.7, 15.5, 17.22): what nobody takes leaves at the rule's money, others meet it.

Two allocations: the rows of a plan send lots to `@liquidation` as a batch; then, a batch a round, its counterparties
give lots against it for the same money, so that `@liquidation` keeps nothing but what found no room.
"""

from __future__ import annotations

from msgspec import UNSET
from msgspec.structs import replace

from engine.accounts import account_key
from engine.clearing import allocating
from engine.clearing.state import Attempt, ClearingState
from engine.deleveraging import price
from engine.deleveraging.receipts import lot_draw
from engine.deleveraging.room import most_lots
from engine.deleveraging.tiers import OTHERS, Tiers, by_account, give
from engine.layers import Layer
from engine.ledger import BACKSTOP, MARKET
from engine.margin.statement import Line, Statement, margin_at_mark
from engine.names import member_of
from engine.numbers import sign
from engine.value import notional, value_floor
from engine.waterfall.losses import Losses
from engine.waterfall.settle import Resources, settle
from schemas import events
from schemas.journal import Allocation, Answer, Moved
from schemas.rows import Batch, Candidate, LotRow, Plan


def layer_of(state: ClearingState) -> Layer | None:
    """The layer of deleveraging of the waterfall in force, or of the window's."""
    return None if state.waterfall is None else state.waterfall.of_kind("deleveraging")


def leave(state: ClearingState, plan: Plan, column: int, lots: int) -> list[LotRow]:
    """Rows for what neither market nor backstop took: by the layer, or where there is none a tear-up at the mark."""
    layer, mark, contract = layer_of(state), state.book.price(column), state.book.contracts[column]
    first = abs(plan.position) - lots
    b, worth = (plan.b_num, plan.b_den), value_floor(contract, plan.position, mark)

    def row(paid: tuple[int, int], count: int, start: int, exit_: str) -> LotRow:
        return LotRow(
            plan.account, plan.instrument, plan.position, count, exit_, mark, 0, *paid, plan.is_insolvent,  # type: ignore[arg-type]
            start, plan.seq,
        )  # fmt: skip

    if layer is None or layer.deleveraging is None:
        return [row(b, lots, 0, "tear")]
    rule = layer.deleveraging
    if rule.price != "reserve" or not plan.is_insolvent:
        total = price.total(rule, b, worth, notional(contract, plan.position, mark))
        return [row(total, lots, first, "deleverage")]
    marked = _reserve(state, layer, plan, worth, lots, contract.scope)
    rows = [row((worth, 1), marked, first, "deleverage"), row(b, lots - marked, first + marked, "deleverage")]
    return [one for one in rows if one.lots]


def _reserve(state: ClearingState, layer: Layer, plan: Plan, worth: int, lots: int, scope: str) -> int:
    """Lots whose loss at the mark the layers before this one can pay, beside all that they owe already (6.7)."""
    b = plan.b_num, plan.b_den
    wanted = price.loss_at_mark(b, worth, plan.position, lots)
    payable = max(0, wanted - _left_over(state, layer, plan.account, scope, wanted))
    marked = price.lots_at_mark(b, worth, plan.position, lots, payable)
    if marked:
        held = state.reserved.setdefault(plan.account, {})
        held[scope] = held.get(scope, 0) + price.loss_at_mark(b, worth, plan.position, marked)
    return marked


def _left_over(state: ClearingState, layer: Layer, account: str, scope: str, wanted: int) -> int:
    """What the money before leaves of the window's losses, of what is reserved, and of one more, in a trial (17.12)."""
    window, waterfall = state.window, state.waterfall
    if waterfall is None:
        return wanted
    losses = Losses(dict(window.losses.cells) if window is not None else {})
    for name, owed in state.reserved.items():
        for one, units in owed.items():
            losses.add(member_of(name), one, units)
    losses.add(member_of(account), scope, wanted)
    frozen = window.contributions if window is not None else state.contributions()
    settle(waterfall.money_before(layer.rank), losses, Resources(state.book.name, state.ledger.cash, frozen, {}))
    return losses.total()


def plan_batches(state: ClearingState, decision: Allocation) -> None:
    """What the rows of an allocation will leave in `@liquidation`, by the rule of their grant."""
    layer = layer_of(state)
    if layer is None or layer.deleveraging is None or state.waterfall is None:
        return
    rule, version = layer.deleveraging, state.waterfall.version
    for number, row in enumerate(decision.lot_rows):
        if row.exit == "deleverage":
            state.leaving[number] = Batch(
                row.account, row.instrument, 0, row.b_num, row.b_den * abs(row.position), row.first, layer.id, version,
                rule.price, rule.draw, rule.score, rule.most_ppm, rule.power,
            )  # fmt: skip


def moved(state: ClearingState, report: Moved, row: LotRow) -> None:
    """A row was answered: lots left for the batch, or were given against it."""
    if row.exit == "deleverage":
        state.leaving[report.row] = replace(state.leaving[report.row], lots=-report.lots)
    elif row.exit == "offset":
        state.given += abs(report.lots)


def deleverage(state: ClearingState, attempt: Attempt, found: Answer) -> bool:
    """The first batch, if the round asked for it: who gives how many lots, told with every receipt."""
    batch = attempt.marker.batch
    if batch is UNSET or not state.batches or state.batches[0] != batch:
        return False
    state.batches.pop(0)
    column = state.book.column_of[batch.instrument]
    candidates = sorted([*(found.candidates or ()), *_pool(state, batch, column)], key=lambda x: account_key(x.account))
    tiers = give(abs(batch.lots), candidates, batch)
    market = state.ledger.held(MARKET, column)
    at_market = min(tiers.left, abs(market)) if market * batch.lots < 0 else 0
    rows = _rows(state, batch, column, tiers, (market, at_market))
    _tell(state, batch, column, tiers, at_market)
    state.place_tried = -1  # what found no room is torn up from now on, and can be placed at this seq
    if not rows:
        state.news = True  # a window may have waited for this batch
        allocating.sweep(state)
        return True
    state.giving = replace(batch, lots=sign(batch.lots) * (abs(batch.lots) - tiers.left + at_market))
    decision = Allocation(**allocating.next_allocation(state), kind="deleverage", lot_rows=rows)
    return allocating.allocate_round(state, decision)


def _pool(state: ClearingState, batch: Batch, column: int) -> list[Candidate]:
    """The backstop as a counterparty like all others, if it holds the other side."""
    lines = []
    for at, lots in sorted(state.ledger.lots.get(BACKSTOP, {}).items()):
        contract, mark = state.book.contracts[at], state.book.price(at)
        size, mm = notional(contract, lots, mark), margin_at_mark(contract, lots, mark)
        lines.append(Line(at, lots, value_floor(contract, lots, mark), size, mm, 0, 0, 0))
    equity = state.ledger.balance(BACKSTOP) + sum(line.value for line in lines)
    own = Statement(equity, 0, sum(line.mm for line in lines), 0, tuple(lines))
    line = next((line for line in lines if line.column == column), None)
    if line is None or line.lots * batch.lots >= 0:
        return []
    contract, mark, a_lot = state.book.contracts[column], state.book.price(column), (batch.paid_num, batch.paid_den)
    room = most_lots(
        contract, mark, own, line, abs(batch.lots),
        requires=lambda left: margin_at_mark(contract, left, mark), pays=lambda k: price.least_cash(a_lot, k),
    )  # fmt: skip
    return [Candidate(BACKSTOP, OTHERS, line.lots, room, 0, 0)] if room else []


def _rows(state: ClearingState, batch: Batch, column: int, tiers: Tiers, market: tuple[int, int]) -> list[LotRow]:
    """One row an account, by (member, account), `@market` last: slices of the batch one behind the other."""
    lots = {row.account: row.lots for given in tiers.given for row in given.rows} | {MARKET: market[0]}
    shares = {name: share for given in tiers.given for name, share in by_account(given).items()}
    takers = [(name, shares[name]) for name in sorted(shares, key=account_key)] + [(MARKET, market[1])] * (
        market[1] > 0
    )
    first, mark, rows = batch.first, state.book.price(column), []
    for name, share in takers:
        rows.append(
            LotRow(
                name, batch.instrument, lots[name], share, "offset", mark, 0, batch.paid_num, batch.paid_den,
                False, first,
            )
        )  # fmt: skip
        first += share
    return rows


def _tell(state: ClearingState, batch: Batch, column: int, tiers: Tiers, at_market: int) -> None:
    """The rule, the money, all who were asked, and who would have given by each other rule."""
    state.deleveragings += 1
    stamp = state.stamp(f"{batch.account}/{batch.instrument}/{state.deleveragings}", column)
    stamp["versions"] = {**stamp["versions"], "waterfall": batch.version}
    told = events.DeleveragingAllocated(
        **stamp, account=batch.account, instrument=batch.instrument, layer=batch.layer, price=batch.price,
        draw=batch.draw, score=batch.score, lots=-batch.lots, paid_num=batch.paid_num, paid_den=batch.paid_den,
        first_lots=batch.first, mark_ticks=state.book.price(column),
        draws=[lot_draw(given) for given in tiers.given],
        market_lots=at_market, refused_lots=tiers.left - at_market, otherwise_lots=tiers.otherwise,
    )  # fmt: skip
    state.tell(told)
