"""Inputs as the fold sees them: judged, in integers, with columns for names. Made by `book`, read by both doors."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Traded:
    """A trade: `value_units = V(lots, price)`, what the buyer's cash pays. Asset sales: see 17.11."""

    buyer: str
    seller: str
    column: int
    lots: int
    price: int
    value_units: int
    liquidation_id: str | None


@dataclass(frozen=True, slots=True)
class Marked:
    """A price; `is_accepted` is False when the band held it; `is_late` when it was held and its time has come."""

    column: int
    price: int
    is_accepted: bool = True
    is_late: bool = False


@dataclass(frozen=True, slots=True)
class Deposited:
    """Money (`column` None) or collateral lots from outside."""

    account: str
    column: int | None
    amount: int


@dataclass(frozen=True, slots=True)
class Asked:
    """A withdrawal, move or contribution from an account; `target` is None when it leaves the book."""

    id: str
    account: str
    column: int | None
    amount: int
    target: str | None


@dataclass(frozen=True, slots=True)
class Contributed:
    """Money from outside straight to the guarantee fund."""

    member: str
    amount: int


@dataclass(frozen=True, slots=True)
class Recovered:
    """Money recovered from a defaulter, from outside or its estate."""

    member: str
    amount: int
    is_held: bool


@dataclass(frozen=True, slots=True)
class Funded:
    """The funding index rose by `delta` (10^-6 units per lot)."""

    column: int
    delta: int


@dataclass(frozen=True, slots=True)
class Settled:
    """Every position of the contract closes at `price`."""

    column: int
    price: int


@dataclass(frozen=True, slots=True)
class Ordered:
    """Open orders of an account."""

    account: str
    column: int
    buys: int
    sells: int


@dataclass(frozen=True, slots=True)
class AccountOpened:
    account: str
    limited: bool


@dataclass(frozen=True, slots=True)
class AccountClosed:
    """`is_late`: ordered for a later time; what is then not closable stays open, and nobody is left to be refused."""

    account: str
    is_late: bool = False


@dataclass(frozen=True, slots=True)
class Changed:
    """A change of the common data (rules, halts, listings, restart); the book holds it already."""

    what: str
    column: int | None = None


@dataclass(frozen=True, slots=True)
class Resharded:
    shards: int


@dataclass(frozen=True, slots=True)
class PeriodEnded:
    pass


@dataclass(frozen=True, slots=True)
class Advanced:
    """The clock moved: timers are due. It stands before the own effect of every input that is later than the last.

    `overdue` are the columns whose last tick is older than `max_stale_ms`, each told once.
    """

    overdue: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Passed:
    """A heartbeat: nothing but time."""


Operation = (
    Traded | Marked | Deposited | Asked | Contributed | Recovered | Funded | Settled | Ordered | AccountOpened
    | AccountClosed | Changed | Resharded | PeriodEnded | Advanced | Passed
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Step:
    """One change of the common data as every reader sees it, at the `seq` of the input that brought it."""

    seq: int
    clock_ms: int
    operation: Operation
