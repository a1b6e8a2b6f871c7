"""Parameters of a book as integers (RULEBOOK 11, 16.10): versioned data, compiled once; and money as rules say it."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import UnsetType

from engine.numbers import AMOUNT_BOUND, PPM
from schemas.codes import Code, Refused
from schemas.decimals import units_of
from schemas.governed import ParametersMessage


@dataclass(frozen=True, slots=True)
class Parameters:
    """`ParametersMessage` with money in units; see there for the meaning of each."""

    late_ms: int
    ahead_ms: int
    call_ms: int
    stop_ppm: int
    liquidation_fee_ppm: int
    is_venue: bool
    order_ms: int
    max_close_ms: int
    window_ms: int
    window_max_ms: int
    round_ms: int
    sale_ms: int
    portion_ppm: int
    min_notional_units: int
    small_lots: int
    per_account_units: int | None
    per_book_units: int | None
    interval_ms: int
    vest_gains: bool
    version: int
    takeover_ppm: int = 0  # zero: the market is tried whatever is left
    withdrawal_factor: bool = False
    closing_ppm: tuple[int, int] | None = None  # adjustment and spread of the closing limit; None: bankruptcy alone
    bears_whole: bool = False
    cure_ms: int | None = None
    recoveries: bool = False


def compile_parameters(message: ParametersMessage, decimals: int) -> Parameters:
    """Refuses CROSSED_PARAMETERS: a window that may end before it is due, a fee above a whole, half a variant."""
    if message.window_max_ms < message.window_ms:
        raise Refused(Code.CROSSED_PARAMETERS, "window_max_ms is below window_ms")
    if message.liquidation_fee_ppm > PPM:
        raise Refused(Code.CROSSED_PARAMETERS, "liquidation_fee_ppm is above 10^6")
    return Parameters(
        late_ms=message.late_ms, ahead_ms=message.ahead_ms, call_ms=message.call_ms, stop_ppm=message.stop_ppm,
        liquidation_fee_ppm=message.liquidation_fee_ppm, is_venue=message.execution == "venue",
        order_ms=message.order_ms, max_close_ms=message.max_close_ms, window_ms=message.window_ms,
        window_max_ms=message.window_max_ms, round_ms=message.round_ms, sale_ms=message.sale_ms,
        portion_ppm=message.portion_ppm, min_notional_units=money(message.min_notional, decimals),
        small_lots=message.small_lots, per_account_units=optional_money(message.per_account_notional, decimals),
        per_book_units=optional_money(message.per_book_notional, decimals), interval_ms=message.interval_ms,
        vest_gains=message.vest_gains, takeover_ppm=message.takeover_ppm or 0, closing_ppm=_closing(message),
        withdrawal_factor=message.withdrawal_factor is True, bears_whole=message.bankruptcy_share == "whole",
        cure_ms=None if isinstance(message.cure_ms, UnsetType) else message.cure_ms,
        recoveries=message.recoveries is True, version=message.version,
    )  # fmt: skip


def _closing(message: ParametersMessage) -> tuple[int, int] | None:
    """Refuses CROSSED_PARAMETERS: an adjustment of nothing, or a limit where no orders go out (17.19)."""
    spread, adjustment = message.closing_spread_ppm, message.closing_adjustment_ppm
    if isinstance(spread, UnsetType):
        if not isinstance(adjustment, UnsetType):
            raise Refused(Code.CROSSED_PARAMETERS, "closing_adjustment_ppm without closing_spread_ppm")
        return None
    if message.execution != "venue":
        raise Refused(Code.CROSSED_PARAMETERS, "closing_spread_ppm limits orders at the venue")
    return PPM if isinstance(adjustment, UnsetType) else adjustment, spread


def money(text: str, decimals: int) -> int:
    """Money of a rule: zero is allowed, and at most what one message may say (17.3)."""
    units = units_of(text, decimals)
    if units < 0:
        raise Refused(Code.NOT_POSITIVE, f"expected zero or more, found {text}")
    if units > AMOUNT_BOUND:
        raise Refused(Code.AMOUNT_BEYOND_BOUND, f"amount {text} is beyond 2^60 units")
    return units


def optional_money(text: str | None, decimals: int) -> int | None:
    """None stays None: no limit."""
    return None if text is None else money(text, decimals)
