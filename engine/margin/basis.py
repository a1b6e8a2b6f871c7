"""What a requirement counts as notional, and requirements said as a leverage (RULEBOOK 15.1).

Default: notional at the mark, so a requirement follows the market (Binance cross, dYdX, Deribit). Basis `entry`: the
entry value, so that the requirement of a position stays while nobody trades and the liquidation price is known at the
trade (Bybit isolated, BitMEX). It is not the default, since a short that the market runs away from outgrows it.
"""

from __future__ import annotations

from engine.contracts import Contract
from engine.numbers import PPM, div_up
from engine.value import notional


def entry_basis(contract: Contract, held: int, entry_units: int, lots: int, mark: int) -> int:
    """The notional of `lots` that an account with `held` at this entry value would have, in units, rounded up.

    Less than held, same side: the kept share of `|entry|`, what `entry_after` leaves. More: the rest at the mark.
    The other side: all at the mark.
    """
    if held == 0 or (held > 0) != (lots > 0):
        return notional(contract, lots, mark)
    if abs(lots) <= abs(held):
        return div_up(abs(entry_units) * abs(lots), abs(held))
    return abs(entry_units) + notional(contract, abs(lots) - abs(held), mark)


def at_leverage(notional_units: int, leverage_num: int, leverage_den: int = 1) -> int:
    """`ceil(N / leverage)` in units: the member bears the rounding. Leverage above zero, an exact ratio."""
    return div_up(notional_units * leverage_den, leverage_num)


def rate_at_leverage(leverage_num: int, leverage_den: int = 1, times: int = 1) -> int:
    """The rate `1 / (times * leverage)` in ppm, rounded up: the member bears less than one ppm, and never above 10^6.

    `times` 2: maintenance is half of the initial margin at the greatest leverage (Hyperliquid).
    """
    return min(PPM, div_up(PPM * leverage_den, leverage_num * times))
