"""In what order profit is deleveraged (RULEBOOK 15.5): scores as exact ratios, greatest first, and weights.

A ratio has a denominator above zero. `rank_ppm` makes it the whole number that the queue sorts by and that is told, so
that anyone can sort again; who differs by less than 10^-6 is equal, and goes by id.
"""

from __future__ import annotations

from engine.numbers import PPM, div_down

Ratio = tuple[int, int]
SCORE_MAX = 2**62


def bitmex(profit_units: int, entry_units: int, value_units: int, bankruptcy: Ratio) -> Ratio:
    """`pnl% * leverage`, divided by it when negative; `pnl% = profit / |entry|`, `leverage = |V| / (V - B)`.

    Why not the default: a position that cannot go bankrupt (V <= B) has no leverage, and comes last here (score 0).
    """
    b_num, b_den = bankruptcy
    cushion, size = value_units * b_den - b_num, abs(value_units) * b_den
    if not entry_units or cushion <= 0 or not size:
        return 0, 1
    over, under = (size, cushion) if profit_units >= 0 else (cushion, size)
    return profit_units * over, abs(entry_units) * under


def binance_profit(profit_units: int, wallet_units: int, one_units: int) -> Ratio:
    """`PnL% = max(0, profit) / max(1, wallet)`: `one_units` is 1 of the settlement asset."""
    return max(0, profit_units), max(one_units, wallet_units)


def binance(profit_units: int, wallet_units: int, one_units: int, mm_units: int, equity_units: int) -> Ratio:
    """`PnL% * MM / equity`, account by account. Why not the default: a large wallet hides a leveraged position."""
    num, den = binance_profit(profit_units, wallet_units, one_units)
    return (num * mm_units, den * equity_units) if equity_units > 0 else (0, 1)


def hyperliquid(value_units: int, entry_units: int, notional_units: int, equity_units: int) -> Ratio:
    """`(mark / entry) * (N / equity)`, for a short `entry / mark`: how far it has moved for its holder, times leverage.

    The default of this engine: both factors are on the account's statement, and neither needs a wallet.
    """
    if not entry_units or equity_units <= 0 or not value_units:
        return 0, 1
    moved = (abs(value_units), abs(entry_units))
    num, den = moved if entry_units > 0 else moved[::-1]
    return num * notional_units, den * equity_units


def rank_ppm(score: Ratio) -> int:
    """The score in millionths, rounded down, within +-2^62."""
    return max(-SCORE_MAX, min(SCORE_MAX, div_down(score[0] * PPM, score[1])))


def risk_weight(equity_units: int, leverage: Ratio, power: int) -> int:
    """`equity * l * g(l)`, `g(l) = l^power` (arXiv 2512.01112): the share of who is leveraged grows with leverage.

    Units, rounded down; section 9 shares by it. Why not the default: it charges leverage that did not cause the loss.
    """
    num, den = leverage
    return div_down(max(0, equity_units) * num ** (1 + power), den ** (1 + power))


def fifth(ahead_lots: int, total_lots: int) -> int:
    """The lights that venues show, 5 for the front of the queue to 1: which fifth of all lots begins ahead of one."""
    return 5 - div_down(5 * ahead_lots, total_lots)
