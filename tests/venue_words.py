"""What is said to a random venue, one method a kind of message; prices, funding indexes and versions are remembered.

Whoever feeds the messages hands in the list where the engine's events go: fills of venue orders and of collateral sales
are read from it, as a venue would.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

from msgspec.structs import replace as with_fields

from schemas import governed, inputs
from schemas.decimals import decimal_text
from schemas.events import Event
from schemas.loss_events import DefaultDeclared
from schemas.message import Input
from tests.venue_fills import price_text, quantity_text
from tests.venue_opening import (
    ACCOUNTS,
    INSTRUMENTS,
    LARGE_LIMIT,
    LARGE_PRICE,
    PLAIN,
    START,
    Settings,
    asset,
    instrument,
    ladder,
    parameters,
)

Base = dict[str, Any]


class VenueWords:
    """The messages of one book. Each method says one; `base` is the envelope that `next` makes."""

    def __init__(self, settings: Settings, book: str, told: Sequence[Event]) -> None:
        self.settings, self.book, self.told = settings, book, told
        self.has_variants = any(getattr(settings, one.name) for one in fields(Settings)[PLAIN:])
        self.now = self.number = 0
        self.price = dict(START)
        self.index = dict.fromkeys(INSTRUMENTS, 0)
        self.version = 1
        self.last: Input | None = None

    def next(self, wait_ms: int) -> Base:
        """The envelope of the next message, so much later."""
        self.now += wait_ms
        self.number += 1
        return {"book": self.book, "id": f"n{self.number}", "time_ms": self.now}

    @property
    def most_lots(self) -> int:
        """What an account may hold of LIN before it leaves the columns."""
        return 4 * LARGE_LIMIT if self.settings.large == 3 else 240

    def trade(self, base: Base, buyer: str, seller: str, lots: int, name: str, off: int) -> Input:
        """A trade so many ticks off the mark; an account alone trades with the market."""
        seller = "@market" if seller == buyer else seller
        price, quantity = self._text(name, off), quantity_text(name, lots)
        return inputs.Trade(buyer=buyer, seller=seller, instrument=name, quantity=quantity, price=price, **base)

    def tick(self, base: Base, name: str, percent: int) -> Input:
        """A price of an instrument, or of GOLD, so many percent from the last."""
        most = LARGE_PRICE if name == "LIN" and self.settings.large == 3 else 90_000
        ticks = max(2, min(most, self.price[name] * (100 + percent) // 100 + (percent > 0)))
        self.price[name] = ticks
        if name == "GOLD":
            return inputs.Price(asset="GOLD", mark=self._text(name), **base)
        return inputs.Price(instrument=name, mark=self._text(name), **base)

    def deposit(self, base: Base, account: str, size: int, *, in_gold: bool = False) -> Input:
        """Money or collateral."""
        if in_gold:
            return inputs.Deposit(account=account, asset="GOLD", amount=decimal_text(1 + size * 97, 3), **base)
        return inputs.Deposit(account=account, amount=decimal_text(1 + size * 301, 2), **base)

    def leave(self, base: Base, account: str, target: str, how: str, size: int) -> Input:
        """A withdrawal of money or gold, a move, or a contribution from the account."""
        amount = decimal_text(1 + size * 517, 2)
        if how == "money":
            return inputs.Withdrawal(account=account, amount=amount, **base)
        if how == "gold":
            return inputs.Withdrawal(account=account, asset="GOLD", amount=decimal_text(1 + size * 53, 3), **base)
        if how == "move":
            return inputs.Move(source=account, target=target, amount=amount, **base)
        return inputs.Contribution(member=account.partition("/")[0], account=account, amount=amount, **base)

    def recovery(self, base: Base, place: int, size: int) -> Input:
        """Money recovered from a member that has defaulted, if one has."""
        known = (e.member for e in self.told if isinstance(e, DefaultDeclared) and e.book == self.book)
        members = list(dict.fromkeys(known)) or [name.partition("/")[0] for name in ACCOUNTS]
        member, amount = members[place % len(members)], decimal_text(1 + size * 97, 2)
        return inputs.Recovery(member=member, amount=amount, from_estate=size % 4 == 1, **self.rule(base, size))

    def funding(self, base: Base, name: str, size: int) -> Input:
        """The index moves either way."""
        self.index[name] += (size - 20) * 50_000
        return inputs.Funding(instrument=name, index=str(self.index[name]), **base)

    def orders(self, base: Base, account: str, name: str, buys: int, sells: int) -> Input:
        """What the account has resting."""
        sides = {"buys": quantity_text(name, buys), "sells": quantity_text(name, sells)}
        return inputs.OpenOrders(account=account, instrument=name, **sides, **base)

    def settlement(self, base: Base, name: str) -> Input:
        """The contract ends at its last price."""
        return inputs.Settlement(instrument=name, price=self._text(name), **base)

    def rule(self, base: Base, size: int) -> Base:
        """The envelope of a governed message; every fifth is postponed."""
        self.version += 1
        later = {"effective_ms": self.now + 400} if size % 5 == 0 else {}
        return {**base, "version": self.version, "author": "t", "reason": "r", **later}

    def close(self, base: Base, account: str, size: int) -> Input:
        """An account asks to be closed."""
        return governed.Command(kind="close_account", account=account, **self.rule(base, size))

    def restart(self, base: Base, size: int) -> Input:
        """The venue was down."""
        return governed.Command(kind="venue_restart", **self.rule(base, size))

    def halt(self, base: Base, what: Any, name: str, size: int) -> Input:
        """A halt, or its end."""
        named = {"instrument": name} if what == "instrument" else {}
        order: Any = "halt" if size % 3 == 0 else "resume"
        return governed.Command(kind=order, what=what, **named, **self.rule(base, size))

    def parameters(self, base: Base, first: int, size: int) -> Input:
        """Every fifth of the settings changes, from the first named; of variants, where the venue began with some."""
        rule = self.rule(base, size)
        known = fields(Settings)[: None if self.has_variants else PLAIN]
        changed = {one.name: (getattr(self.settings, one.name) + size) % 4 for one in known[first::5]}
        self.settings = replace(self.settings, **{**changed, "large": self.settings.large})
        return parameters(self.settings, **rule)

    def waterfall(self, base: Base, size: int) -> Input:
        """Another list of layers."""
        return governed.WaterfallMessage(layers=ladder(self.settings, size, size // 4), **self.rule(base, size))

    def listing(self, base: Base, name: str, size: int) -> Input:
        """A new version of an instrument or of GOLD."""
        rule = self.rule(base, size)
        if name == "GOLD":
            return asset(self.settings, size % 4, **rule)
        return instrument(self.settings, name, size % 3, **rule)

    def again(self, base: Base, size: int) -> Input:
        """A repeat, an id with other content, a message that is late but timely, one that is too late."""
        if self.last is None or size % 4 > 1:
            return inputs.Period(**{**base, "time_ms": max(0, self.now - [1_500, 2_500][size % 2])})
        return self.last if size % 4 else with_fields(self.last, time_ms=self.last.time_ms + 1)

    def _text(self, name: str, off: int = 0) -> str:
        return price_text(name, self.price[name] + off)
