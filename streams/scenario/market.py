"""What a scenario knows of a market: real prices in ticks with their times, and what was really traded.

Floats live here (volumes, volatility): a scenario stands outside the engine, and its messages carry exact text.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from schemas.decimals import decimal_text

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
DAY_MS = 86_400_000
VOLATILITY_BOUNDS = (0.01, 0.5)


class UnknownMarketFile(ValueError):
    """The file's columns are none that a reader knows, or its rows are not what its columns promise."""


@dataclass(frozen=True, slots=True)
class Series:
    """One instrument's real prices: `ticks[i]` became known at `times_ms[i]`, rising times.

    `tick` and `lot` are (mantissa, decimals): (5, 1) is 0.5. `daily_quantity` is coins, or contracts of an
    inverse instrument; `volatility` the standard deviation of a day's log return.
    """

    symbol: str
    kind: str
    tick: tuple[int, int]
    lot: tuple[int, int]
    opening_ticks: int
    times_ms: Ints
    ticks: Ints
    daily_quantity: float
    volatility: float
    half_spread_ticks: int

    @property
    def tick_size(self) -> float:
        return self.tick[0] / 10.0 ** self.tick[1]

    @property
    def lot_size(self) -> float:
        return self.lot[0] / 10.0 ** self.lot[1]

    def worth(self, ticks: Floats | Ints | float, decimals: int) -> Floats:
        """Unsigned value of one lot in units of 10^-decimals at `ticks` (RULEBOOK 3, contract value 1)."""
        price = np.asarray(ticks, dtype=np.float64) * self.tick_size
        scale = self.lot_size * 10.0**decimals
        return scale / price if self.kind == "inverse" else scale * price

    def gain(self, ticks: Floats | Ints, decimals: int) -> Floats:
        """What one long lot has gained in units since the opening price."""
        change = self.worth(ticks, decimals) - self.worth(float(self.opening_ticks), decimals)
        return -change if self.kind == "inverse" else change

    def price_text(self, ticks: int) -> str:
        return decimal_text(ticks * self.tick[0], self.tick[1])

    def quantity_text(self, lots: int) -> str:
        return decimal_text(lots * self.lot[0], self.lot[1])


@dataclass(frozen=True, slots=True)
class Fills:
    """Real trades, by time: `series` says whose, `is_buy` the taker's side."""

    times_ms: Ints
    series: Ints
    ticks: Ints
    lots: Ints
    is_buy: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Market:
    """A file as a reader saw it. `step_ms` is the usual distance of two prices, `band_ppm` their mark band."""

    venue: str
    book: str
    asset: str
    decimals: int
    step_ms: int
    band_ppm: int
    series: tuple[Series, ...]
    fills: Fills | None = None
    real: list[str] = field(default_factory=list)
    assumed: list[str] = field(default_factory=list)

    @property
    def start_ms(self) -> int:
        return int(min(s.times_ms[0] for s in self.series))

    @property
    def end_ms(self) -> int:
        return int(max(s.times_ms[-1] for s in self.series))

    def __post_init__(self) -> None:
        for series in self.series:
            if len(series.times_ms) == 0 or np.any(np.diff(series.times_ms) < 0) or series.ticks.min() < 1:
                raise UnknownMarketFile(f"{series.symbol}: prices must be positive and their times must rise")


def to_ticks(prices: Floats, tick: tuple[int, int]) -> Ints:
    """Prices as whole ticks; a price that is off the tick is a defect of the reader and raises."""
    exact = prices * 10.0 ** tick[1] / tick[0]
    ticks = np.rint(exact)
    if np.any(np.abs(exact - ticks) > 1e-4):
        raise UnknownMarketFile(f"a price is not a multiple of {decimal_text(*tick)}")
    return ticks.astype(np.int64)


def daily_volatility(closes: Floats, step_ms: float) -> float:
    """Root mean square of log returns, scaled to a day, within VOLATILITY_BOUNDS."""
    returns = np.diff(np.log(closes))
    day = float(np.sqrt(np.mean(returns**2))) * sqrt(DAY_MS / step_ms) if len(returns) else 0.0
    return float(np.clip(day, *VOLATILITY_BOUNDS))


def accepted_ticks(ticks: Ints, band_ppm: int, agree: int = 3) -> Ints:
    """The last believable price at each point: a jump beyond the band waits for `agree` prints (RULEBOOK 6.8).

    Only what the scenario itself does (its trades, top-ups, funding) follows these; the log carries all prints.
    """
    band = band_ppm / 1_000_000
    out = ticks.copy()
    last, held = int(ticks[0]), 0
    for at, now in enumerate(ticks.tolist()):
        held = 0 if abs(now - last) <= band * last else held + 1
        if held == 0 or held >= agree:
            last, held = now, 0
        out[at] = last
    return out


def at_times(series: Series, ticks: Ints, times_ms: Ints) -> Ints:
    """The price that was known at each time; before the first one, the opening price."""
    at = np.searchsorted(series.times_ms, times_ms, side="right") - 1
    return np.where(at >= 0, ticks[np.maximum(at, 0)], series.opening_ticks).astype(np.int64)
