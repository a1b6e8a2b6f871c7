"""What the world is told of losses (RULEBOOK 7-9, 12): holes, windows, defaults, allocations with their receipts."""

from __future__ import annotations

from msgspec import UNSET, Struct, UnsetType

from schemas.events import Event


class HoleFound(Event, frozen=True, kw_only=True, tag="hole-found"):
    account: str
    equity_units: int


class WindowOpenedEvent(Event, frozen=True, kw_only=True, tag="window-opened"):
    """`snapshot` is the hash of the contributions that are frozen for this window (7)."""

    window: int
    snapshot: str


class DefaultDeclared(Event, frozen=True, kw_only=True, tag="default-declared"):
    """A shortfall: `scopes_units` is `allocate(shortfall, mm_units)`, by insurance scope (7)."""

    window: int
    member: str
    account: str
    shortfall_units: int
    recourse_units: dict[str, int]
    mm_units: dict[str, int]
    scopes_units: dict[str, int]


class LayerDraw(Struct, frozen=True):
    """One layer in one window. `available_units` is what it held that this window could draw (caps apart).

    `premium_ppm` where a fund pays more than it covers: that much of what was drawn, rounded up, to its owner.
    """

    layer: str
    kind: str
    rank: int
    scope: str | None
    cap_units: int | None
    available_units: int
    drawn_units: int
    after_units: int
    premium_ppm: int | UnsetType = UNSET


class Share(Struct, frozen=True):
    """A receipt: one payer's share of one draw, recomputable from the rows of its table (12)."""

    payer: str
    weight_units: int
    cap_units: int
    share_units: int
    remainder_rank: int
    before_units: int
    after_units: int


class Draw(Struct, frozen=True):
    """One call of `allocate` (9): who paid, or which losses were met. Rows by id.

    share = min(cap, level_units * weight // level_weight_units) + (1 if remainder rank > 0), so one row proves itself;
    level_weight_units 0 stands for a level above all caps.
    """

    layer: str
    role: str
    amount_units: int
    total_weight_units: int
    level_units: int
    level_weight_units: int
    root: str
    shares: list[Share]


class LossAllocated(Event, frozen=True, kw_only=True, tag="loss-allocated"):
    """One window's loss, layer by layer, with every receipt; `previous` chains the allocations of a book.

    `snapshot` is the hash of `contributions_units`, the weights frozen when the window opened, by member.
    """

    window: int
    shortfall_units: int
    liquidation_loss_units: int
    losses_units: dict[str, dict[str, int]]
    layers: list[LayerDraw]
    draws: list[Draw]
    uncovered_units: int
    contributions_units: dict[str, int]
    snapshot: str
    previous: str


class AssessmentCalled(Event, frozen=True, kw_only=True, tag="assessment-called"):
    """A survivor owes this much by the deadline; its contributions pay it first (8)."""

    member: str
    window: int
    amount_units: int
    deadline_ms: int


class AssessmentMissed(Event, frozen=True, kw_only=True, tag="assessment-missed"):
    """What was unpaid at the deadline: a loss of this member in `window` (17.23)."""

    member: str
    window: int
    amount_units: int


class EstateHeld(Event, frozen=True, kw_only=True, tag="estate-held"):
    """What a window left of a defaulter's contribution: its own, but held until its losses are covered (17.26)."""

    member: str
    window: int
    amount_units: int


class EstatePaid(Event, frozen=True, kw_only=True, tag="estate-paid"):
    """Nothing is lacking of the member's losses any more: what its estate holds goes to its account (17.26)."""

    member: str
    amount_units: int


class Return(Struct, frozen=True):
    """What one layer of one window gets back, by what each paid into it and has not got back."""

    window: int
    kind: str
    draw: Draw


class RecoveryAllocated(Event, frozen=True, kw_only=True, tag="recovery-allocated"):
    """Money recovered from `member`: back to who bore its losses, last loser first (17.26).

    `passed_on_units`: what goes on as a recovery from members that lost by it, but whose own losses others bear.
    """

    member: str
    amount_units: int
    returns: list[Return]
    passed_on_units: dict[str, int]
    left_units: int


class WindDownBegun(Event, frozen=True, kw_only=True, tag="wind-down-begun"):
    """A loss was not covered in time: every position is settled at these marks, and the book ends (17.25)."""

    uncovered_units: int
    marks_ticks: dict[str, int]


class WindDownPaid(Event, frozen=True, kw_only=True, tag="wind-down-paid"):
    """All that is held, shared over all claims: accounts and funds keep their shares, which may leave (17.25).

    The share of `@guarantee/<member>` goes to the account named as the member.
    """

    held_units: int
    claims_units: int
    draw: Draw


class RefillCalled(Event, frozen=True, kw_only=True, tag="refill-called"):
    """A survivor is to bring its contribution back to what it was when the window opened, by the deadline (17.27)."""

    member: str
    window: int
    amount_units: int
    deadline_ms: int


class RefillMissed(Event, frozen=True, kw_only=True, tag="refill-missed"):
    """What was not refilled by the deadline: a default of the member in `window`, by which nobody lost (17.27)."""

    member: str
    window: int
    amount_units: int


class GainsCharged(Event, frozen=True, kw_only=True, tag="gains-charged"):
    account: str
    window: int
    amount_units: int


class WindowClosed(Event, frozen=True, kw_only=True, tag="window-closed"):
    window: int
    defaults: int
