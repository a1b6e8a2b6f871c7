"""What venues and operators publish (RULEBOOK 16.1): one struct a message type, and the topics they stand in.

What rules a book is in `governed`. Money, prices and quantities are decimal text here; they become integers in the
fold, with the instrument in force.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from schemas.governed import AssetMessage, BookMessage, Command, InstrumentMessage, ParametersMessage, WaterfallMessage
from schemas.message import Decimal, Governed, Input, Name


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


class Recovery(Governed, frozen=True, kw_only=True, tag="recovery"):
    """Money recovered from a defaulter, from outside or from what its estate holds, for who bore its losses (17.26)."""

    member: Name
    amount: Decimal
    from_estate: bool = False


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
    | Recovery
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
    "transfers": (Deposit, Withdrawal, Move, Contribution, Recovery),
    "prices": (Price, Funding, Settlement),
    "trades": (Trade, OpenOrders),
}
TOPIC_OF: dict[type[Input], str] = {kind: topic for topic, kinds in TOPICS.items() for kind in kinds}
RANK_OF: dict[str, int] = {topic: rank for rank, topic in enumerate(TOPICS)}
