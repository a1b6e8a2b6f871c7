"""A book for one example: listed and marked by messages, accounts written as the example states them.

An example gives balances where we have a history (cash -490 and 0.1 ETH, however it came to that), so an account is
written as it is, the other side of it to `@market`, as a trade and a payment of the engine. What happens then comes by
messages. Numbers go in as the text that the source prints, and come out as exact fractions of its units.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from engine.accounts import Holding
from engine.contracts import Contract
from engine.ledger import MARKET
from engine.margin.estimate import liquidation_price
from engine.margin.statement import Line, Statement, wallet
from engine.value import value
from schemas import governed, inputs
from schemas.codes import Code
from schemas.decimals import count_of, units_of
from schemas.events import Event
from schemas.governed import Bracket, LayerMessage
from schemas.message import Input
from streams.driver import Sinks, Venue
from tests.conformance.units import above, step, text

BOOK = "B"
RULE: dict[str, Any] = {"version": 1, "author": "example", "reason": "as published"}
UNCOVERED = LayerMessage(id="uncovered", kind="uncovered", rank=99)
NEVER_MS = 86_400_000
OPENED_MS = 1_000_000


class Scene:
    """One book, one shard. `seen` are the holdings of every account right after each kind of event."""

    def __init__(self, *layers: LayerMessage, decimals: int = 6, **rules: Any) -> None:
        self.decimals, self.sent = decimals, 0
        self.events: list[Event] = []
        self.seen: dict[str, dict[str, Holding]] = {}
        self.venue = Venue(1, Sinks(event=self._hear))
        self.send(governed.BookMessage, settlement_asset="MONEY", decimals=decimals, **RULE)
        self.send(governed.ParametersMessage, **{"window_max_ms": NEVER_MS, **rules}, **RULE)
        self.send(governed.WaterfallMessage, layers=[*layers, UNCOVERED], **RULE)

    def _hear(self, event: Event) -> None:
        self.events.append(event)
        accounts = self.state.accounts
        self.seen[event.kind] = {name: accounts.take(row) for name, row in accounts.row_of.items()}

    @property
    def state(self) -> Any:
        """The state of the shard."""
        return self.venue.books[BOOK].shards[0].state

    def send(self, message: type[Input], /, **fields: Any) -> None:
        """One message; a refusal of it is a fault of the adapter."""
        self.sent += 1
        refusal = self.venue.feed(message(**{"book": BOOK, "id": f"m{self.sent}", "time_ms": OPENED_MS, **fields}))
        if refusal is not None:
            raise ValueError(f"{message.__name__} refused: {refusal.reason}")

    def list(self, name: str, prices: list[Any], sizes: list[Any], mm_ppm: int = 0, **terms: Any) -> None:
        """A linear contract, its mark the first price; tick and lot as fine as the prices and sizes that are named."""
        rates = {"mm_brackets": [Bracket("0", mm_ppm)], "im_brackets": [Bracket("0", mm_ppm)]}
        steps = {"tick": step(prices), "lot": step(sizes), "max_price": above(prices), "position_limit": above(sizes)}
        said = {**RULE, "kind": "linear", **rates, **steps, "mark": text(prices[0]), **terms}
        self.send(governed.InstrumentMessage, instrument=name, **said)

    def wait(self, after_ms: int) -> None:
        """Time passes, up to so long after the opening."""
        self.send(inputs.Heartbeat, time_ms=OPENED_MS + after_ms)

    def collateral(self, name: str, account: str, amount: Any) -> None:
        """An asset worth one without haircut, marked, and a deposit of it."""
        terms = {"decimals": self.decimals, "tick": "1", "mark": "1", "max_price": "1", "limit": above([amount])}
        self.send(governed.AssetMessage, asset=name, haircut_ppm=0, **terms, **RULE)
        self.send(inputs.Price, asset=name, mark="1")
        if amount:
            self.send(inputs.Deposit, account=account, amount=text(amount), asset=name)

    def price(self, name: str, mark: Any) -> None:
        """A tick."""
        self.send(inputs.Price, instrument=name, mark=text(mark))

    def hold(
        self,
        account: str,
        cash: Any,
        lots: Mapping[str, Any] | None = None,
        entry: Mapping[str, Any] | None = None,
    ) -> None:
        """An account with this cash and these positions; where entry prices are named, they were bought at them."""
        row = self.state.accounts.open(account)
        for name, size in (lots or {}).items():
            column, contract = self.column(name), self.contract(name)
            count = self.lots(name, size)
            paid = value(contract, count, self.ticks(name, entry[name])) if entry else 0
            self.state.trade(row, column, count, -paid, MARKET, is_flow=False)
        self.state.pay(row, units_of(text(cash), self.decimals), MARKET, is_flow=True)

    def move(self, account: str, name: str, lots: int, cash: int, other: str | None = None) -> None:
        """Signed lots and cash of the account, against another account, or `@market`."""
        rows = self.state.accounts.row_of
        self.state.trade(rows[account], self.column(name), lots, cash, MARKET, is_flow=False)
        if other is not None:
            self.state.trade(rows[other], self.column(name), -lots, -cash, MARKET, is_flow=False)

    def column(self, name: str) -> int:
        """The place of a contract in the book."""
        return int(self.state.book.column_of[name])

    def contract(self, name: str) -> Contract:
        """The contract in force."""
        found: Contract = self.state.book.contracts[self.column(name)]
        return found

    def lots(self, name: str, size: Any) -> int:
        """A size as signed lots."""
        return count_of(text(size), *self.contract(name).lot, Code.OFF_LOT)

    def ticks(self, name: str, price: Any) -> int:
        """A price as ticks."""
        return count_of(text(price), *self.contract(name).tick, Code.OFF_TICK)

    def fund(self, account: str, units: int) -> None:
        """Units of money into an account."""
        self.state.pay(self.state.accounts.row_of[account], units, MARKET, is_flow=True)

    def fund_units(self, name: str) -> int:
        """What a named account holds."""
        return int(self.venue.books[BOOK].clearing.state.ledger.balance(name))

    def gain(self, account: str) -> int:
        """What the account has won since it was written, in units (17.8)."""
        row = self.state.accounts.row_of[account]
        return int(self.state.gain(row, self.own(account).equity))

    def own(self, account: str) -> Statement:
        """The margin statement."""
        found: Statement = self.state.statement(self.state.accounts.row_of[account])
        return found

    def wallet(self, account: str) -> Fraction:
        """Its money with every position at what it cost."""
        return self.money(wallet(self.holding(account), self.own(account)))

    def line(self, account: str, name: str) -> Line:
        """The line of one contract in it."""
        return next(line for line in self.own(account).lines if line.column == self.column(name))

    def liquidation_price(self, account: str, name: str) -> Fraction:
        """The estimate, exact."""
        state = self.state
        return self.exactly(
            name, liquidation_price(state.book, state.accounts, state.accounts.row_of[account], self.column(name))
        )

    def exactly(self, name: str, ticks: tuple[int, int] | None) -> Fraction:
        """A price that is a ratio of ticks."""
        if ticks is None:
            raise ValueError(f"no mark of {name} does it")
        return Fraction(*ticks) * Fraction(*self.contract(name).tick)

    def holding(self, account: str) -> Holding:
        """What the account has now."""
        found: Holding = self.state.accounts.take(self.state.accounts.row_of[account])
        return found

    def money(self, units: int) -> Fraction:
        """Units as the money of the example."""
        return Fraction(units, 10**self.decimals)

    def size(self, name: str, lots: int) -> Fraction:
        """Lots as a size."""
        return lots * Fraction(*self.contract(name).lot)

    def quantums(self, money: Fraction) -> Fraction:
        """Money of the example as units."""
        return money * 10**self.decimals

    def at(self, name: str, ticks: int | None) -> Fraction:
        """Ticks as a price; any price is none."""
        if ticks is None:
            raise ValueError(f"no price of {name} limits this order")
        return ticks * Fraction(*self.contract(name).tick)
