"""The rows of reports and decisions (RULEBOOK 2a.4, 2a.5): arrays in JSON.

Accounts carry their member in their name, and every list of rows is sorted by (cause seq, member, account).
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Exit = Literal["market", "order", "backstop", "tear", "place", "deleverage", "offset"]


class Plan(Struct, frozen=True, array_like=True):
    """An order that a liquidating account asks a grant for.

    `position` is signed; B is the ratio `b_num / b_den` of 6.3.
    """

    seq: int
    account: str
    instrument: str
    position: int
    lots: int
    b_num: int
    b_den: int
    is_insolvent: bool
    exit: Exit


class Hole(Struct, frozen=True, array_like=True):
    """An account with equity below zero; `has_positions` while some are still to close."""

    account: str
    equity_units: int
    has_positions: bool


class Bankrupt(Struct, frozen=True, array_like=True):
    """An account with nothing left: what others of its member pay, and the shortfall with its insurance scopes (7)."""

    seq: int
    account: str
    recourse: list[tuple[str, int]]
    shortfall_units: int
    scopes: list[tuple[str, int]]


class Sale(Struct, frozen=True, array_like=True):
    """Collateral to sell (17.11). `is_new` until `@operator` was asked; `is_due` when its deadline has passed."""

    account: str
    number: int
    asset: str
    lots: int
    is_new: bool
    is_due: bool


class Release(Struct, frozen=True, array_like=True):
    """A withdrawal judged at the marker: `code` 0, or why it is refused. `asset` None: the settlement asset."""

    seq: int
    account: str
    id: str
    asset: str | None
    amount: int
    target: str | None
    code: int


class Holder(Struct, frozen=True, array_like=True):
    """An account on the other side of lots that are to be placed."""

    account: str
    instrument: str
    lots: int


class Batch(Struct, frozen=True, array_like=True):
    """Lots in `@liquidation` that are to be deleveraged (17.22), at the money of a lot that their account got for them.

    `lots` are signed; those before `first` are gone. The rule is that of their grant, whatever comes into force since.
    """

    account: str
    instrument: str
    lots: int
    paid_num: int
    paid_den: int
    first: int
    layer: str
    version: int
    price: str
    draw: str
    score: str
    most_ppm: int
    power: int


class Candidate(Struct, frozen=True, array_like=True):
    """An account on the other side of a batch with room for some of it: `tier` 1 in liquidation, 2 in profit, 3 other.

    Its signed lots, the most of them that it may give, its score and its risk-aware weight.
    """

    account: str
    tier: int
    lots: int
    room: int
    score_ppm: int
    weight: int


class Gain(Struct, frozen=True, array_like=True):
    """A member's net gain of the period and what each of its accounts can bear."""

    member: str
    gain_units: int
    equities: list[tuple[str, int]]


class LotRow(Struct, frozen=True, array_like=True):
    """Lots that leave (or, `place`, meet) an account. Money is the row's formula on the lots that move (17.9)."""

    account: str
    instrument: str
    position: int
    lots: int
    exit: Exit
    mark: int
    x: int
    b_num: int
    b_den: int
    is_insolvent: bool
    first: int = 0  # lots of the same B that left before these
    plan_seq: int = 0  # the trigger that the plan was for


class SaleRow(Struct, frozen=True, array_like=True):
    """Collateral for `buyer` at `mark`, who pays at most `pay_units`. What really moved is reported."""

    account: str
    number: int
    asset: str
    lots: int
    buyer: str
    mark: int
    pay_units: int


class Charge(Struct, frozen=True, array_like=True):
    """A haircut of gains on one account."""

    account: str
    amount_units: int


class Claim(Struct, frozen=True, array_like=True):
    """The money of one account when the book is wound down."""

    account: str
    units: int


class Credit(Struct, frozen=True, array_like=True):
    """Money that comes to an account from what was recovered, or from an estate; a flow, or what was charged (17.8)."""

    account: str
    is_flow: bool
    units: int


class Payout(Struct, frozen=True, array_like=True):
    """What a wound-down book has for a claim, and what comes back of the account's contribution as a member (17.25)."""

    account: str
    claim_units: int
    amount_units: int
    returned_units: int
