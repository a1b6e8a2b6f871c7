"""What rules a book (RULEBOOK 11, 16.1): listings, parameters, the waterfall, and commands."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from schemas.message import Count, Decimal, Governed, Name, Ppm, TimeMs


class BookMessage(Governed, frozen=True, kw_only=True, tag="book"):
    """Opens a book: one settlement asset and its smallest unit, 10^-decimals.

    `shards`: how many a live system begins with (2a.1); it says who computes, and changes nothing that is computed.
    """

    settlement_asset: Name
    decimals: Annotated[int, Meta(ge=0, le=18)]
    shards: Annotated[int, Meta(ge=1, le=1024)] = 1


class Bracket(Struct, frozen=True, forbid_unknown_fields=True):
    """From notional `floor` on, the marginal rate is `rate_ppm` (RULEBOOK 4)."""

    floor: Decimal
    rate_ppm: Ppm


class Quoted(Governed, frozen=True, kw_only=True):
    """What has a mark (RULEBOOK 16.9, 17.14). `mark` is the reference price at listing; zero switches a rule off.

    After `stale_ms` without a tick it is not trusted, after `max_stale_ms` a settlement price is asked for.
    """

    tick: Decimal
    mark: Decimal
    max_price: Decimal
    min_price: Decimal | None = None
    band_ppm: Ppm = 0
    agree_ticks: Annotated[int, Meta(ge=1, le=1000)] = 3
    hold_ms: Count = 60_000
    stale_ms: Count = 0
    max_stale_ms: Count = 0


class AssetMessage(Quoted, frozen=True, kw_only=True, tag="asset"):
    """Collateral other than the settlement asset; `limit` bounds what one account may hold in columns."""

    asset: Name
    decimals: Annotated[int, Meta(ge=0, le=18)]
    haircut_ppm: Annotated[int, Meta(ge=0, le=1_000_000)]
    limit: Decimal


class InstrumentMessage(Quoted, frozen=True, kw_only=True, tag="instrument"):
    """A contract, its margin brackets, and the simulated market of a replay (RULEBOOK 3, 4, 6.5).

    `insurance_scope` None: the fund of the book, `@insurance/<book>`. What follows it are variants of margin (17.17),
    written only where they are said: the basis of notional, the cost of closing in MM, what each unit of quantity
    beyond `free_quantity` adds to both rates, and open interest between two caps, in money, in the rate of IM.
    """

    instrument: Name
    kind: Literal["linear", "inverse"]
    lot: Decimal
    contract_value: Decimal = "1"
    position_limit: Decimal
    mm_brackets: Annotated[list[Bracket], Meta(min_length=1, max_length=32)]
    im_brackets: Annotated[list[Bracket], Meta(min_length=1, max_length=32)]
    insurance_scope: Name | None = None
    expiry_ms: TimeMs | None = None
    half_spread_ticks: Count = 0
    impact: Decimal = "0"
    depth_lots: Annotated[int, Meta(ge=1, le=2**53)] = 1
    refill_lots_per_ms: Count = 0
    backstop_limit: Decimal = "0"
    margin_basis: Literal["mark", "entry"] | UnsetType = UNSET
    closing_cost_ppm: Ppm | UnsetType = UNSET
    rate_per_unit: Decimal | UnsetType = UNSET
    free_quantity: Decimal | UnsetType = UNSET
    open_interest: Decimal | UnsetType = UNSET
    interest_lower: Decimal | UnsetType = UNSET
    interest_upper: Decimal | UnsetType = UNSET


class ParametersMessage(Governed, frozen=True, kw_only=True, tag="parameters"):
    """The parameters of a book (RULEBOOK 5-7, 16.10). `call_ms` zero: no margin calls. Null: no limit.

    What follows `vest_gains` are variants, written only where they are said. `takeover_ppm`: the share of MM below
    which an account is taken over instead of sold (17.18). `closing_spread_ppm` and `closing_adjustment_ppm` (10^6
    when only the other is said): a limit of orders at the venue nearer the mark than bankruptcy (17.19).
    `withdrawal_factor`: while a loss is uncovered, who takes money out leaves its part of it behind (17.24).
    `bankruptcy_share`: how much of its account's equity a position bears (15.2). `cure_ms`: how long a loss may stay
    uncovered before the book is wound down; without it, for ever (17.25). `recoveries`: whether it is kept who bore a
    loss, so that what is recovered flows back (17.26).
    """

    late_ms: Count = 60_000
    ahead_ms: Count = 604_800_000
    call_ms: Count = 0
    stop_ppm: Annotated[int, Meta(ge=1_000_000, le=100_000_000)] = 1_000_000
    liquidation_fee_ppm: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    execution: Literal["simulated", "venue"] = "simulated"
    order_ms: Count = 10_000
    max_close_ms: Count = 60_000
    window_ms: Count = 0
    window_max_ms: Annotated[int, Meta(ge=1, le=2**53)] = 3_600_000
    round_ms: Annotated[int, Meta(ge=1, le=2**53)] = 5_000
    sale_ms: Count = 60_000
    portion_ppm: Annotated[int, Meta(ge=1, le=1_000_000)] = 1_000_000
    min_notional: Decimal = "0"
    small_lots: Count = 0
    per_account_notional: Decimal | None = None
    per_book_notional: Decimal | None = None
    interval_ms: Annotated[int, Meta(ge=1, le=2**53)] = 1_000
    vest_gains: bool = False
    takeover_ppm: Annotated[int, Meta(ge=1, le=1_000_000)] | UnsetType = UNSET
    withdrawal_factor: bool | UnsetType = UNSET
    closing_spread_ppm: Annotated[int, Meta(ge=0, le=1_000_000)] | UnsetType = UNSET
    closing_adjustment_ppm: Ppm | UnsetType = UNSET
    bankruptcy_share: Literal["pro_rata", "whole"] | UnsetType = UNSET
    cure_ms: Count | UnsetType = UNSET
    recoveries: bool | UnsetType = UNSET


LayerKind = Literal[
    "defaulter_contribution", "operator", "insurance", "guarantee_fund", "assessment", "replenished", "unvested",
    "gains_haircut", "equity_haircut", "open_interest_charge", "deleveraging", "uncovered",
]  # fmt: skip


class LayerMessage(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One rung of the ladder (RULEBOOK 8). Layers of one rank share pro rata to capacity; `cap` bounds one
    window's draw, `member_cap` what one member pays into it; `over_cap`: what is above that is shared again among the
    others, or left to the next rank.

    A layer is there for windows that open from `valid_from_ms` until before `valid_to_ms`. What else is left out is a
    variant that this layer does not have (17.23): `premium_ppm` and its `owner` (insurance), `theta_ppm`
    (equity_haircut), `instrument` (open_interest_charge), `multiple_ppm`, `call_ms`, `period_days` of business and
    `period_months` (assessment), `refill_ms`: until when survivors are to refill what a window took of theirs (17.27).

    The last six say how a layer of deleveraging works, and belong to no other (17.22): the money, who gives how many
    lots, in what order; the band of `price` "band", the share of a position that `draw` "capped_pro_rata" leaves at
    most, the power of leverage of "risk_aware".
    """

    id: Name
    kind: LayerKind
    rank: Annotated[int, Meta(ge=1, le=1000)]
    scope: Name | None = None
    cap: Decimal | None = None
    member_cap: Decimal | UnsetType = UNSET
    over_cap: Literal["reshare", "leave"] | UnsetType = UNSET
    valid_from_ms: TimeMs | UnsetType = UNSET
    valid_to_ms: TimeMs | UnsetType = UNSET
    premium_ppm: Ppm | UnsetType = UNSET
    owner: Name | UnsetType = UNSET
    theta_ppm: Annotated[int, Meta(ge=1, le=1_000_000)] | UnsetType = UNSET
    instrument: Name | UnsetType = UNSET
    multiple_ppm: Ppm | UnsetType = UNSET
    call_ms: Annotated[int, Meta(ge=1, le=2**53)] | UnsetType = UNSET
    period_days: Annotated[int, Meta(ge=1, le=1000)] | UnsetType = UNSET
    period_months: Annotated[int, Meta(ge=1, le=120)] | UnsetType = UNSET
    refill_ms: Annotated[int, Meta(ge=1, le=2**53)] | UnsetType = UNSET
    price: Literal["reserve", "bankruptcy", "mark", "blend", "band"] | UnsetType = UNSET
    draw: Literal["queue", "pro_rata", "capped_pro_rata", "risk_aware"] | UnsetType = UNSET
    score: Literal["hyperliquid", "binance", "bitmex"] | UnsetType = UNSET
    band_ppm: Ppm | UnsetType = UNSET
    most_ppm: Annotated[int, Meta(ge=0, le=1_000_000)] | UnsetType = UNSET
    power: Annotated[int, Meta(ge=0, le=4)] | UnsetType = UNSET


class WaterfallMessage(Governed, frozen=True, kw_only=True, tag="waterfall"):
    """The ordered list of resources; it ends with one `uncovered` layer, alone in the last rank."""

    layers: Annotated[list[LayerMessage], Meta(min_length=1, max_length=100)]


class Command(Governed, frozen=True, kw_only=True, tag="command"):
    """What an operator orders. `halt`/`resume` stop and restart liquidation, transfers, order_entry or one
    instrument.
    """

    kind: Literal["open_account", "close_account", "halt", "resume", "venue_restart", "reshard"]
    account: Name | None = None
    limited: bool = False
    what: Literal["liquidation", "transfers", "order_entry", "instrument"] | None = None
    instrument: Name | None = None
    shards: Annotated[int, Meta(ge=1, le=1024)] | None = None
