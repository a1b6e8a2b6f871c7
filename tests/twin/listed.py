"""What a book lists and is ruled by (16.9, 16.10, 8): instruments, assets, parameters, layers; plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from schemas.governed import LayerMessage, ParametersMessage


@dataclass
class Quoted:
    """What has a mark (16.9); prices are ticks."""

    name: str
    tick: Fraction
    mark: int
    min_price: int
    max_price: int
    band_ppm: int
    agree_ticks: int
    hold_ms: int
    stale_ms: int
    max_stale_ms: int
    ticked: bool = False  # a tick since listing and since the last venue restart
    last_tick_ms: int = 0  # before the first, the time of the listing
    overdue: bool = False
    held: list[int] = field(default_factory=list)
    held_since_ms: int = 0
    suspended: bool = False
    settled: bool = False


@dataclass
class Bracket:
    """From notional `floor` on, `rate_ppm`; `deduction` makes the amount continuous (4)."""

    floor: int
    rate_ppm: int
    deduction: int


@dataclass
class Taken:
    """`x`: what all accounts closed on one side, refilling with time (6.5)."""

    lots: int = 0
    last_ms: int = 0


@dataclass
class Instrument(Quoted):
    """A contract (3): linear with `point_value` units per lot and tick, inverse with `face`."""

    kind: str = "linear"
    lot: Fraction = Fraction(1)
    point_value: Fraction = Fraction(1)
    face: int = 0
    position_limit: int = 0
    mm_brackets: list[Bracket] = field(default_factory=list)
    im_brackets: list[Bracket] = field(default_factory=list)
    on_entry: bool = False  # margin counts entry value (17.17)
    rate_per_lot: Fraction = Fraction(0)  # beyond `free_lots`
    free_lots: int = 0
    scope: str = ""
    expiry_ms: int | None = None
    half_spread: int = 0
    impact: int = 0
    depth_lots: int = 1
    refill: int = 0
    backstop_limit: int = 0
    index: int = 0
    taken: dict[int, Taken] = field(default_factory=lambda: {1: Taken(), -1: Taken()})


@dataclass
class Asset(Quoted):
    """Collateral that is not money: `price` is settlement units per asset unit and tick (17.3)."""

    decimals: int = 0
    limit: int = 0
    haircut_ppm: int = 0
    price: Fraction = Fraction(1)


@dataclass
class Rules:
    """The parameters of a book in force, money in units (16.10)."""

    said: ParametersMessage
    min_notional: int
    per_account_notional: int | None
    per_book_notional: int | None


@dataclass
class Layer:
    """One rung of the ladder (8)."""

    said: LayerMessage
    cap: int | None
    member_cap: int | None = None
