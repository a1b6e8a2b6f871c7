"""Random small venues for the twin and the live simulation: numbers drawn by hypothesis (or a seed), read as messages.

A venue is a tuple of settings, an act a tuple of small integers; every tuple means something, so shrinking works.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from hypothesis import strategies as st

from schemas import inputs
from schemas.decimals import decimal_text
from schemas.inputs import Bracket, Input, LayerMessage

BOOK = "usd"
ACCOUNTS = ["a", "b", "c", "d", "a/iso", "b/x", "b/y", "c/iso", "e", "f"]
LIMITED = {"a/iso", "c/iso", "b/y"}
INSTRUMENTS = ["LIN", "INV", "RAT"]
START = {"LIN": 200, "INV": 200, "RAT": 2000, "GOLD": 100}
MOVES = [-60, -35, -20, -12, -8, -5, -3, -2, -1, -1, 1, 1, 2, 3, 4, 8, 15, 40, 90]
GRAIN = 10**4

Act = tuple[int, int, int, int, int]


@dataclass(frozen=True)
class Settings:
    """Choices of one venue, each an index into its own short list."""

    call: int
    stop: int
    fee: int
    venue: int
    window: int
    close: int
    pace: int
    band: int
    layers: int
    vest: int


settings_of = st.builds(Settings, **{name: st.integers(0, 3) for name in Settings.__dataclass_fields__})
act_of: st.SearchStrategy[Act] = st.tuples(
    st.integers(0, 99), st.integers(0, 9), st.integers(0, 9), st.integers(0, 40), st.integers(0, 5)
)
acts_of = st.lists(act_of, min_size=5, max_size=60)


def random_venue(seed: int, length: int) -> tuple[Settings, list[Act]]:
    """The same, from a seed: for long runs where shrinking is not wanted."""
    random = Random(seed)  # noqa: S311
    settings = Settings(*(random.randint(0, 3) for _ in Settings.__dataclass_fields__))
    acts = [
        (random.randint(0, 99), random.randint(0, 9), random.randint(0, 9), random.randint(0, 40), random.randint(0, 5))
        for _ in range(length)
    ]
    return settings, acts


def messages(settings: Settings, acts: list[Act]) -> Iterator[Input]:
    """The opening of the venue, then one message an act."""
    yield from opening(settings)
    venue = _Venue()
    for act in acts:
        yield venue.message(act)


def opening(s: Settings) -> Iterator[Input]:
    """Book, asset, instruments, rules, funds, accounts and their first money."""
    rule: dict[str, Any] = {"book": BOOK, "time_ms": 0, "version": 1, "author": "t", "reason": "r"}
    yield inputs.BookMessage(id="book", settlement_asset="USD", decimals=2, **rule)
    band: dict[str, Any] = {
        "band_ppm": [0, 0, 100_000, 30_000][s.band], "agree_ticks": 2, "hold_ms": 700,
        "stale_ms": [0, 0, 0, 3_000][s.band],
    }  # fmt: skip
    mm = [Bracket("0", 50_000), Bracket("500", 100_000), Bracket("2000", 250_000)]
    im = [Bracket("0", 100_000), Bracket("500", 200_000), Bracket("2000", 400_000)]
    shared: dict[str, Any] = {
        "mm_brackets": mm, "im_brackets": im, "position_limit": "60", "half_spread_ticks": 1, "impact": "0.03",
        "depth_lots": 20, "refill_lots_per_ms": 0, "backstop_limit": "25", **band, **rule,
    }  # fmt: skip
    yield inputs.InstrumentMessage(
        id="lin", instrument="LIN", kind="linear", tick="0.5", lot="1", mark="100", max_price="100000", **shared
    )
    yield inputs.InstrumentMessage(
        id="inv", instrument="INV", kind="inverse", tick="0.5", lot="1", contract_value="1000", mark="100",
        min_price="0.5", max_price="100000", insurance_scope="inv", **shared,
    )  # fmt: skip
    yield inputs.InstrumentMessage(
        id="rat", instrument="RAT", kind="linear", tick="0.1", lot="0.01", contract_value="0.7", mark="200",
        max_price="100000", insurance_scope="rat", **{**shared, "position_limit": "90"},
    )  # fmt: skip
    yield inputs.AssetMessage(
        id="gold", asset="GOLD", decimals=3, haircut_ppm=[0, 100_000, 250_000, 1_000_000][s.vest], tick="0.5",
        mark="50", max_price="100000", limit="1000", **band, **rule,
    )  # fmt: skip
    yield inputs.ParametersMessage(
        id="rules", late_ms=2_000, call_ms=[0, 0, 500, 3_000][s.call],
        stop_ppm=[1_000_000, 1_000_000, 1_200_000, 2_000_000][s.stop],
        liquidation_fee_ppm=[0, 5_000, 20_000, 300_000][s.fee],
        execution=["simulated", "simulated", "simulated", "venue"][s.venue], order_ms=800,
        max_close_ms=[0, 500, 2_000, 60_000][s.close], window_ms=[0, 0, 600, 2_500][s.window],
        window_max_ms=[1, 5_000, 3_000, 2_500][s.window], sale_ms=[0, 400, 900, 2_000][s.close],
        portion_ppm=[1_000_000, 300_000, 200_000, 1_000_000][s.pace], min_notional=["0", "50", "0", "0"][s.pace],
        small_lots=[0, 2, 5, 0][s.pace], per_account_notional=[None, None, "400", "300"][s.pace],
        per_book_notional=[None, None, None, "900"][(s.pace + s.venue) % 4], interval_ms=500,
        vest_gains=s.vest % 2 == 1, **rule,
    )  # fmt: skip
    yield inputs.WaterfallMessage(id="wf", layers=LAYERS[s.layers], **rule)
    for name in sorted(LIMITED):
        yield inputs.Command(id=f"open-{name}", kind="open_account", account=name, limited=True, **rule)
    yield from _money()


def _money() -> Iterator[Input]:
    base: dict[str, Any] = {"book": BOOK, "time_ms": 0}
    funds = {"@insurance/usd": "40", "@insurance/inv": "15.37", "@operator/op": "30.11", "@operator/op2": "7"}
    funds |= {"@backstop": "300", "@operator": "20"}
    for number, (name, amount) in enumerate({**funds, **dict.fromkeys(ACCOUNTS, "250")}.items()):
        yield inputs.Deposit(id=f"start{number}", account=name, amount=amount, **base)
    for member, amount in (("a", "50"), ("b", "33.33"), ("c", "10.01"), ("f", "0.07")):
        yield inputs.Contribution(id=f"gf-{member}", member=member, amount=amount, **base)


def _layer(id: str, kind: Any, rank: int, **more: Any) -> LayerMessage:
    return LayerMessage(id=id, kind=kind, rank=rank, **more)


LAYERS = [
    [
        _layer("own", "defaulter_contribution", 1), _layer("op", "operator", 2), _layer("ins", "insurance", 3),
        _layer("gf", "guarantee_fund", 4), _layer("gains", "gains_haircut", 5), _layer("end", "uncovered", 6),
    ],
    [
        _layer("insinv", "insurance", 1, scope="inv"), _layer("insrat", "insurance", 1, scope="rat"),
        _layer("ins", "insurance", 2), _layer("op", "operator", 2), _layer("own", "defaulter_contribution", 2),
        _layer("gf", "guarantee_fund", 3, cap="20"), _layer("op2", "operator", 3), _layer("end", "uncovered", 9),
    ],
    [_layer("gains", "gains_haircut", 1, cap="30"), _layer("gf", "guarantee_fund", 1), _layer("end", "uncovered", 2)],
    [_layer("gains", "gains_haircut", 1), _layer("end", "uncovered", 2)],
]  # fmt: skip


class _Venue:
    """Reads acts one after the other; remembers prices, indexes and numbers."""

    def __init__(self) -> None:
        self.now = 0
        self.number = 0
        self.price = dict(START)
        self.index = dict.fromkeys(INSTRUMENTS, 0)
        self.versions: dict[str, int] = {}

    def message(self, act: Act) -> Input:
        kind, one, two, size, wait = act
        self.now += [0, 0, 50, 200, 600, 2_600][wait]
        self.number += 1
        base: dict[str, Any] = {"book": BOOK, "id": f"n{self.number}", "time_ms": self.now}
        instrument = INSTRUMENTS[(one + two) % 3]
        if kind < 40:
            return self._trade(base, one, two, size, INSTRUMENTS[size % 3])
        if kind < 68:
            return self._price(base, instrument if kind < 64 else "GOLD", MOVES[size % len(MOVES)])
        if kind < 74:
            return self._deposit(base, ACCOUNTS[one], size, in_gold=two >= 6)
        if kind < 80:
            return self._leave(base, one, two, size)
        if kind < 84:
            self.index[instrument] += (size - 20) * 50_000
            return inputs.Funding(instrument=instrument, index=str(self.index[instrument]), **base)
        if kind < 88:
            return inputs.OpenOrders(
                account=ACCOUNTS[one], instrument=instrument, buys=self._lots(instrument, size),
                sells=self._lots(instrument, two), **base,
            )  # fmt: skip
        if kind < 91:
            return inputs.Period(**base)
        if kind < 95:
            return inputs.Heartbeat(**base)
        if kind == 95 and size > 30:
            return inputs.Settlement(instrument=instrument, price=self._text(instrument), **base)
        return self._command(base, kind, one, two, size)

    def _lots(self, instrument: str, lots: int) -> str:
        return decimal_text(lots, 2) if instrument == "RAT" else str(lots)

    def _text(self, instrument: str, off: int = 0) -> str:
        ticks = max(1, self.price[instrument] + off)
        return decimal_text(ticks, 1) if instrument == "RAT" else decimal_text(ticks * 5, 1)

    def _trade(self, base: dict[str, Any], one: int, two: int, size: int, instrument: str) -> Input:
        seller = "@market" if two == one else ACCOUNTS[two]
        return inputs.Trade(
            buyer=ACCOUNTS[one], seller=seller, instrument=instrument, quantity=self._lots(instrument, 1 + size),
            price=self._text(instrument, (size % 5) - 2), **base,
        )  # fmt: skip

    def _price(self, base: dict[str, Any], name: str, percent: int) -> Input:
        ticks = max(2, min(90_000, self.price[name] * (100 + percent) // 100 + (percent > 0)))
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
        if two < 8:
            return inputs.Move(source=account, target=ACCOUNTS[(one + two) % 10], amount=amount, **base)
        return inputs.Contribution(member=account.partition("/")[0], account=account, amount=amount, **base)

    def _command(self, base: dict[str, Any], kind: int, one: int, two: int, size: int) -> Input:
        version = self.versions["all"] = self.versions.get("all", 1) + 1
        rule: dict[str, Any] = {**base, "version": version, "author": "t", "reason": "r"}
        if size % 5 == 0:
            rule["effective_ms"] = self.now + 400
        if kind == 96:
            return inputs.Command(kind="close_account", account=ACCOUNTS[one], **rule)
        if kind == 97 and two == 0:
            return inputs.Command(kind="venue_restart", **rule)
        what = ["liquidation", "transfers", "order_entry", "instrument"][one % 4]
        named = {"instrument": INSTRUMENTS[two % 3]} if what == "instrument" else {}
        order: Any = "halt" if size % 3 == 0 else "resume"
        return inputs.Command(kind=order, what=what, **named, **rule)  # type: ignore[arg-type]
