"""What the world is told (RULEBOOK 12): facts in the past tense, each with a deterministic id.

`id = book/seq/type/subject` (2a.4, 17.1). Money is in units, prices in ticks, quantities in lots; the writer adds the
decimal text beside each. `versions` names the rules that were used.
"""

from __future__ import annotations

from msgspec import UNSET, Struct, UnsetType


class Event(Struct, frozen=True, kw_only=True, tag_field="type"):
    """What every event has; `subject` is the account, member, instrument or round that it is about."""

    book: str
    seq: int
    time_ms: int
    subject: str
    versions: dict[str, int] = {}

    @property
    def kind(self) -> str:
        """The type as it stands in JSON."""
        return str(self.__struct_config__.tag)

    @property
    def id(self) -> str:
        """Unique in the book, the same on every replay."""
        return f"{self.book}/{self.seq}/{self.kind}/{self.subject}"


class MarginCalled(Event, frozen=True, kw_only=True, tag="margin-called"):
    account: str
    equity_units: int
    im_units: int
    mm_units: int
    call_units: int
    deadline_ms: int


class MarginCallMet(Event, frozen=True, kw_only=True, tag="margin-call-met"):
    account: str
    equity_units: int
    im_units: int


class MarginCallMissed(Event, frozen=True, kw_only=True, tag="margin-call-missed"):
    account: str
    equity_units: int
    im_units: int


class OrdersCancelled(Event, frozen=True, kw_only=True, tag="orders-cancelled"):
    """To the venue: cancel everything this account has resting, before anything else happens to it (6.1)."""

    account: str


class LiquidationTriggered(Event, frozen=True, kw_only=True, tag="liquidation-triggered"):
    account: str
    liquidation: int
    equity_units: int
    mm_units: int
    im_units: int
    reason: str
    marks_ticks: dict[str, int]


class LiquidationOrdered(Event, frozen=True, kw_only=True, tag="liquidation-ordered"):
    """To the venue: close `lots` (signed) no worse than `limit_ticks` (None: any price) until the deadline."""

    account: str
    liquidation_id: str
    instrument: str
    lots: int
    limit_ticks: int | None
    bankruptcy_units: int
    mark_ticks: int
    deadline_ms: int


class LiquidationOrderEnded(Event, frozen=True, kw_only=True, tag="liquidation-order-ended"):
    account: str
    liquidation_id: str
    unfilled_lots: int


class LiquidationOrderFilled(Event, frozen=True, kw_only=True, tag="liquidation-order-filled"):
    """A trade of the venue under an order's id: signed `lots` and `cash_units` are the account's, before the fee."""

    account: str
    liquidation_id: str
    instrument: str
    lots: int
    cash_units: int
    fee_units: int
    price_ticks: int
    mark_ticks: int
    unfilled_lots: int


class FilledBeyondLimit(Event, frozen=True, kw_only=True, tag="filled-beyond-limit"):
    """An alarm: the venue filled an order past its limit; the fill is booked."""

    account: str
    liquidation_id: str
    price_ticks: int
    limit_ticks: int


class LiquidationFilled(Event, frozen=True, kw_only=True, tag="liquidation-filled"):
    """A fill in the simulated market of a replay; `x_lots` were closed on that side before."""

    account: str
    instrument: str
    lots: int
    cash_units: int
    fee_units: int
    mark_ticks: int
    x_lots: int


class PositionTakenOver(Event, frozen=True, kw_only=True, tag="position-taken-over"):
    account: str
    instrument: str
    lots: int
    cash_units: int
    mark_ticks: int


class PositionTornUp(Event, frozen=True, kw_only=True, tag="position-torn-up"):
    account: str
    instrument: str
    lots: int
    cash_units: int
    mark_ticks: int


class PositionPlaced(Event, frozen=True, kw_only=True, tag="position-placed"):
    """The other side of a tear-up: this account's position was reduced at the mark."""

    account: str
    instrument: str
    lots: int
    cash_units: int
    mark_ticks: int


class PositionDeleveraged(Event, frozen=True, kw_only=True, tag="position-deleveraged"):
    """Nobody took this position: it leaves its account by the rule of the layer, for others to give lots against."""

    account: str
    instrument: str
    lots: int
    cash_units: int
    mark_ticks: int


class PositionOffset(Event, frozen=True, kw_only=True, tag="position-offset"):
    """The other side of it: this account's position was reduced, at the money that the first one left for."""

    account: str
    instrument: str
    lots: int
    cash_units: int
    mark_ticks: int


class LotShare(Struct, frozen=True):
    """A receipt: what one account gives of its lots. `score_ppm` orders a queue, `weight` divides; see `LotDraw`."""

    account: str
    score_ppm: int
    weight: int
    room_lots: int
    lots: int
    remainder_rank: int
    before_lots: int
    after_lots: int


class LotDraw(Struct, frozen=True):
    """One tier of a deleveraging: all who had room, by (member, account), recomputable from these rows (12).

    A queue: greatest score first, each up to its room. Else as in `Draw`: `lots = min(room, level * weight // level
    weight) + (1 if remainder rank > 0)`; the level weight 0 stands for a level above all rooms.
    """

    tier: int
    rule: str
    amount_lots: int
    total_weight: int
    level: int
    level_weight: int
    root: str
    shares: list[LotShare]


class DeleveragingAllocated(Event, frozen=True, kw_only=True, tag="deleveraging-allocated"):
    """Who gives lots against those of one account, by which rule, at which money, and who would have under each other.

    `account` got `paid_num / paid_den` units a lot, slices rounded up, these after `first_lots`; for
    `refused_lots` nobody had room: they are torn up.
    `otherwise_lots`: by rule, what the accounts in profit would have given.
    """

    account: str
    instrument: str
    layer: str
    price: str
    draw: str
    score: str
    lots: int
    paid_num: int
    paid_den: int
    first_lots: int
    mark_ticks: int
    draws: list[LotDraw]
    market_lots: int
    refused_lots: int
    otherwise_lots: dict[str, dict[str, int]]


class LiquidationEnded(Event, frozen=True, kw_only=True, tag="liquidation-ended"):
    account: str
    liquidation: int
    equity_units: int
    mm_units: int


class WithdrawalReleased(Event, frozen=True, kw_only=True, tag="withdrawal-released"):
    """`left_units` of the amount stayed in the book, for a loss that nobody covered (17.24)."""

    account: str
    withdrawal: str
    asset: str | None
    amount: int
    target: str | None
    left_units: int | UnsetType = UNSET


class WithdrawalRefused(Event, frozen=True, kw_only=True, tag="withdrawal-refused"):
    """Asked and accepted, but no longer free when it could leave."""

    account: str
    withdrawal: str
    code: int


class CollateralOffered(Event, frozen=True, kw_only=True, tag="collateral-offered"):
    """To the venue: sell up to `lots` of an asset by trades under `sale_id`, until the deadline.

    What `@operator` and others take of it meanwhile is no longer for sale.
    """

    account: str
    sale_id: str
    asset: str
    lots: int
    mark_ticks: int
    deadline_ms: int


class CollateralSold(Event, frozen=True, kw_only=True, tag="collateral-sold"):
    """To `@operator`, the insurance fund, or by the venue to the buyer of a trade under the sale's id."""

    account: str
    sale: int
    asset: str
    lots: int
    buyer: str
    pay_units: int


class LimitExceeded(Event, frozen=True, kw_only=True, tag="limit-exceeded"):
    account: str
    instrument: str
    lots: int
    limit_lots: int


class AccountReopened(Event, frozen=True, kw_only=True, tag="account-reopened"):
    account: str
    was: str


class MarkHeld(Event, frozen=True, kw_only=True, tag="mark-held"):
    instrument: str
    price_ticks: int
    mark_ticks: int


class MarkAcceptedLate(Event, frozen=True, kw_only=True, tag="mark-accepted-late"):
    instrument: str
    price_ticks: int


class SettlementDue(Event, frozen=True, kw_only=True, tag="settlement-due"):
    """To governance: no tick since `since_ms`, for longer than `max_stale_ms`; name a settlement price (6.8)."""

    instrument: str
    mark_ticks: int
    since_ms: int


class FundingApplied(Event, frozen=True, kw_only=True, tag="funding-applied"):
    instrument: str
    index_delta: int


class InstrumentSettled(Event, frozen=True, kw_only=True, tag="instrument-settled"):
    instrument: str
    price_ticks: int


class Refusal(Struct, frozen=True, kw_only=True):
    """An accepted input that the one account it concerns refuses; it goes to the dead letters."""

    seq: int
    code: int
    reason: str
