"""Builds a venue around real prices and writes its logs; the same file, size, seed and options give the same bytes."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import numpy as np
from numpy.random import Generator

from schemas.decimals import decimal_text
from schemas.governed import Command
from streams.scenario import fills, flows, funds
from streams.scenario.draw import Venue, draw_venue
from streams.scenario.holdings import pair_off
from streams.scenario.log import Log, whole_files
from streams.scenario.margin import notionals
from streams.scenario.market import Ints, Market, accepted_ticks
from streams.scenario.options import Options
from streams.scenario.read import read_market
from streams.scenario.reference import AUTHOR, Sizes, collateral_series, put_reference, round_up
from streams.scenario.summary import ScenarioSummary
from streams.scenario.venues import RULES

# Before the first price: the rules, then accounts, then money, then prices, then the opening trades.
RULES_MS, ACCOUNTS_MS, MONEY_MS, PRICES_MS, TRADES_MS = -10_000, -9_000, -8_000, -5_000, -3_000
BACKSTOP_LEVERAGE = 10


def make_scenario(market: Path, accounts: int, seed: int, out: Path, **options: object) -> ScenarioSummary:
    """Writes reference, commands, transfers, prices and trades as `<topic>.jsonl` into `out`, and scenario.json.

    `options` are the fields of `Options`; an unknown or ill-typed one raises `msgspec.ValidationError`. A file that
    no reader knows raises `UnknownMarketFile`.
    """
    chosen = msgspec.convert(options, Options)
    rng = np.random.Generator(np.random.PCG64(seed))
    venue = draw_venue(read_market(market, chosen.session), accounts, chosen, rng)
    log = Log(venue.market.book)
    put_setup(log, venue)
    put_isolated(log, venue)
    money = funds.put_funds(
        log,
        venue.market,
        venue.people,
        venue.open_interest_units,
        venue.sized_on,
        venue.options,
        venue.start_ms + MONEY_MS,
    )
    put_members_money(log, venue, rng)
    put_prices(log, venue.market)
    put_opening_trades(log, venue, rng)
    put_run(log, venue, rng)
    with whole_files(out) as folder:
        summary = summarize(venue, market.name, seed, money, log.write(folder))
        (folder / "scenario.json").write_text(json.dumps(summary.as_dict(), indent=2) + "\n", encoding="utf-8")
    return summary


def put_setup(log: Log, venue: Venue) -> None:
    """The rules, with limits that the largest member fills by half."""
    market, people = venue.market, venue.people
    capital = venue.open_interest_units.sum() * venue.options.backstop_share
    sizes = []
    for at, series in enumerate(market.series):
        worth = float(series.worth(float(series.opening_ticks), market.decimals))
        by_member = np.zeros(len(people.members), dtype=np.int64)
        np.add.at(by_member, people.member, np.ceil(venue.sized_on[:, at] / worth).astype(np.int64))
        limit = round_up(2 * max(int(by_member.max()), 1))
        backstop = int(capital * BACKSTOP_LEVERAGE / len(market.series) / worth)
        sizes.append(Sizes(limit, max(1, backstop)))
    put_reference(log, market, sizes, venue.scale, venue.call_ms, venue.start_ms + RULES_MS)


def put_isolated(log: Log, venue: Venue) -> None:
    """Isolated accounts are registered before they are used."""
    names, book = venue.people.names, venue.market.book
    for account in np.flatnonzero(venue.people.only >= 0).tolist():
        log.put(
            Command(
                book=book,
                id=f"open-{names[account]}",
                time_ms=venue.start_ms + ACCOUNTS_MS,
                version=1,
                author=AUTHOR,
                reason="isolated",
                kind="open_account",
                account=names[account],
                limited=True,
            )
        )


def put_members_money(log: Log, venue: Venue, rng: Generator) -> None:
    """First deposits, for some half in bitcoin; makers also for what they will take on during the run."""
    market, people = venue.market, venue.people
    coin = collateral_series(market)
    holders = (rng.random(people.count) < venue.options.collateral_share) & (people.only < 0) & ~people.is_maker
    for account, units in enumerate(venue.deposits.tolist()):
        if coin is not None and holders[account]:
            units -= funds.deposit_bitcoin(
                log, market, coin, people.names[account], units // 2, venue.start_ms + MONEY_MS
            )
        flows.deposit(log, venue.start_ms + MONEY_MS, people.names[account], units, market.decimals)


def put_prices(log: Log, market: Market) -> None:
    """The opening price of each instrument and asset, then every real price at its time."""
    coin = collateral_series(market)
    for series in market.series:
        times = [market.start_ms + PRICES_MS, *series.times_ms.tolist()]
        texts = [series.price_text(ticks) for ticks in [series.opening_ticks, *series.ticks.tolist()]]
        for when, text in zip(times, texts, strict=True):
            log.add("prices", "price", when, instrument=series.symbol, mark=text)
        if series is coin:
            for when, text in zip(times, texts, strict=True):
                log.add("prices", "price", when, asset="BTC", mark=text)


def put_opening_trades(log: Log, venue: Venue, rng: Generator) -> None:
    """Every opening position, by trades between accounts at the opening price."""
    names, when = venue.people.names, venue.start_ms + TRADES_MS
    for at, series in enumerate(venue.market.series):
        price = series.price_text(series.opening_ticks)
        for buyer, seller, lots in pair_off(venue.held[:, at], rng):
            flows.add_trade(log, when, (names[buyer], names[seller]), series.symbol, series.quantity_text(lots), price)


def put_run(log: Log, venue: Venue, rng: Generator) -> None:
    """What members do while prices move."""
    market, people, options = venue.market, venue.people, venue.options
    known = [accepted_ticks(series.ticks, market.band_ppm) for series in market.series]
    if market.fills is not None and venue.tape is not None:
        fills.write_fills(log, market, market.fills, people, *venue.tape)
    else:
        turned = flows.run_trades(log, market, people, venue.held, known, options, rng)
        makers_capital(log, venue, turned)
    flows.topups(log, market, people, venue.held, known, venue.deposits, venue.rates, venue.call_ms, options, rng)
    flows.withdrawals(log, market, people, venue.deposits, options, rng)
    flows.funding_and_periods(log, market, known)


def makers_capital(log: Log, venue: Venue, turned: Ints) -> None:
    """Makers deposit at the start for all that they will trade during the run, at their own leverage."""
    opening = [series.opening_ticks for series in venue.market.series]
    more = notionals(venue.market, turned, opening).sum(axis=1) / venue.people.leverage
    for account in range(venue.people.makers):
        units = int(more[account])
        if units:
            flows.deposit(log, venue.start_ms + MONEY_MS, venue.people.names[account], units, venue.market.decimals)


def summarize(venue: Venue, name: str, seed: int, money: dict[str, str], entries: dict[str, int]) -> ScenarioSummary:
    """The figures of what was drawn."""
    market, people = venue.market, venue.people
    sides = np.maximum(venue.held, 0).sum(axis=0).tolist()
    paid = int(venue.deposits.sum())
    return ScenarioSummary(
        market=name, book=market.book, seed=seed, accounts=people.count, members=len(people.members),
        isolated_accounts=int((people.only >= 0).sum()), makers=people.makers, scale=venue.scale,
        start_ms=market.start_ms, end_ms=market.end_ms,
        open_interest={s.symbol: s.quantity_text(lots) for s, lots in zip(market.series, sides, strict=True)},
        funds=money, deposits=decimal_text(paid, market.decimals),
        mean_leverage=2 * float(venue.open_interest_units.sum()) / paid,
        entries=entries, real=market.real, assumed=[*market.assumed, *ASSUMED],
        sources=list(RULES[market.venue].sources),
    )  # fmt: skip


ASSUMED = [
    "last trades or mids stand for marks",
    "accounts, their sizes (Pareto), leverage (lognormal), sides, trades, top-ups and withdrawals are drawn by seed",
    "market impact: the square-root law with the file's volume and volatility; it moves no mark",
    "funding at 0.01 percent each 8 hours, whatever the market did",
    "call time, pace, stop level, guarantee fund, operator capital and backstop: ours, see docs/scenario.md",
]
