"""What venues and operators publish (RULEBOOK 16.1): one struct a message type, each with book, id and time.

Money, prices and quantities are decimal text here; they become integers in the fold, with the instrument in force.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

Name = Annotated[str, Meta(min_length=1, max_length=64)]
Text = Annotated[str, Meta(max_length=1024)]
Decimal = Annotated[str, Meta(min_length=1, max_length=128)]  # a JSON number is accepted too, read exactly
TimeMs = Annotated[int, Meta(ge=0, le=253_402_300_799_999)]
Version = Annotated[int, Meta(ge=1, le=2**53)]
Count = Annotated[int, Meta(ge=0, le=2**53)]
Ppm = Annotated[int, Meta(ge=0, le=10**9)]


class Input(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", kw_only=True):
    """What every input has. `id` is unique per book and topic for as long as `late_ms`."""

    book: Name
    id: Name
    time_ms: TimeMs


class Governed(Input, frozen=True, kw_only=True):
    """A change of rules: who, why, and from when (RULEBOOK 11). Versions of one subject only rise."""

    version: Version
    author: Name
    reason: Text
    effective_ms: TimeMs | None = None


class BookMessage(Governed, frozen=True, kw_only=True, tag="book"):
    """Opens a book: one settlement asset and its smallest unit, 10^-decimals."""

    settlement_asset: Name
    decimals: Annotated[int, Meta(ge=0, le=18)]


class Bracket(Struct, frozen=True, forbid_unknown_fields=True):
    """From notional `floor` on, the marginal rate is `rate_ppm` (RULEBOOK 4)."""

    floor: Decimal
    rate_ppm: Ppm


class Quoted(Governed, frozen=True, kw_only=True):
    """What has a mark (RULEBOOK 16.9). `mark` is the reference price at listing; zero switches a rule off."""

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

    `insurance_scope` None: the fund of the book, `@insurance/<book>`.
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


class ParametersMessage(Governed, frozen=True, kw_only=True, tag="parameters"):
    """The parameters of a book (RULEBOOK 5-7, 16.10). `call_ms` zero: no margin calls. Null: no limit."""

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


LayerKind = Literal["defaulter_contribution", "operator", "insurance", "guarantee_fund", "gains_haircut", "uncovered"]


class LayerMessage(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One rung of the ladder (RULEBOOK 8). Layers of one rank share pro rata to capacity; `cap` bounds one
    window's draw.
    """

    id: Name
    kind: LayerKind
    rank: Annotated[int, Meta(ge=1, le=1000)]
    scope: Name | None = None
    cap: Decimal | None = None


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


class Period(Input, frozen=True, tag="period"):
    """Ends a period of gains and starts the next (RULEBOOK 8)."""


class Heartbeat(Input, frozen=True, tag="heartbeat"):
    """Time passes: timers are judged here when the market is silent."""


class Deposit(Input, frozen=True, kw_only=True, tag="deposit"):
    """Money, or collateral when `asset` is named, arrives from outside."""

    account: Name
    amount: Decimal
    asset: Name | None = None


class Withdrawal(Input, frozen=True, kw_only=True, tag="withdrawal"):
    """Asked here; leaves by a release round (RULEBOOK 7)."""

    account: Name
    amount: Decimal
    asset: Name | None = None


class Move(Input, frozen=True, kw_only=True, tag="move", rename={"source": "from", "target": "to"}):
    """A withdrawal whose release credits `to`."""

    source: Name
    target: Name
    amount: Decimal


class Contribution(Input, frozen=True, kw_only=True, tag="contribution"):
    """To the guarantee fund: from outside, or from `account` like a move."""

    member: Name
    amount: Decimal
    account: Name | None = None


class Price(Input, frozen=True, kw_only=True, tag="price"):
    """A mark of an instrument, or of a collateral asset."""

    mark: Decimal
    instrument: Name | None = None
    asset: Name | None = None


class Funding(Input, frozen=True, kw_only=True, tag="funding"):
    """The cumulative funding index, in 10^-6 units per lot: longs pay its rise."""

    instrument: Name
    index: Decimal


class Settlement(Input, frozen=True, kw_only=True, tag="settlement"):
    """Closes every position of a contract at `price`; the contract ends."""

    instrument: Name
    price: Decimal


class Trade(Input, frozen=True, kw_only=True, tag="trade"):
    """A fact (RULEBOOK 2a.3). `liquidation_id` names the liquidation order or collateral sale that it fills."""

    buyer: Name
    seller: Name
    instrument: Name
    quantity: Decimal
    price: Decimal
    liquidation_id: Annotated[str, Meta(min_length=1, max_length=256)] | None = None


class OpenOrders(Input, frozen=True, kw_only=True, tag="open_orders"):
    """What an account has resting: IM counts the worse side (RULEBOOK 4)."""

    account: Name
    instrument: Name
    buys: Decimal
    sells: Decimal


AnyInput = (
    BookMessage
    | AssetMessage
    | InstrumentMessage
    | ParametersMessage
    | WaterfallMessage
    | Command
    | Period
    | Heartbeat
    | Deposit
    | Withdrawal
    | Move
    | Contribution
    | Price
    | Funding
    | Settlement
    | Trade
    | OpenOrders
)

# The topics in the order of RULEBOOK 16.2, which breaks ties of time; the position is the rank.
TOPICS: dict[str, tuple[type[Input], ...]] = {
    "reference": (BookMessage, AssetMessage, InstrumentMessage, ParametersMessage, WaterfallMessage),
    "commands": (Command, Period, Heartbeat),
    "transfers": (Deposit, Withdrawal, Move, Contribution),
    "prices": (Price, Funding, Settlement),
    "trades": (Trade, OpenOrders),
}
TOPIC_OF: dict[type[Input], str] = {kind: topic for topic, kinds in TOPICS.items() for kind in kinds}
