"""When a venue deleverages (RULEBOOK 15.5), other than because its backstop refused: by its fund, or by profit.

By default 6.7 asks nothing of this: the layer's rank says what is used up before it.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.numbers import PPM

Ratio = tuple[int, int]


def is_drawn_down(was_on: bool, high_units: int, now_units: int, on_ppm: int = 300_000, off_ppm: int = 250_000) -> bool:
    """Whether the fund has fallen too far from its high of the last hours (Bybit: 8 h).

    On when it is at or below `-on_ppm` of the high, so also when it is empty, off above `-off_ppm` of it; between the
    two it stays as it was. All in whole units, compared by cross multiplication.
    """
    fallen = (high_units - now_units) * PPM
    if fallen >= on_ppm * high_units:
        return True
    return was_on and fallen >= off_ppm * high_units


def is_below_mean(samples_units: Sequence[int], now_units: int, share_ppm: int = 700_000) -> bool:
    """Whether the fund is below a share of the mean of its samples of the last hours (OKX: 0.7 of 8 h)."""
    return now_units * len(samples_units) * PPM < share_ppm * sum(samples_units)


def profit_over_pool(profit_units: int, pool_units: int) -> Ratio:
    """`pending profit / pool value` (GMX), exact. ValueError unless the pool is above zero."""
    if pool_units <= 0:
        raise ValueError(f"expected a pool above zero, found {pool_units} units")
    return profit_units, pool_units


def is_above(ratio: Ratio, most_ppm: int) -> bool:
    """Whether the ratio is strictly above its maximum: at it, nothing happens (GMX)."""
    return ratio[0] * PPM > most_ppm * ratio[1]
