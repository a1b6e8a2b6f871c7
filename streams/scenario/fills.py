"""Real trades put into accounts: the tape is real, who stood behind each print is drawn."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from streams.scenario.flows import add_trade
from streams.scenario.log import Log
from streams.scenario.market import Fills, Floats, Ints, Market
from streams.scenario.population import Population

MAKER_SIDE_SHARE = 0.8  # of the resting side that belongs to a market maker


def assign(fills: Fills, people: Population, rng: Generator) -> tuple[Ints, Ints]:
    """(buyer, seller) of each real trade: the taker drawn by size, the resting side mostly a maker, never the same."""
    count = len(fills.times_ms)
    weight = people.size / people.size.sum()
    takers = rng.choice(people.count, count, p=weight)
    makers = rng.integers(0, people.makers, count)
    others = rng.choice(people.count, count, p=weight)
    rests = np.where((rng.random(count) < MAKER_SIDE_SHARE) | (others == takers), makers, others)
    buyers = np.where(fills.is_buy, takers, rests).astype(np.int64)
    sellers = np.where(fills.is_buy, rests, takers).astype(np.int64)
    return buyers, sellers


def greatest_held(fills: Fills, buyers: Ints, sellers: Ints, held: Ints) -> Ints:
    """The largest absolute position of each account and instrument on its way through all its trades."""
    account = np.concatenate([buyers, sellers])
    column = np.concatenate([fills.series, fills.series])
    change = np.concatenate([fills.lots, -fills.lots])
    moment = np.concatenate([np.arange(len(buyers)), np.arange(len(sellers))])
    order = np.lexsort((moment, column, account))
    account, column, change = account[order], column[order], change[order]
    key = account * held.shape[1] + column
    starts = np.flatnonzero(np.diff(key, prepend=-1))
    run = np.cumsum(change)
    before = np.repeat(run[starts] - change[starts], np.diff(np.append(starts, len(key))))
    path = run - before + held[account, column]
    out = np.abs(held)
    np.maximum.at(out, (account, column), np.abs(path))
    return out


def write_fills(log: Log, market: Market, fills: Fills, people: Population, buyers: Ints, sellers: Ints) -> None:
    """Every real trade as a trade message."""
    rows = zip(
        buyers.tolist(),
        sellers.tolist(),
        *(c.tolist() for c in (fills.series, fills.lots, fills.ticks, fills.times_ms)),
        strict=True,
    )
    for buyer, seller, at, lots, ticks, when in rows:
        series = market.series[at]
        sides = (people.names[buyer], people.names[seller])
        add_trade(log, when, sides, series.symbol, series.quantity_text(lots), series.price_text(ticks))


def worst_prices(market: Market) -> list[int]:
    """The price at which a position is worth most while the tape runs: greatest, of an inverse one least."""
    return [int(s.ticks.min() if s.kind == "inverse" else s.ticks.max()) for s in market.series]


def peak_or_opening(market: Market, held: Ints, peak: Ints) -> tuple[Ints, list[int]]:
    """What deposits are sized on: with a real tape the peak at the worst price, else the opening."""
    if market.fills is None:
        return held, [series.opening_ticks for series in market.series]
    return peak, worst_prices(market)


def total_worth(market: Market, lots: Ints) -> Floats:
    """Units of one side's open interest, by instrument, at the opening price."""
    worth = [float(s.worth(float(s.opening_ticks), market.decimals)) for s in market.series]
    side: Floats = np.maximum(lots, 0).sum(axis=0) * np.array(worth)
    return side
