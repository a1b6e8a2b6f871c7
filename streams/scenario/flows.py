"""What happens during the run: trades at current prices, top-ups, withdrawals, funding, ends of periods."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from schemas.decimals import decimal_text
from streams.scenario.log import Log
from streams.scenario.margin import BUFFER, SLACK_UNITS
from streams.scenario.market import DAY_MS, Floats, Ints, Market, at_times
from streams.scenario.options import Options
from streams.scenario.population import Population
from streams.scenario.venues import RULES, margin_tables

GRID = 400  # points in time at which top-ups are judged
CHUNK = 4_000  # accounts judged at once
TOPUP_ROUNDS = 3
TOPUP_TARGET = 1.5  # of initial margin
TRADE_SIZES = (0.05, 0.3)  # of the account's usual position
HOUR_MS = 3_600_000


def run_trades(
    log: Log, market: Market, people: Population, held: Ints, prices: list[Ints], options: Options, rng: Generator
) -> Ints:
    """Seeded trades of drawn accounts with drawn makers, each with fresh margin; answers lots traded by each maker.

    The taker deposits `notional / leverage`, at least 1.02 times the initial margin of its first bracket's rate, at the
    trade's own time: so an account that was liquidated comes back with new money and not with none.
    """
    count = int(options.trades_per_account * people.count)
    takers = rng.integers(people.makers, people.count, count)
    makers = rng.integers(0, people.makers, count)
    times = np.sort(rng.integers(market.start_ms, market.end_ms, count))
    column = np.abs(held[takers]).argmax(axis=1)
    usual = np.abs(held[takers, column])
    lots = np.maximum(1, (usual * rng.uniform(*TRADE_SIZES, count)).astype(np.int64))
    buys = rng.random(count) < 0.5
    turned = np.zeros_like(held)
    np.add.at(turned, (makers, column), lots)
    for at, series in enumerate(market.series):
        own = np.flatnonzero((column == at) & (usual > 0))
        ticks = at_times(series, prices[at], times[own])
        fresh = fresh_margin(market, at, ticks, lots[own], people.leverage[takers[own]])
        for row, tick, units in zip(own.tolist(), ticks.tolist(), fresh.tolist(), strict=True):
            taker, maker, when = people.names[takers[row]], people.names[makers[row]], int(times[row])
            deposit(log, when, taker, units, market.decimals)
            sides = (taker, maker) if buys[row] else (maker, taker)
            add_trade(log, when, sides, series.symbol, series.quantity_text(int(lots[row])), series.price_text(tick))
    return turned


def fresh_margin(market: Market, at: int, ticks: Ints, lots: Ints, leverage: Floats) -> Ints:
    """Units that takers deposit for their trades in instrument `at`."""
    notional = market.series[at].worth(ticks, market.decimals) * lots
    wanted = np.maximum(notional / leverage, notional * first_rate(market, at) * BUFFER)
    units: Ints = np.ceil(wanted).astype(np.int64) + SLACK_UNITS
    return units


def first_rate(market: Market, at: int) -> float:
    """Initial margin rate of the lowest bracket."""
    return margin_tables(market.venue, market.series[at].symbol)[1][0][1] / 1_000_000


def add_trade(log: Log, time_ms: int, sides: tuple[str, str], symbol: str, quantity: str, price: str) -> None:
    buyer, seller = sides
    log.add("trades", "trade", time_ms, buyer=buyer, seller=seller, instrument=symbol, quantity=quantity, price=price)


def deposit(log: Log, time_ms: int, account: str, units: int, decimals: int) -> None:
    log.add("transfers", "deposit", time_ms, account=account, amount=decimal_text(units, decimals))


def topups(
    log: Log, market: Market, people: Population, held: Ints, prices: list[Ints], deposits: Ints,
    rates: tuple[Floats, Floats], call_ms: int, options: Options, rng: Generator,
) -> int:  # fmt: skip
    """Deposits of the share that meets margin calls; answers how many.

    Judged on a grid of times from the opening position alone: the first time equity is below IM but not below MM, the
    account deposits up to 1.5 IM within the call's time. An engine may have liquidated it between two grid points;
    then the money arrives all the same.
    """
    grid = np.linspace(market.start_ms, market.end_ms, GRID).astype(np.int64)
    known = [at_times(s, p, grid) for s, p in zip(market.series, prices, strict=True)]
    gains = np.stack([s.gain(p, market.decimals) for s, p in zip(market.series, known, strict=True)])
    worths = np.stack([s.worth(p, market.decimals) for s, p in zip(market.series, known, strict=True)])
    willing = np.flatnonzero((rng.random(people.count) < options.topup_share) & ~people.is_maker)
    lag = rng.uniform(0.05, 0.9, (len(willing), TOPUP_ROUNDS)) * call_ms
    made = 0
    for begin in range(0, len(willing), CHUNK):
        part = willing[begin : begin + CHUNK]
        own_rates = (rates[0][part], rates[1][part])
        for row, turn, at, units in judge(held[part], deposits[part], gains, worths, own_rates):
            when = min(int(grid[at] + lag[begin + row, turn]), market.end_ms)
            deposit(log, when, people.names[part[row]], units, market.decimals)
            made += 1
    return made


def judge(
    held: Ints, deposits: Ints, gains: Floats, worths: Floats, rates: tuple[Floats, Floats]
) -> list[tuple[int, int, int, int]]:
    """(row, round, grid point, units) of the top-ups of some accounts."""
    equity = deposits[:, None] + held.astype(np.float64) @ gains
    notional = np.abs(held).astype(np.float64) @ worths
    found = []
    for turn in range(TOPUP_ROUNDS):
        low = equity < rates[1][:, None] * notional
        first = low.argmax(axis=1)
        rows = np.arange(len(held))
        sound: NDArray[np.bool_] = equity[rows, first] >= rates[0] * notional[rows, first]
        for row in np.flatnonzero(low[rows, first] & sound & (first > 0)).tolist():
            at = int(first[row])
            units = int(TOPUP_TARGET * rates[1][row] * notional[row, at] - equity[row, at]) + 1
            equity[row] += units
            found.append((row, turn, at, units))
    return found


def withdrawals(log: Log, market: Market, people: Population, deposits: Ints, options: Options, rng: Generator) -> int:
    """Some accounts ask for a quarter of their first deposit at a drawn time; who has it bound is refused."""
    asking = np.flatnonzero((rng.random(people.count) < options.withdrawal_share) & ~people.is_maker)
    times = rng.integers(market.start_ms, market.end_ms, len(asking))
    for account, when in zip(asking.tolist(), times.tolist(), strict=True):
        amount = decimal_text(int(deposits[account]) // 4, market.decimals)
        log.add("transfers", "withdrawal", when, account=people.names[account], amount=amount)
    return len(asking)


def funding_and_periods(log: Log, market: Market, prices: list[Ints]) -> int:
    """Every 8 hours longs pay the venue's usual rate on the price then known; a period ends at midnight UTC."""
    rules = RULES[market.venue]
    hours = range(market.start_ms // HOUR_MS + 1, market.end_ms // HOUR_MS + 1)
    times = [hour * HOUR_MS for hour in hours if hour % 24 in rules.funding_hours]
    for series, known in zip(market.series, prices, strict=True):
        ticks = at_times(series, known, np.array(times, dtype=np.int64))
        steps = np.rint(series.worth(ticks, market.decimals) * rules.funding_ppm).astype(np.int64)
        for when, index in zip(times, np.cumsum(steps).tolist(), strict=True):
            log.add("prices", "funding", when, instrument=series.symbol, index=str(index))
    for day in range(market.start_ms // DAY_MS + 1, market.end_ms // DAY_MS + 1):
        log.add("commands", "period", day * DAY_MS)
    return len(times)
