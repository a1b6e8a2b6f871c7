"""What shards and the clearing house write into the log (RULEBOOK 2a): reports and decisions, in integers.

A report or decision stands at the `seq` of the last input before it (17.1). The lists in them are of rows (`rows`).
"""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from schemas.rows import (
    Bankrupt,
    Batch,
    Candidate,
    Charge,
    Claim,
    Credit,
    Gain,
    Holder,
    Hole,
    LotRow,
    Payout,
    Plan,
    Release,
    Sale,
    SaleRow,
)

What = Literal["liquidation", "hole", "cured", "bankrupt", "withdrawal", "sale"]


class Entry(Struct, frozen=True, tag_field="type", kw_only=True):
    """What every report and decision has."""

    book: str
    seq: int


class Raised(Entry, frozen=True, kw_only=True, tag="raised"):
    """Something of this account needs a round; the answer to the marker tells what. `number` runs per account."""

    account: str
    what: What
    number: int


class Moved(Entry, frozen=True, kw_only=True, tag="moved"):
    """What one row of an allocation moved: signed lots and cash of the account, and the fee it paid."""

    allocation: int
    row: int
    account: str
    lots: int
    cash_units: int
    fee_units: int


class Declared(Entry, frozen=True, kw_only=True, tag="declared"):
    """What one row of a default really was: the shortfall by insurance scope; none when the account was cured
    meanwhile.
    """

    allocation: int
    row: int
    account: str
    scopes_units: dict[str, int]


class Paid(Entry, frozen=True, kw_only=True, tag="paid"):
    """Money sent from an account to a fund outside a round: the fee of a venue fill."""

    account: str
    fund: str
    amount_units: int
    subject: str


class Answer(Entry, frozen=True, kw_only=True, tag="answer"):
    """A shard's numbers as of the marker. `cash_units` and `lots` are its totals, for conservation (14.1, 14.2).

    `outside_units`, where leaving has a price (17.24): of `@outside` and `@market`, minus the money that is held.
    `candidates` stand in the answer to a marker that asks for a batch, `claims` in that to one that asks for them.
    """

    round: int
    attempt: int
    plans: list[Plan] = []
    waiting: list[str] = []
    holes: list[Hole] = []
    bankrupts: list[Bankrupt] = []
    sales: list[Sale] = []
    releases: list[Release] = []
    closed_targets: list[int] = []
    holders: list[Holder] = []
    gains: list[Gain] = []
    cash_units: int = 0
    lots: dict[str, int] = {}
    outside_units: int | UnsetType = UNSET
    candidates: list[Candidate] | UnsetType = UNSET
    claims: list[Claim] | UnsetType = UNSET


class Retired(Entry, frozen=True, kw_only=True, tag="retired"):
    """A shard of the old P has published all that it caused up to the change (2a.9)."""


class Marker(Entry, frozen=True, kw_only=True, tag="marker"):
    """Asks every shard for its numbers. `place`: whose holders; `gains`: members' gains too; `force`: tear up holes.

    `bearing`: where a layer charges more than gains, what members without gains can bear too, and who holds these.
    `settled`: withdrawals asked up to this seq have left or were refused. `batch`: who is to be deleveraged against.
    `claims`: of a book that is wound down, everybody's money.
    """

    round: int
    attempt: int
    settled: int = 0
    place: list[str] = []
    gains: bool = False
    force: bool = False
    bearing: list[str] | UnsetType = UNSET
    batch: Batch | UnsetType = UNSET
    claims: bool | UnsetType = UNSET


class WindowOpened(Entry, frozen=True, kw_only=True, tag="window"):
    """The event window opens: contributions, versions and the start of gains are frozen here (7)."""

    window: int
    subject: str


class WindDown(Entry, frozen=True, kw_only=True, tag="wind-down"):
    """The book ends here: every instrument is settled at its mark, and nothing is traded any more (17.25)."""


class Allocation(Entry, frozen=True, kw_only=True, tag="allocation"):
    """The one decision of a round; `kind` says which of the lists it fills. `deferred` wait for the next interval.

    `upto`: withdrawals asked up to this seq are all among the releases, or were refused. `left_units`: of each release
    what stays in the book (17.24). `payouts`: what a wound-down book pays to each (17.25); `credits`: what
    comes back to accounts, or of an estate (17.26).
    """

    allocation: int
    kind: Literal["liquidation", "deleverage", "place", "default", "sale", "release", "loss", "return", "wind_down"]
    window: int = 0
    deferred: list[str] = []
    lot_rows: list[LotRow] = []
    bankrupts: list[Bankrupt] = []
    sales: list[SaleRow] = []
    releases: list[Release] = []
    upto: int = 0
    charges: list[Charge] = []
    left_units: list[int] | UnsetType = UNSET
    payouts: list[Payout] | UnsetType = UNSET
    credits: list[Credit] | UnsetType = UNSET


Report = Raised | Moved | Declared | Paid | Answer | Retired
Decision = Marker | WindowOpened | WindDown | Allocation
AnyEntry = Report | Decision
