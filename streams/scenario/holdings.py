"""Opening positions: open interest shared out by size, longs against shorts, the makers taking what is left."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from streams.scenario.market import Floats, Ints, Market, Series
from streams.scenario.options import Options
from streams.scenario.population import Population

BITMEX_OPEN_INTEREST_XBT = 115_000.0
ACCOUNTS_OF_A_WHOLE_VENUE = 10_000


def venue_scale(accounts: int, options: Options) -> float:
    """Which share of the real venue is built: few accounts hold a small open interest in a thin market."""
    return options.scale or min(1.0, accounts / ACCOUNTS_OF_A_WHOLE_VENUE)


def open_interest_lots(series: Series, market: Market, scale: float, options: Options) -> int:
    """One side's lots at the start."""
    quantity = series.daily_quantity * options.open_interest_days
    if market.venue == "bitmex":
        quantity = BITMEX_OPEN_INTEREST_XBT * series.opening_ticks * series.tick_size
    return max(10, int(quantity * scale / series.lot_size))


def opening_holdings(market: Market, people: Population, scale: float, options: Options, rng: Generator) -> Ints:
    """Signed lots, one row an account, one column an instrument; every column sums to zero."""
    interest = [open_interest_lots(series, market, scale, options) for series in market.series]
    share = draw_mix(len(market.series), people, rng)
    lots = np.zeros((people.count, len(interest)), dtype=np.int64)
    for column, whole in enumerate(interest):
        side = np.where(rng.random(people.count) < 0.5, 1, -1)
        for sign in (1, -1):
            own = (side == sign) & (share[:, column] > 0)
            weight = np.where(own, people.size * share[:, column], 0.0)
            wanted = weight / max(float(weight.sum()), 1e-12) * whole
            lots[:, column] += sign * np.minimum(wanted, options.size_cap * whole).astype(np.int64)
    give_rest_to_makers(lots, people.makers)
    return lots


def draw_mix(instruments: int, people: Population, rng: Generator) -> Floats:
    """How an account splits its size: an isolated one has one instrument, another one to four."""
    if instruments == 1:
        return np.ones((people.count, 1), dtype=np.float64)
    mix = rng.dirichlet(np.full(instruments, 0.5), people.count)
    kept = np.minimum(rng.geometric(0.5, people.count), min(4, instruments))
    floor = np.take_along_axis(np.sort(mix, axis=1), (instruments - kept)[:, None], axis=1)
    mix = np.where(mix >= floor, mix, 0.0)
    isolated = people.only >= 0
    mix[isolated] = 0.0
    mix[np.flatnonzero(isolated), people.only[isolated]] = 1.0
    mixed: Floats = mix / mix.sum(axis=1, keepdims=True)
    return mixed


def give_rest_to_makers(lots: Ints, makers: int) -> None:
    """Makers take the opposite of what the others hold together, evenly; the first one the odd lots."""
    for column in range(lots.shape[1]):
        rest = -int(lots[:, column].sum())
        each, odd = divmod(abs(rest), makers)
        lots[:makers, column] = each if rest > 0 else -each
        lots[0, column] += odd if rest > 0 else -odd


def pair_off(held: Ints, rng: Generator) -> list[tuple[int, int, int]]:
    """(buyer, seller, lots): trades that make `held` from nothing, longs and shorts side by side in drawn order."""
    longs, shorts = rng.permutation(np.flatnonzero(held > 0)), rng.permutation(np.flatnonzero(held < 0))
    if len(longs) == 0:
        return []
    ends_long, ends_short = np.cumsum(held[longs]), np.cumsum(-held[shorts])
    ends = np.union1d(ends_long, ends_short)
    buyers = longs[np.searchsorted(ends_long, ends)]
    sellers = shorts[np.searchsorted(ends_short, ends)]
    sizes = np.diff(ends, prepend=0)
    return list(zip(buyers.tolist(), sellers.tolist(), sizes.tolist(), strict=True))
