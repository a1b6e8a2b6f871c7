"""What can be chosen about a scenario; every default is an assumption that docs/scenario.md states."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

Share = Annotated[float, Meta(ge=0, le=1)]
Positive = Annotated[float, Meta(gt=0, le=1_000)]
Tail = Annotated[float, Meta(ge=0.25, le=1_000)]  # below, one draw may be larger than a float holds


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Shares are of accounts unless said otherwise; `None` leaves the choice to the market.

    `open_interest_days`: open interest as days of the real traded volume (BitMEX: 115,000 XBT instead).
    `scale`: share of the real venue that is built; by default `accounts / 10,000`, at most 1.
    """

    session: Annotated[int, Meta(ge=1, le=3)] = 3
    scale: Positive | None = None
    open_interest_days: Positive = 0.25
    size_tail: Tail = 1.4
    size_cap: Share = 0.02
    isolated_share: Share = 0.3
    isolated_leverage: Positive = 18.0
    cross_leverage: Positive = 6.0
    trades_per_account: Annotated[float, Meta(ge=0, le=1_000)] = 1.0
    topup_share: Share = 0.35
    withdrawal_share: Share = 0.03
    collateral_share: Share = 0.1
    clearing_share: Share = 0.05
    guarantee_share: Share = 0.05
    insurance_share: Share | None = None
    operator_share: Share = 0.0025
    backstop_share: Share = 0.3
    call_ms: Annotated[int, Meta(ge=0, le=2**53)] | None = None
