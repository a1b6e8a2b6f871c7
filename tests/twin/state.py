"""What a book is made of (1): plain data, no rules."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from functools import cached_property
from typing import Any

from schemas.message import Governed, Input
from tests.twin.listed import Asset, Instrument, Layer, Quoted, Rules

MILLION = 10**6
MARKET, BACKSTOP, LIQUIDATION, OPERATOR = "@market", "@backstop", "@liquidation", "@operator"
ROUNDING, SUSPENSE, UNCOVERED = "@rounding", "@suspense", "@uncovered"


@dataclass
class Order:
    """A liquidation order at the venue (17.9); `lots` is signed, what is left; `held` and B those it was sent at."""

    id: str
    instrument: str
    lots: int
    deadline_ms: int
    held: int
    bankruptcy: Fraction
    filled: int = 0


@dataclass
class Sale:
    """A collateral sale that waits for trades (17.11)."""

    id: str
    asset: str
    left: int
    deadline_ms: int
    due: bool = False


@dataclass
class Pace:
    """Notional used in one interval (6.2, 16.10)."""

    interval: int = -1
    used: int = 0


@dataclass
class Account:
    """What is margined on its own (1). The `@` accounts are accounts too, without margin or life."""

    id: str
    cash: int = 0
    positions: dict[str, int] = field(default_factory=dict)
    entries: dict[str, int] = field(default_factory=dict)
    collateral: dict[str, int] = field(default_factory=dict)
    orders: dict[str, tuple[int, int]] = field(default_factory=dict)  # instrument: (buys, sells)
    status: str = "healthy"
    limited: bool = False
    equity_at_start: int = 0
    flows: int = 0
    call_deadline_ms: int | None = None
    hole: bool = False
    close_deadline_ms: int | None = None
    close_due: bool = False
    call_overdue: bool = False  # its timer has fired (17.2 d); checks before that do not judge the deadline
    liquidation: int = 0
    trigger_seq: int = 0
    trigger_scopes: dict[str, int] = field(default_factory=dict)
    target_im: bool = False
    order: Order | None = None
    order_number: int = 0
    exit: str | None = None  # the instrument whose venue order met its deadline
    waits_interval: int | None = None
    pace: Pace = field(default_factory=Pace)
    bankrupt_seq: int = 0
    sale: Sale | None = None
    sale_number: int = 0

    @cached_property
    def member(self) -> str:
        return self.id.partition("/")[0]

    @cached_property
    def place(self) -> tuple[str, str]:
        """The order of lists: (member, account) (2a.5)."""
        return self.member, self.id


@dataclass
class Window:
    """The interval in which several defaults are one; all in it is frozen at its opening (7)."""

    number: int
    opened_ms: int
    window_ms: int
    window_max_ms: int
    contributions: dict[str, int]
    layers: list[Layer]
    last_default_ms: int
    loss: dict[tuple[str, str], int] = field(default_factory=dict)  # (member, scope): units
    defaulted: set[str] = field(default_factory=set)
    vests: bool = False
    seq: int = 0  # of the input whose consequences opened it
    cure_ms: Any = None  # UNSET: no deadline for what it leaves uncovered
    recovers: Any = None


@dataclass
class Asked:
    """A withdrawal, move or contribution from an account, asked and not yet left (17.7)."""

    account: str
    amount: int
    asset: str | None = None
    to: str | None = None


@dataclass
class Call:
    """An assessment that waits for money (17.23)."""

    deadline_ms: int
    member: str
    window: int
    units: int


@dataclass
class Uncured:
    """What a window left uncovered and nobody has paid yet (17.25)."""

    deadline_ms: int
    units: int


@dataclass
class Borne:
    """What a layer bore of whose losses, and what each has paid and not got back (17.26)."""

    window: int
    rank: int
    layer: str
    kind: str
    owed: dict[str, int]
    paid: dict[str, int]


@dataclass
class BookState:
    """One risk pool (1)."""

    name: str
    settlement_asset: str = ""
    decimals: int = 0
    opened: bool = False
    clock: int = 0
    seq: int = 0
    rules: Rules | None = None
    layers: list[Layer] | None = None
    accounts: dict[str, Account] = field(default_factory=dict)
    instruments: dict[str, Instrument] = field(default_factory=dict)
    assets: dict[str, Asset] = field(default_factory=dict)
    listing: list[Quoted] = field(default_factory=list)
    terms: dict[tuple[str, str], tuple] = field(default_factory=dict)
    versions: dict[tuple, int] = field(default_factory=dict)
    later: list[Governed] = field(default_factory=list)
    ids: dict[tuple[str, str], Input] = field(default_factory=dict)
    halts: set[str] = field(default_factory=set)
    window: Window | None = None
    window_number: int = 0
    hole_reports: list[str] = field(default_factory=list)
    period_waits: bool = False
    calls: list[Call] = field(default_factory=list)
    refills: list[Call] = field(default_factory=list)  # what survivors are to bring back to the fund (17.27)
    assessed: dict[str, int] = field(default_factory=dict)  # in the capped period, by member
    capped_from: date | None = None
    capped_until: date | None = None
    asked: list[Asked] = field(default_factory=list)
    pace: Pace = field(default_factory=Pace)
    batches: list[Any] = field(default_factory=list)  # what is to be deleveraged, oldest first (17.22)
    reserved: dict[tuple[str, str], int] = field(default_factory=dict)  # (account, scope): what earlier layers owe it
    funds: dict[str, int] = field(default_factory=dict)  # cash of named accounts when the round was granted
    uncured: list[Uncured] = field(default_factory=list)
    winding: str = ""  # then due, begun, paid (17.25)
    borne: list[Borne] = field(default_factory=list)
    recoveries: int = 0
    credits: list[tuple[str, int, bool]] = field(default_factory=list)  # to come to accounts: name, units, is it a flow
    torn_scope: str = ""  # insurance scope of what was last torn up or placed
    outside: dict[str, int] = field(default_factory=dict)  # deposits minus withdrawals, by asset
    events: list[tuple[int, str, str, dict]] = field(default_factory=list)

    def account(self, account_id: str) -> Account:
        """The account of that id; an unknown one opens (2a.3)."""
        return self.accounts.setdefault(account_id, Account(account_id))

    def members_accounts(self) -> list[Account]:
        """All accounts of members by (member, account) (17.2)."""
        return sorted((a for a in self.accounts.values() if not a.id.startswith("@")), key=lambda a: a.place)

    def siblings(self, account: Account) -> list[Account]:
        """The other accounts of the same member, by id."""
        family = [a for a in self.accounts.values() if a.member == account.member and a is not account]
        return sorted(family, key=lambda a: a.place)

    def quoted(self, name: str) -> Quoted:
        return self.instruments.get(name) or self.assets[name]

    def insurance(self, scope: str | None) -> Account:
        """`@insurance/<scope>`, without a scope the book's (17.12)."""
        return self.account(f"@insurance/{scope or self.name}")

    @property
    def is_over(self) -> bool:
        """The entry of a wind-down stands in the log (17.25)."""
        return self.winding in ("begun", "paid")

    def event(self, kind: str, subject: str, **facts: object) -> None:
        self.events.append((self.seq, kind, subject, facts))
