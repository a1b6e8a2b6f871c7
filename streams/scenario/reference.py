"""The rules of the venue as messages: book, instruments, collateral, parameters, waterfall (RULEBOOK 16)."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.decimals import decimal_text
from schemas.governed import (
    AssetMessage,
    BookMessage,
    Bracket,
    InstrumentMessage,
    LayerMessage,
    ParametersMessage,
    WaterfallMessage,
)
from streams.scenario.log import Log
from streams.scenario.market import DAY_MS, Market, Series
from streams.scenario.venues import RULES, Table, insurance_scope, margin_tables

AUTHOR = "scenario"
PRICE_ROOM = 5  # the price bound, as a multiple of the greatest real price
BTC_DECIMALS = 6
BTC_LIMIT = "100"
BTC_HAIRCUT_PPM = 50_000
PACE_MS = 10_000
PACE_VOLUME_MS = 60_000  # what may be liquidated in PACE_MS: the real volume of this long
SMALL_MONEY = 5_000  # a position below this much quote money closes whole


@dataclass(frozen=True, slots=True)
class Sizes:
    """What the positions ask of an instrument, in lots."""

    limit: int
    backstop: int


def put_reference(log: Log, market: Market, sizes: list[Sizes], scale: float, call_ms: int, time_ms: int) -> None:
    """All reference lines, in the order in which a reader needs them."""
    head = {"book": market.book, "time_ms": time_ms, "version": 1, "author": AUTHOR}
    log.put(
        BookMessage(**head, id="book", reason="opened", settlement_asset=market.asset, decimals=market.decimals)  # type: ignore[arg-type]
    )
    for series, size in zip(market.series, sizes, strict=True):
        log.put(instrument(market, series, size, scale, time_ms))
    bitcoin = collateral_series(market)
    if bitcoin is not None:
        log.put(collateral(market, bitcoin, time_ms))
    log.put(parameters(market, scale, call_ms, time_ms))
    log.put(waterfall(market, time_ms))


def collateral_series(market: Market) -> Series | None:
    """Bitcoin is collateral where several coins share a book."""
    found = [series for series in market.series if series.symbol == "BTCUSDT"]
    return found[0] if found and len(market.series) > 2 else None


def brackets(table: Table) -> list[Bracket]:
    return [Bracket(str(floor), rate) for floor, rate in table]


def stale_ms(market: Market) -> int:
    """Five bars, or five minutes, without a price: not trusted."""
    return max(20 * market.step_ms, 300_000)


def hold_ms(market: Market) -> int:
    """Longer than two prices are apart, so that one bad print never wins by waiting."""
    return max(5 * market.step_ms // 2, 5_000)


def instrument(market: Market, series: Series, size: Sizes, scale: float, time_ms: int) -> InstrumentMessage:
    """Depth is the real volume of a day, impact a day's volatility: `F(x) = volatility N(x) sqrt(x / volume)`, the
    square-root law of market impact; the market refills as fast as it really traded."""
    maintenance, initial = margin_tables(market.venue, series.symbol)
    depth = max(1, round(series.daily_quantity * scale / series.lot_size))
    impact = series.volatility * float(series.worth(float(series.opening_ticks), market.decimals))
    return InstrumentMessage(
        book=market.book, id=f"instrument-{series.symbol}", time_ms=time_ms, version=1, author=AUTHOR,
        reason="listed", instrument=series.symbol, kind="inverse" if series.kind == "inverse" else "linear",
        tick=decimal_text(*series.tick), lot=decimal_text(*series.lot),
        mark=series.price_text(series.opening_ticks),
        max_price=series.price_text(PRICE_ROOM * max(int(series.ticks.max()), series.opening_ticks)),
        band_ppm=market.band_ppm, agree_ticks=3, hold_ms=hold_ms(market), stale_ms=stale_ms(market),
        position_limit=series.quantity_text(size.limit), mm_brackets=brackets(maintenance),
        im_brackets=brackets(initial), insurance_scope=insurance_scope(market.venue, series.symbol),
        half_spread_ticks=series.half_spread_ticks, impact=decimal_text(max(1, round(impact)), market.decimals),
        depth_lots=depth, refill_lots_per_ms=max(1, round(depth / DAY_MS)),
        backstop_limit=series.quantity_text(size.backstop),
    )  # fmt: skip


def collateral(market: Market, series: Series, time_ms: int) -> AssetMessage:
    """Bitcoin as collateral, priced like BTCUSDT."""
    return AssetMessage(
        book=market.book, id="asset-BTC", time_ms=time_ms, version=1, author=AUTHOR, reason="accepted", asset="BTC",
        tick=decimal_text(*series.tick), mark=series.price_text(series.opening_ticks),
        max_price=series.price_text(PRICE_ROOM * int(series.ticks.max())), band_ppm=market.band_ppm, agree_ticks=3,
        hold_ms=hold_ms(market), stale_ms=stale_ms(market), decimals=BTC_DECIMALS, haircut_ppm=BTC_HAIRCUT_PPM,
        limit=BTC_LIMIT,
    )  # fmt: skip


def quote_money(market: Market, series: Series) -> float:
    """One unit of quote money in units of the book: of an inverse book at the opening price."""
    scale = 10.0**market.decimals
    return scale / (series.opening_ticks * series.tick_size) if series.kind == "inverse" else scale


def parameters(market: Market, scale: float, call_ms: int, time_ms: int) -> ParametersMessage:
    """A quarter of a position at a time, no faster than the market trades; see docs/scenario.md for each figure."""
    first = market.series[0]
    money = quote_money(market, first)
    daily = sum(
        float(s.worth(float(s.opening_ticks), market.decimals)) * s.daily_quantity / s.lot_size for s in market.series
    )
    pace = max(int(daily * scale * PACE_VOLUME_MS / DAY_MS), int(100 * SMALL_MONEY * money * scale))
    small = max(1, int(SMALL_MONEY * money / float(first.worth(float(first.opening_ticks), market.decimals))))
    return ParametersMessage(
        book=market.book, id="parameters", time_ms=time_ms, version=1, author=AUTHOR, reason="opened",
        call_ms=call_ms, stop_ppm=1_100_000, liquidation_fee_ppm=RULES[market.venue].fee_ppm, window_ms=60_000,
        portion_ppm=250_000, min_notional=decimal_text(int(50_000 * money), market.decimals),
        small_lots=small if len(market.series) == 1 else 0,
        per_book_notional=decimal_text(pace, market.decimals), interval_ms=PACE_MS,
    )  # fmt: skip


def scopes(market: Market) -> list[str]:
    return sorted({insurance_scope(market.venue, series.symbol) for series in market.series})


def waterfall(market: Market, time_ms: int) -> WaterfallMessage:
    """Own contribution, junior operator capital, insurance, guarantee fund, senior capital, gains, uncovered."""
    insurance = [LayerMessage(id=f"insurance-{s}", kind="insurance", rank=3, scope=s) for s in scopes(market)]
    layers = [
        LayerMessage(id="defaulter", kind="defaulter_contribution", rank=1),
        LayerMessage(id="junior", kind="operator", rank=2),
        *insurance,
        LayerMessage(id="insurance-book", kind="insurance", rank=3),
        LayerMessage(id="guarantee", kind="guarantee_fund", rank=4),
        LayerMessage(id="senior", kind="operator", rank=5),
        LayerMessage(id="gains", kind="gains_haircut", rank=6),
        LayerMessage(id="uncovered", kind="uncovered", rank=7),
    ]
    return WaterfallMessage(
        book=market.book, id="waterfall", time_ms=time_ms, version=1, author=AUTHOR, reason="opened", layers=layers
    )


def round_up(lots: int) -> int:
    """To two leading digits, so that a limit reads as a limit.

    >>> round_up(12_345)
    13000
    """
    step = int(10 ** max(0, len(str(lots)) - 2))
    return -(-lots // step) * step
