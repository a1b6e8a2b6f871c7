"""The market of a replay, the backstop and the tear-up: where closed lots go (6.5 to 6.7, 17.9)."""

from __future__ import annotations

from tests.twin import deleverage
from tests.twin.listed import Instrument, Taken
from tests.twin.margin import equity, mm, mm_in
from tests.twin.plan import Plan, bankruptcy_pays, bisect, executable_price, impact
from tests.twin.state import BACKSTOP, LIQUIDATION, MARKET, BookState
from tests.twin.values import hand_over, sign, value, value_floor


def taken_now(book: BookState, plan: Plan) -> Taken:
    """`x = max(0, x - refill (clock - last))`, per instrument and side of the close (17.9)."""
    # READING: `last` is the last fill of that side; a new rate of refill counts for all the time since.
    taken = plan.instrument.taken[-sign(plan.held)]
    refilled = plan.instrument.refill * (book.clock - taken.last_ms)
    return Taken(max(0, taken.lots - refilled), book.clock)


def market_pays(plan: Plan, taken: Taken, lots: int) -> int | None:
    """`-V(d, mark -/+ half spread) - (F(x+k) - F(x))`; None below one tick (17.9)."""
    price = executable_price(plan.instrument, plan.held)
    if price is None:
        return None
    slide = impact(plan.instrument, taken.lots + lots) - impact(plan.instrument, taken.lots)
    return -value(plan.instrument, -sign(plan.held) * lots, price) - slide


def is_inside(plan: Plan, taken: Taken, lots: int) -> bool:
    """Inside the limit: `>= ceil(B k / |q|)`; with equity < 0 at the marker not below the mark (17.9)."""
    pays = market_pays(plan, taken, lots)
    return pays is not None and pays >= least_pay(plan, lots)


def least_pay(plan: Plan, lots: int) -> int:
    return bankruptcy_pays(plan, 0, lots) if plan.equity >= 0 else mark_pays(plan, lots)


def mark_pays(plan: Plan, lots: int) -> int:
    """`-V(d, mark)`."""
    return -value(plan.instrument, -sign(plan.held) * lots, plan.instrument.mark)


def fill_at_market(book: BookState, plan: Plan, lots: int) -> int:
    """All of `lots` if inside, else the most that bisection finds; against @market (17.9)."""
    taken = taken_now(book, plan)
    filled = lots if is_inside(plan, taken, lots) else bisect(lambda k: is_inside(plan, taken, k), bad=lots, good=0)
    if filled:
        pays = market_pays(plan, taken, filled)
        give(book, plan, MARKET, filled, pays)
        taken.lots += filled
        plan.instrument.taken[-sign(plan.held)] = taken
        report(book, plan, "liquidation-filled", -sign(plan.held) * filled, pays)
    return filled


def report(book: BookState, plan: Plan, kind: str, signed: int, pays: int) -> None:
    book.event(kind, plan.account.id, instrument=plan.instrument.name, lots=signed, pays=pays)


def give(book: BookState, plan: Plan, taker: str, lots: int, pays: int) -> None:
    """Lots of the position to a taker who pays."""
    hand_over(book, plan.instrument, plan.account.id, taker, sign(plan.held) * lots, pays)


def exit_rest(book: BookState, plan: Plan, first: int) -> None:
    """The rest of the position beyond `first` lots: backstop, then tear-up, or deleveraging (17.9, 17.22)."""
    lots = take_over(book, plan, first)
    layer = deleverage.layer_in_force(book)
    if first + lots < abs(plan.held) and layer:
        deleverage.leave(book, plan, layer, first + lots)
    elif first + lots < abs(plan.held):
        tear_up(book, plan, abs(plan.held) - first - lots)


def takeover_pays(plan: Plan, first: int, lots: int) -> int:
    """At bankruptcy value; below zero at mark: that loss is the waterfall's (6.6)."""
    # READING: after a market fill the pool continues the slices of the same B: a difference of ceilings.
    return bankruptcy_pays(plan, first, first + lots) if plan.equity >= 0 else mark_pays(plan, lots)


def take_over(book: BookState, plan: Plan, first: int) -> int:
    """The most lots within the pool's limit and its own MM (17.9)."""
    rest = abs(plan.held) - first

    def fits(lots: int) -> bool:
        return pool_fits(book, plan, lots, takeover_pays(plan, first, lots))

    lots = rest if fits(rest) else bisect(fits, bad=rest, good=0)
    if lots:
        pays = takeover_pays(plan, first, lots)
        give(book, plan, BACKSTOP, lots, pays)
        report(book, plan, "position-taken-over", sign(plan.held) * lots, pays)
    return lots


def pool_fits(book: BookState, plan: Plan, lots: int, pays: int) -> bool:
    """Position within `backstop_limit`, equity after >= MM after, at the grant's marks (17.9)."""
    pool, instrument = book.account(BACKSTOP), plan.instrument
    before = pool.positions.get(instrument.name, 0)
    after = before + sign(plan.held) * lots
    mm_after = mm(book, pool) - mm_in(book, pool, instrument) + mm_in(book, pool, instrument, after)
    gain = marked(instrument, after) - marked(instrument, before)
    return abs(after) <= instrument.backstop_limit and equity(book, pool) + gain - pays >= mm_after


def marked(instrument: Instrument, lots: int) -> int:
    return value_floor(instrument, lots, instrument.mark)


def tear_up(book: BookState, plan: Plan, lots: int) -> None:
    """All that is left, at the mark, to @liquidation (17.9)."""
    pays, book.torn_scope = mark_pays(plan, lots), plan.instrument.scope
    give(book, plan, LIQUIDATION, lots, pays)
    report(book, plan, "position-torn-up", sign(plan.held) * lots, pays)
