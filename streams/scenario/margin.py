"""Margin as a scenario estimates it to size deposits: member-level brackets (RULEBOOK 16.5), in floats, buffered."""

from __future__ import annotations

import numpy as np

from streams.scenario.market import Floats, Ints, Market
from streams.scenario.population import Population
from streams.scenario.venues import Table, margin_tables

BUFFER = 1.02  # of initial margin, the least that anybody deposits
SLACK_UNITS = 1_000  # for the units that roundings take


def bracket_amount(notional: Floats, table: Table, decimals: int) -> Floats:
    """The continuous requirement of RULEBOOK 4: each rate on the part of the notional above its floor."""
    amount = np.zeros_like(notional)
    before = 0
    for floor, rate in table:
        amount += np.maximum(notional - floor * 10.0**decimals, 0.0) * (rate - before) / 1_000_000
        before = rate
    return amount


def notionals(market: Market, lots: Ints, ticks: list[int]) -> Floats:
    """Units, one row an account, one column an instrument, at `ticks`."""
    worth = [float(s.worth(float(p), market.decimals)) for s, p in zip(market.series, ticks, strict=True)]
    out: Floats = np.abs(lots).astype(np.float64) * np.array(worth)
    return out


def requirements(market: Market, people: Population, notional: Floats) -> tuple[Floats, Floats]:
    """(maintenance, initial) margin of each account, its share of its member's."""
    total = np.zeros((len(people.members), notional.shape[1]))
    np.add.at(total, people.member, notional)
    share = notional / np.maximum(total[people.member], 1e-9)
    sums = []
    for kind in (0, 1):
        tables = [margin_tables(market.venue, series.symbol)[kind] for series in market.series]
        amounts = [bracket_amount(total[:, at], table, market.decimals) for at, table in enumerate(tables)]
        sums.append((np.stack(amounts, axis=1)[people.member] * share).sum(axis=1))
    return sums[0], sums[1]


def opening_deposits(people: Population, notional: Floats, initial: Floats) -> Ints:
    """`max(notional / leverage, 1.02 IM)` and a little for rounding, in units; who holds nothing gets a token sum."""
    wanted = np.maximum(notional.sum(axis=1) / people.leverage, BUFFER * initial)
    units: Ints = np.ceil(wanted).astype(np.int64) + SLACK_UNITS
    return units
