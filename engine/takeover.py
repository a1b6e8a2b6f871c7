"""When a position is taken over instead of sold, and at what price (RULEBOOK 6.6, 15.6)."""

from __future__ import annotations

from enum import StrEnum

from engine.contracts import Contract
from engine.execution import mark_cash
from engine.numbers import ppm_up


class Stage(StrEnum):
    """How near an account is to its end, by equity against falling requirements."""

    SOUND = "sound"
    NO_NEW_RISK = "no new risk"
    MARKET = "market liquidation"
    TAKEOVER = "takeover"
    INSOLVENT = "insolvent"


def stage(equity: int, im: int, mm: int, takeover_units: int) -> Stage:
    """The stage of an account; each boundary itself belongs to the better one. `0 <= takeover <= MM <= IM`, in units.

    Not the default, where a liquidation first tries the market whatever is left: with a level below MM what is thin is
    handed over while it is still worth something. Source: FTX (auto-close margin), Hyperliquid (2/3 of MM).
    """
    if equity < 0:
        return Stage.INSOLVENT
    if equity < takeover_units:
        return Stage.TAKEOVER
    if equity < mm:
        return Stage.MARKET
    return Stage.SOUND if equity >= im else Stage.NO_NEW_RISK


def is_due(equity: int, mm: int, takeover_ppm: int) -> bool:
    """Whether an account is below its takeover level; never where there is none."""
    return bool(takeover_ppm) and equity < level(mm, takeover_ppm)


def level(mm: int, takeover_ppm: int) -> int:
    """The takeover level as a share of MM, in units, rounded up: the member bears it."""
    return ppm_up(mm, takeover_ppm)


def at_mark(contract: Contract, position: int, lots: int, mark: int, equity: int) -> tuple[int, int]:
    """Cash of a takeover of `lots` at the mark, and what the fund takes of the account then: all equity above zero.

    Equity does not change by trading at the mark, so the account ends at zero, or below it by its whole loss. Not the
    default: what a sound close leaves belongs to the member. Source: Vega, close-out by the network.
    """
    return mark_cash(contract, position, lots, mark), max(0, equity)
