"""The plan of an order (6.2, 6.3, 17.9): which instrument, how many lots, at what bankruptcy value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, isqrt

from msgspec import UNSET

from tests.twin.listed import Instrument
from tests.twin.margin import cured, equity, held_notional, im, im_in, is_thin, mark_trusted, mm, mm_in
from tests.twin.state import MILLION, Account, BookState, Pace
from tests.twin.values import notional, sign, value, value_floor


@dataclass(frozen=True)
class Plan:
    """One order, from the state at the marker."""

    account: Account
    instrument: Instrument
    held: int  # q, signed
    lots: int  # k
    bankruptcy: Fraction  # B
    equity: int
    is_thin: bool  # below the takeover level: for the backstop, not for the market (17.18)


def trusted_positions(book: BookState, account: Account) -> list[Instrument]:
    """Instruments held whose mark is trusted, by listing order (17.9)."""
    return [one for one in held_instruments(book, account) if mark_trusted(book, one)]


def held_instruments(book: BookState, account: Account) -> list[Instrument]:
    return [one for one in book.instruments.values() if one.name in account.positions]


def largest(book: BookState, account: Account, among: list[Instrument]) -> Instrument:
    """The largest MM share, the first listed of equals; all zero: the largest notional (17.9)."""
    shares = [mm_in(book, account, one) for one in among]
    if not any(shares):
        shares = [held_notional(account, one) for one in among]
    return among[shares.index(max(shares))]


def plan_for(book: BookState, account: Account, instrument: Instrument) -> Plan:
    """Size, then this account's own caps (17.9)."""
    held, units = account.positions[instrument.name], equity(book, account)
    bankruptcy = bankruptcy_value(book, account, instrument, units)
    leaves = account.exit or account.close_due or is_thin(book, account)
    if book.rules.said.closing_spread_ppm is not UNSET and units >= 0 and not leaves:
        bankruptcy = max(bankruptcy, closing_value(book, account, instrument, units))
    lots = abs(held)
    if units >= 0:
        lots = step_cap(book, account, instrument, least_lots(book, account, instrument))
        lots = min(lots, lots_left(book, account.pace, book.rules.per_account_notional, held, instrument))
    return Plan(account, instrument, held, lots, bankruptcy, units, is_thin(book, account))


def bankruptcy_value(book: BookState, account: Account, instrument: Instrument, units: int) -> Fraction:
    """`B_j = V_floor(q, mark) - equity w_j / sum w`, w = MM_j, notionals where all are 0 (6.3)."""
    at_mark = value_floor(instrument, account.positions[instrument.name], instrument.mark)
    if book.rules.said.bankruptcy_share == "whole":  # what is closed first bears all of it (15.2)
        return Fraction(at_mark - units)
    held = held_instruments(book, account)
    weights = {one.name: mm_in(book, account, one) for one in held}
    if not any(weights.values()):
        weights = {one.name: held_notional(account, one) for one in held}
    return at_mark - Fraction(units * weights[instrument.name], sum(weights.values()))


def closing_value(book: BookState, account: Account, instrument: Instrument, units: int) -> Fraction:
    """`C = V_floor - clamp(a (1 - equity/MM), 0, 1) s MM_j` (17.19); without MM the mark."""
    at_mark = Fraction(value_floor(instrument, account.positions[instrument.name], instrument.mark))
    if mm(book, account) == 0:
        return at_mark
    said = book.rules.said
    a = Fraction(MILLION if said.closing_adjustment_ppm is UNSET else said.closing_adjustment_ppm, MILLION)
    sunk = min(max(a * (1 - Fraction(units, mm(book, account))), Fraction(0)), Fraction(1))
    return at_mark - sunk * Fraction(said.closing_spread_ppm, MILLION) * mm_in(book, account, instrument)


def bankruptcy_pays(plan: Plan, first: int, last: int) -> int:
    """What lots `first` to `last` of a close at bankruptcy pay: differences of `ceil(B k / |q|)` (6.3)."""
    return ceil(plan.bankruptcy * last / abs(plan.held)) - ceil(plan.bankruptcy * first / abs(plan.held))


def least_lots(book: BookState, account: Account, instrument: Instrument) -> int:
    """1, 2, 4, ... up to |q|, the first that cures, then bisect; none: the whole position (17.9)."""
    whole, before, lots = abs(account.positions[instrument.name]), 0, 1
    while lots < whole and not cures(book, account, instrument, lots):
        before, lots = lots, min(2 * lots, whole)
    if not cures(book, account, instrument, lots):
        return whole
    return bisect(lambda k: cures(book, account, instrument, k), bad=before, good=lots)


def bisect(holds: Callable[[int], bool], bad: int, good: int) -> int:
    """The number next to where `holds` turns, on the good side; `bad` may lie on either side."""
    while abs(good - bad) > 1:
        middle = (good + bad) // 2
        if holds(middle):
            good = middle
        else:
            bad = middle
    return good


def cures(book: BookState, account: Account, instrument: Instrument, lots: int) -> bool:
    """Equity less the cost of closing reaches the target of what stays (17.9)."""
    price = cost(book, instrument, account.positions[instrument.name], lots)
    if price is None:
        return False
    held = account.positions[instrument.name]
    rest = held - sign(held) * lots
    mm_after = mm(book, account) - mm_in(book, account, instrument) + mm_in(book, account, instrument, rest)
    im_after = im(book, account) - im_in(book, account, instrument) + im_in(book, account, instrument, rest)
    return cured(book, account, equity(book, account) - price, mm_after, im_after)


def cost(book: BookState, instrument: Instrument, held: int, lots: int) -> int | None:
    """Half spread + F(k) from x = 0 + fee; venue execution: the fee; None where no price exists (17.9)."""
    if book.rules.said.execution == "venue":
        return fee(book, instrument, lots)
    price = executable_price(instrument, held)
    if price is None:
        return None  # READING: a half spread that reaches below one tick cures nothing: the whole position.
    spread = abs(value(instrument, lots, instrument.mark) - value(instrument, lots, price))
    return spread + impact(instrument, lots) + fee(book, instrument, lots)


def executable_price(instrument: Instrument, held: int) -> int | None:
    """The mark, half a spread against who closes; None below one tick (17.9)."""
    price = instrument.mark - sign(held) * instrument.half_spread
    return price if price >= 1 else None


def impact(instrument: Instrument, lots: int) -> int:
    """`F(x) = ceil(sqrt(impact^2 x^3 / depth_lots))` by integer root (17.9)."""
    square = instrument.impact**2 * lots**3
    root = isqrt(square // instrument.depth_lots)
    while root * root * instrument.depth_lots < square:
        root += 1
    return root


def fee(book: BookState, instrument: Instrument, lots: int) -> int:
    """`ceil(fee_ppm N(k, mark) / 10^6)` (17.9)."""
    amount = notional(instrument, lots, instrument.mark)
    return ceil(Fraction(book.rules.said.liquidation_fee_ppm * amount, MILLION))


def step_cap(book: BookState, account: Account, instrument: Instrument, lots: int) -> int:
    """Small positions whole; else `k <= max(1, floor(|q| cap / N))` (17.9)."""
    whole, amount = abs(account.positions[instrument.name]), held_notional(account, instrument)
    family = [account, *book.siblings(account)]
    if sum(abs(one.positions.get(instrument.name, 0)) for one in family) <= book.rules.said.small_lots:
        return whole  # small is what the member's accounts hold together (4)
    cap = min(amount, max(book.rules.min_notional, book.rules.said.portion_ppm * amount // MILLION))
    return min(lots, max(1, whole * cap // amount))


def interval(book: BookState) -> int:
    return book.clock // book.rules.said.interval_ms


def used(book: BookState, pace: Pace) -> int:
    return pace.used if pace.interval == interval(book) else 0


def lots_left(book: BookState, pace: Pace, limit: int | None, held: int, instrument: Instrument) -> int:
    """`floor(left |q| / N)` of an interval's notional, never below zero (17.9)."""
    # READING: both interval limits hold for small positions too; the whole position means no step, not no
    # pace.
    if limit is None:
        return abs(held)
    return max(0, limit - used(book, pace)) * abs(held) // notional(instrument, held, instrument.mark)


def use(book: BookState, pace: Pace, units: int) -> None:
    pace.interval, pace.used = interval(book), used(book, pace) + units
