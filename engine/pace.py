"""How fast a liquidation may go (RULEBOOK 6.2, 15.4): one step, and a window by the venue's own depth.

17.9's pace counts notional in intervals of the clock; what a window lets go of is a number to put in its place.
"""

from __future__ import annotations

from engine.numbers import PPM, div_down


def step_units(notional_units: int, min_notional_units: int, portion_ppm: int) -> int:
    """Most notional of one step: `min(N, max(min_notional, floor(portion N / 10^6)))` (dYdX, 16.10)."""
    return min(notional_units, max(min_notional_units, div_down(portion_ppm * notional_units, PPM)))


def window_lots(maker_ppm: int, taker_ppm: int, scale_lots: int, multiplier_ppm: int, window_ms: int) -> int:
    """`(maker + taker) * scale * multiplier * seconds` (Synthetix): what one window lets go of, rounded down.

    Not the default: fees and scale say what a venue's market carries in a second only where they were set for that.
    """
    return div_down((maker_ppm + taker_ppm) * scale_lots * multiplier_ppm * window_ms, PPM * PPM * 1_000)
