"""Random small venues for the twin and the live simulation: numbers drawn by hypothesis (or a seed), read as messages.

A venue is a tuple of settings, an act a tuple of small integers; every tuple means something, so shrinking works.
Whoever feeds the messages hands in the list where the engine's events go: fills of venue orders are read from it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from random import Random
from typing import Any

from hypothesis import strategies as st
from msgspec.structs import replace as with_fields

from schemas import governed, inputs
from schemas.decimals import decimal_text
from schemas.events import Event
from schemas.message import Input
from tests.venue_fills import fill, price_text, quantity_text
from tests.venue_opening import (
    ACCOUNTS,
    BOOKS,
    INSTRUMENTS,
    LARGE_LIMIT,
    LARGE_PRICE,
    LAYERS,
    START,
    Settings,
    asset,
    instrument,
    opening,
    parameters,
)

MOVES = [-60, -35, -20, -12, -8, -5, -3, -2, -1, -1, 1, 1, 2, 3, 4, 8, 15, 40, 90]
FUNDS = ["@backstop", "@operator", "@operator/op", "@insurance/usd", "@insurance/inv", "@insurance/rat", "@market"]
KINDS = 133

Act = tuple[int, int, int, int, int]

settings_of = st.builds(Settings, **{one.name: st.integers(0, 3) for one in fields(Settings)})
act_of: st.SearchStrategy[Act] = st.tuples(
    st.integers(0, KINDS), st.integers(0, 11), st.integers(0, 11), st.integers(0, 40), st.integers(0, 5)
)
acts_of = st.lists(act_of, min_size=5, max_size=60)


def random_venue(seed: int, length: int) -> tuple[Settings, list[Act]]:
    """The same, from a seed: for long runs where shrinking is not wanted."""
    random = Random(seed)
    settings = Settings(*(random.randint(0, 3) for _ in fields(Settings)))
    ends = (KINDS, 11, 11, 40, 5)
    return settings, [tuple(random.randint(0, end) for end in ends) for _ in range(length)]  # type: ignore[misc]


def messages(settings: Settings, acts: list[Act], told: Sequence[Event] = ()) -> Iterator[Input]:
    """The opening of each book, then one message an act."""
    venues = [_Venue(settings, book, told) for book in BOOKS[: 1 + (settings.books == 3)]]
    for venue in venues:
        yield from opening(settings, venue.book)
    for act in acts:
        yield venues[act[1] % 4 == 0 and len(venues) - 1].message(act)


class _Venue:
    """Reads acts one after the other; remembers prices, indexes and versions."""

    def __init__(self, settings: Settings, book: str, told: Sequence[Event]) -> None:
        self.settings, self.book, self.told = settings, book, told
        self.now = self.number = 0
        self.price = dict(START)
        self.index = dict.fromkeys(INSTRUMENTS, 0)
        self.version = 1
        self.last: Input | None = None

    def message(self, act: Act) -> Input:
        kind, one, two, size, wait = act
        self.now += [0, 0, 50, 200, 600, 2_600][wait]
        self.number += 1
        base: dict[str, Any] = {"book": self.book, "id": f"n{self.number}", "time_ms": self.now}
        self.last = self._say(base, kind, one, two, size)
        return self.last

    def _say(self, base: dict[str, Any], kind: int, one: int, two: int, size: int) -> Input:
        name = INSTRUMENTS[(one + two) % 3]
        if kind < 40:
            return self._trade(base, one, two, 1 + size, INSTRUMENTS[size % 3], size % 5 - 2)
        if kind < 68:
            return self._price(base, name if kind < 64 else "GOLD", MOVES[size % len(MOVES)])
        if kind < 74:
            return self._deposit(base, ACCOUNTS[one], size, in_gold=two >= 6)
        if kind < 80:
            return self._leave(base, one, two, size)
        if kind < 84:
            self.index[name] += (size - 20) * 50_000
            return inputs.Funding(instrument=name, index=str(self.index[name]), **base)
        if kind < 88:
            buys, sells = quantity_text(name, size), quantity_text(name, two)
            return inputs.OpenOrders(account=ACCOUNTS[one], instrument=name, buys=buys, sells=sells, **base)
        if kind < 91:
            return inputs.Period(**base)
        if kind < 95:
            return inputs.Heartbeat(**base)
        if kind == 95 and size > 30:
            return inputs.Settlement(instrument=name, price=self._text(name), **base)
        if kind < 100:
            return self._command(base, kind, one, two, size)
        return self._rare(base, kind, one, two, size)

    def _rare(self, base: dict[str, Any], kind: int, one: int, two: int, size: int) -> Input:
        if kind < 112:
            return fill(self.told, self.price, base, one, two, size)
        if kind < 115:
            return self._deposit(base, FUNDS[(one + two) % len(FUNDS)], size, in_gold=False)
        if kind < 121:
            return self._change(base, one, two, size)
        if kind < 125:
            return self._again(base, size)
        most = 4 * LARGE_LIMIT if self.settings.large == 3 else 240
        if kind < 129:
            return self._trade(base, one, two, most >> (size % 5), "LIN", size % 9 - 4)
        if kind < 131 and self.settings.large == 3:
            return self._price(base, "LIN", 100 * 10 ** (size % 7))
        return self._trade(base, one, one, 1 + size, INSTRUMENTS[two % 3], 0)

    def _text(self, name: str, off: int = 0) -> str:
        return price_text(name, self.price[name] + off)

    def _trade(self, base: dict[str, Any], one: int, two: int, lots: int, name: str, off: int) -> Input:
        seller = "@market" if two == one else ACCOUNTS[two]
        price, quantity = self._text(name, off), quantity_text(name, lots)
        return inputs.Trade(buyer=ACCOUNTS[one], seller=seller, instrument=name, quantity=quantity, price=price, **base)

    def _price(self, base: dict[str, Any], name: str, percent: int) -> Input:
        most = LARGE_PRICE if name == "LIN" and self.settings.large == 3 else 90_000
        ticks = max(2, min(most, self.price[name] * (100 + percent) // 100 + (percent > 0)))
        self.price[name] = ticks
        if name == "GOLD":
            return inputs.Price(asset="GOLD", mark=self._text(name), **base)
        return inputs.Price(instrument=name, mark=self._text(name), **base)

    def _deposit(self, base: dict[str, Any], account: str, size: int, in_gold: bool) -> Input:
        if in_gold:
            return inputs.Deposit(account=account, asset="GOLD", amount=decimal_text(1 + size * 97, 3), **base)
        return inputs.Deposit(account=account, amount=decimal_text(1 + size * 301, 2), **base)

    def _leave(self, base: dict[str, Any], one: int, two: int, size: int) -> Input:
        account, amount = ACCOUNTS[one], decimal_text(1 + size * 517, 2)
        if two < 4:
            return inputs.Withdrawal(account=account, amount=amount, **base)
        if two < 6:
            return inputs.Withdrawal(account=account, asset="GOLD", amount=decimal_text(1 + size * 53, 3), **base)
        if two < 9:
            return inputs.Move(source=account, target=ACCOUNTS[(one + two) % 12], amount=amount, **base)
        return inputs.Contribution(member=account.partition("/")[0], account=account, amount=amount, **base)

    def _rule(self, base: dict[str, Any], size: int) -> dict[str, Any]:
        self.version += 1
        later = {"effective_ms": self.now + 400} if size % 5 == 0 else {}
        return {**base, "version": self.version, "author": "t", "reason": "r", **later}

    def _command(self, base: dict[str, Any], kind: int, one: int, two: int, size: int) -> Input:
        rule = self._rule(base, size)
        if kind == 96:
            return governed.Command(kind="close_account", account=ACCOUNTS[one], **rule)
        if kind == 97 and two == 0:
            return governed.Command(kind="venue_restart", **rule)
        what = ["liquidation", "transfers", "order_entry", "instrument"][one % 4]
        named = {"instrument": INSTRUMENTS[two % 3]} if what == "instrument" else {}
        order: Any = "halt" if size % 3 == 0 else "resume"
        return governed.Command(kind=order, what=what, **named, **rule)  # type: ignore[arg-type]

    def _change(self, base: dict[str, Any], one: int, two: int, size: int) -> Input:
        """New parameters, a new waterfall, or new versions of what is listed."""
        rule = self._rule(base, size)
        if two < 5:
            changed = {
                one_.name: (getattr(self.settings, one_.name) + size) % 4 for one_ in fields(Settings)[one % 5 :: 5]
            }
            self.settings = replace(self.settings, **{**changed, "large": self.settings.large})
            return parameters(self.settings, **rule)
        if two < 7:
            return governed.WaterfallMessage(layers=LAYERS[size % 4], **rule)
        if two < 11:
            return instrument(self.settings, INSTRUMENTS[one % 3], size % 3, **rule)
        return asset(self.settings, size % 4, **rule)

    def _again(self, base: dict[str, Any], size: int) -> Input:
        """A repeat, an id with other content, a message that is late but timely, one that is too late."""
        if self.last is None or size % 4 > 1:
            return inputs.Period(**{**base, "time_ms": max(0, self.now - [1_500, 2_500][size % 2])})
        return self.last if size % 4 else with_fields(self.last, time_ms=self.last.time_ms + 1)
