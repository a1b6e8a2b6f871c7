"""A book written by hand, one short word a message: for tests whose numbers are worked out in comments.

Unless a test says otherwise one unit is one dollar, L is linear with `V = q p`, MM 10 %, IM 20 %, no costs, mark 100.
"""

from __future__ import annotations

from typing import Any

import msgspec

from engine.shard.state import place
from schemas import governed, inputs
from schemas.codes import Code, Refused
from schemas.events import Event
from schemas.governed import Bracket, LayerMessage
from schemas.message import Input
from streams.driver import BookRun, Sinks, Venue
from tests.against_twin import balances, entries, positions, statuses
from tests.engine_invariants import Invariants

BOOK = "B"
RULE: dict[str, Any] = {"version": 1, "author": "t", "reason": "r"}
UNCOVERED = LayerMessage(id="end", kind="uncovered", rank=99)


class Hand:
    """An engine venue with one book; the invariants of the rulebook are checked after each message."""

    def __init__(
        self,
        *layers: LayerMessage,
        decimals: int = 0,
        shards: int = 2,
        listing: dict[str, Any] | None = None,
        **rules: Any,
    ) -> None:
        self.events: list[Event] = []
        self.venue = Venue(shards, Sinks(event=self.events.append))
        self.invariants = Invariants(self.venue, self.events)
        self.sent, self.now = 0, 1_000_000
        self.send(governed.BookMessage, settlement_asset="USD", decimals=decimals, **RULE)
        self.send(governed.ParametersMessage, **rules, **RULE)
        self.send(governed.WaterfallMessage, layers=[*layers, UNCOVERED], **RULE)
        self.list("L", **(listing or {}))
        self.price(100)

    def send(self, message: type[Input], /, **fields: Any) -> Code | None:
        """One message at the present time; the code of a refusal."""
        self.sent += 1
        code = self.feed(message(**{"book": BOOK, "id": f"h{self.sent}", "time_ms": self.now, **fields}))
        self.invariants.check()
        return code

    def feed(self, message: Input) -> Code | None:
        """A message as it is."""
        try:
            refusal = self.venue.feed(message)
        except Refused as refused:
            return refused.code
        return None if refusal is None else Code(refusal.code)

    def list(self, name: str, /, **fields: Any) -> Code | None:
        """A contract."""
        rates = {"mm_brackets": [Bracket("0", 100_000)], "im_brackets": [Bracket("0", 200_000)]}
        terms = {"kind": "linear", "tick": "1", "lot": "1", "mark": "100", "max_price": "100000"}
        said = {**RULE, **rates, **terms, "position_limit": "1000", **fields}
        return self.send(governed.InstrumentMessage, instrument=name, **said)

    def asset(self, name: str, /, **fields: Any) -> Code | None:
        """Collateral worth 10 a piece, haircut 10 %."""
        terms = {"decimals": 0, "tick": "1", "mark": "10", "max_price": "1000", "limit": "1000", "haircut_ppm": 100_000}
        return self.send(governed.AssetMessage, asset=name, **{**RULE, **terms, **fields})

    def price(self, mark: object, name: str = "L") -> Code | None:
        """A tick."""
        return self.send(inputs.Price, instrument=name, mark=str(mark))

    def deposit(self, amounts: dict[str, object]) -> None:
        """Money from outside."""
        for account, amount in amounts.items():
            assert self.send(inputs.Deposit, account=account, amount=str(amount)) is None

    def contribute(self, amounts: dict[str, object]) -> None:
        """To the guarantee fund, from outside."""
        for member, amount in amounts.items():
            assert self.send(inputs.Contribution, member=member, amount=str(amount)) is None

    def trade(self, buyer: str, seller: str, lots: object, price: object = 100, **fields: Any) -> Code | None:
        """A trade of L."""
        said = {"instrument": "L", "quantity": str(lots), "price": str(price), **fields}
        return self.send(inputs.Trade, buyer=buyer, seller=seller, **said)

    def command(self, kind: str, /, **fields: Any) -> Code | None:
        """An order of the operator."""
        return self.send(governed.Command, kind=kind, **{**RULE, **fields})

    def wait(self, ms: int) -> None:
        """Time passes."""
        self.now += ms
        self.send(inputs.Heartbeat)

    @property
    def run(self) -> BookRun:
        """The book."""
        return self.venue.books[BOOK]

    def cash(self, *names: str) -> Any:
        """Cash of accounts and funds: all, or the named ones in their order."""
        found = balances(self.run)
        return found if not names else [found.get(name, 0) for name in names]

    def lots(self) -> dict[tuple[str, str], int]:
        """Positions by (account, instrument)."""
        return positions(self.run)

    def entry(self) -> dict[tuple[str, str], int]:
        """Entry values by (account, instrument)."""
        return entries(self.run)

    def status(self) -> dict[str, str]:
        """Where each account stands."""
        return statuses(self.run)

    def statement(self, account: str) -> tuple[int, int, int]:
        """Equity, IM and MM."""
        state = self.run.shards[place(account, len(self.run.shards))].state
        own = state.statement(state.accounts.row_of[account])
        return own.equity, own.im, own.mm

    def told(self, kind: str) -> list[dict[str, Any]]:
        """Events of a kind, as values."""
        return [msgspec.to_builtins(event) for event in self.events if event.kind == kind]

    def kinds(self) -> list[str]:
        """What was told, in its order."""
        return [event.kind for event in self.events]


def two_positions(**rules: Any) -> Hand:
    """An account `a` with 250 and ten lots each of L and M, bought at 100 from `b`."""
    hand = Hand(execution="venue", **rules)
    hand.list("M")
    hand.price(100, "M")
    hand.deposit({"a": 250, "b": 5000})
    hand.trade("a", "b", 10)
    hand.trade("a", "b", 10, instrument="M")
    return hand
