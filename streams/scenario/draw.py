"""Draws a venue: members, their positions and what they deposit for them, before a line is written."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from streams.scenario import fills
from streams.scenario.holdings import opening_holdings, venue_scale
from streams.scenario.margin import notionals, opening_deposits, requirements
from streams.scenario.market import Floats, Ints, Market
from streams.scenario.options import Options
from streams.scenario.population import Population, make_population

MARGIN_CALL_MS, MARGIN_CALL_SHORT_MS = 3_600_000, 60_000
SHORT_RUN_MS = 6 * 3_600_000


@dataclass(frozen=True, slots=True)
class Venue:
    """All that is drawn before the first line is written."""

    market: Market
    options: Options
    people: Population
    scale: float
    call_ms: int
    held: Ints
    sized_on: Floats
    rates: tuple[Floats, Floats]
    deposits: Ints
    tape: tuple[Ints, Ints] | None

    @property
    def start_ms(self) -> int:
        return self.market.start_ms

    @property
    def open_interest_units(self) -> Floats:
        return fills.total_worth(self.market, self.held)


def draw_venue(market: Market, accounts: int, options: Options, rng: Generator) -> Venue:
    """Members, their positions and what they deposit for them."""
    people = make_population(accounts, [series.symbol for series in market.series], options, rng)
    scale = venue_scale(accounts, options)
    held = opening_holdings(market, people, scale, options, rng)
    tape = None if market.fills is None else fills.assign(market.fills, people, rng)
    peak = np.abs(held) if market.fills is None or tape is None else fills.greatest_held(market.fills, *tape, held)
    notional = notionals(market, *fills.peak_or_opening(market, held, peak))
    maintenance, initial = requirements(market, people, notional)
    whole = np.maximum(notional.sum(axis=1), 1.0)
    short = market.end_ms - market.start_ms < SHORT_RUN_MS
    call_ms = options.call_ms if options.call_ms is not None else MARGIN_CALL_SHORT_MS if short else MARGIN_CALL_MS
    return Venue(
        market=market, options=options, people=people, scale=scale, call_ms=call_ms, held=held, sized_on=notional,
        rates=(maintenance / whole, initial / whole), deposits=opening_deposits(people, notional, initial), tape=tape,
    )  # fmt: skip
