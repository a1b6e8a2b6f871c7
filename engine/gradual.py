"""A liquidation by its shortage, gradually (RULEBOOK 15.3, 15.4, 15.6, Drift): each call closes a part, at a discount.

A taker gets the lots at the mark less its fee, the fund gets what the close can still afford, and of the shortage at
the start only a part that grows with time may be freed. Not the default: while it waits, the mark moves on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from engine.contracts import Contract
from engine.execution import fee
from engine.liquidation import closing_lots
from engine.numbers import PPM, div_down, div_up, ppm_up
from engine.sizing import close_to_cover, squeezed_fee_ppm
from engine.value import notional, value

PARTS = 10_000  # parts are counted in 10^-4, each rounded down


@dataclass(frozen=True, slots=True)
class Gradual:
    """Margin rate and buffer, the fees of taker and fund, and the pace: `initial_ppm` at once, all after `duration`,

    or as soon as less than `small_units` is short. Sizes are whole steps. An open order counts `order_units`.
    """

    contract: Contract
    mark: int
    rate_ppm: int
    buffer_ppm: int
    taker_ppm: int
    fund_ppm: int
    initial_ppm: int = PPM
    duration: int = 1
    small_units: int = 0
    step_lots: int = 1
    order_units: int = 0


@dataclass(frozen=True, slots=True)
class Short:
    """An account with one position: its money outside of it, its quote (what the lots cost, negative), open buys and

    sells, and the margin that its liquidation has freed so far.
    """

    collateral_units: int
    lots: int
    quote_units: int
    buy_lots: int = 0
    sell_lots: int = 0
    freed_units: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """One call: lots closed, what the taker paid (signed, to the account), the fund's fee, and the account after it."""

    lots: int
    paid_units: int
    fee_units: int
    after: Short


def shortage(rules: Gradual, own: Short, is_loss_buffered: bool = True) -> int:
    """What is missing to the requirement with its buffer, which the position's loss is multiplied by too."""
    c, mark = rules.contract, rules.mark
    size = max(notional(c, own.lots + own.buy_lots, mark), notional(c, own.lots - own.sell_lots, mark))
    orders = ((own.buy_lots > 0) + (own.sell_lots > 0)) * rules.order_units
    profit = own.quote_units + value(c, own.lots, mark)
    loss = div_down(min(0, profit) * rules.buffer_ppm, PPM) if is_loss_buffered else 0
    required = ppm_up(size, rules.rate_ppm + rules.buffer_ppm) + orders
    return max(0, required - (own.collateral_units + profit + loss))


def call(rules: Gradual, own: Short, elapsed: int, lots_max: int) -> Step:
    """Cancel the orders, then close what time allows of the lots that cover the shortage (15.3), in whole steps."""
    free = replace(own, buy_lots=0, sell_lots=0)
    short = shortage(rules, free)
    free = replace(free, freed_units=own.freed_units + shortage(rules, own) - short)
    if not short or not own.lots:
        return Step(0, 0, 0, free)
    c, mark, target = rules.contract, rules.mark, rules.rate_ppm + rules.buffer_ppm
    fund_ppm = squeezed_fee_ppm(short, notional(c, own.lots, mark), target, rules.taker_ppm, rules.fund_ppm)
    rate = (target - rules.taker_ppm - fund_ppm, PPM)
    cover = close_to_cover(c, mark, short, rate, abs(own.lots), rules.step_lots)
    allowed = rules.step_lots * div_up(cover * _part(rules, free, short, elapsed), PARTS * rules.step_lots)
    lots = min(abs(own.lots), lots_max, allowed)
    paid, fund = _paid(rules, own.lots, lots), fee(c, fund_ppm, lots, mark)
    quote = own.quote_units + paid - fund
    after = replace(free, lots=own.lots + closing_lots(own.lots, lots), quote_units=quote)
    return Step(lots, paid, fund, replace(after, freed_units=free.freed_units + short - shortage(rules, after)))


def calls(rules: Gradual, own: Short, times: list[int], lots_max: int) -> Short:
    """The account after a call at each of these times since the liquidation began."""
    for elapsed in times:
        own = call(rules, own, elapsed, lots_max).after
    return own


def freed_ppm(rules: Gradual, own: Short) -> int:
    """How much of all that was ever short is freed: `freed / (freed + still short)`, no buffer on losses, rounded down;

    all of it where nothing was short.
    """
    ever = own.freed_units + shortage(rules, own, is_loss_buffered=False)
    return div_down(own.freed_units * PPM, ever) if ever else PPM


def margin_ratio(rules: Gradual, own: Short) -> tuple[int, int]:
    """Equity over notional, exact; needs a position."""
    equity = own.collateral_units + own.quote_units + value(rules.contract, own.lots, rules.mark)
    return equity, notional(rules.contract, own.lots, rules.mark)


def _part(rules: Gradual, own: Short, short: int, elapsed: int) -> int:
    """How much of the shortage may go, in 10^-4: freed margin stays within `(short + freed) * min(1, initial +

    elapsed / duration)`.
    """
    if short < rules.small_units:
        return PARTS
    time = div_down(elapsed * PARTS, rules.duration) + div_down(rules.initial_ppm * PARTS, PPM)
    allowed = div_down((short + own.freed_units) * min(PARTS, time), PARTS) - own.freed_units
    return min(PARTS, div_down(max(0, allowed) * PARTS, short))


def _paid(rules: Gradual, position: int, lots: int) -> int:
    """The taker's price: the mark less its fee for a long's lots, more for a short's, the unit against the account."""
    worth = value(rules.contract, -closing_lots(position, lots), rules.mark)
    return worth - fee(rules.contract, rules.taker_ppm, lots, rules.mark)
