"""How a random venue opens and is ruled: settings, listings, rules, funds and first money (see random_venue)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from msgspec import UNSET
from msgspec.structs import replace

from schemas import governed, inputs
from schemas.governed import Bracket, LayerMessage
from schemas.message import Input

BOOKS = ["usd", "eur"]
ACCOUNTS = ["a", "b", "c", "d", "a/iso", "b/x", "b/y", "c/iso", "e", "f", "e/1", "a/2"]
LIMITED = {"a/iso", "c/iso", "b/y"}
INSTRUMENTS = ["LIN", "INV", "RAT"]
START = {"LIN": 200, "INV": 200, "RAT": 2000, "GOLD": 100}
PLAIN = 12  # settings before the variants
LARGE_LIMIT, LARGE_PRICE = 10_000_000, 500_000_000  # ticks; 4 limits at it stay just below 2^61 units


@dataclass(frozen=True)
class Settings:
    """Choices of one venue, each an index into its own short list. `large`: LIN reaches its bounds; `books`: two.

    `margin`, `takeover` and `closing` are variants, zero the default.
    """

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
    large: int = 0
    books: int = 0
    margin: int = 0
    takeover: int = 0
    closing: int = 0


def opening(s: Settings, book: str) -> Iterator[Input]:
    """Book, asset, instruments, rules, funds, accounts and their first money."""
    rule: dict[str, Any] = {"book": book, "time_ms": 0, "version": 1, "author": "t", "reason": "r"}
    yield governed.BookMessage(id="book", settlement_asset="USD", decimals=2, **rule)
    for name in INSTRUMENTS:
        yield instrument(s, name, id=name, **rule)
    yield asset(s, id="gold", **rule)
    yield parameters(s, id="rules", **rule)
    yield governed.WaterfallMessage(id="wf", layers=ladder(s, s.layers, 5 * s.band + 3 * s.vest + s.fee), **rule)
    for name in sorted(LIMITED):
        yield governed.Command(id=f"open-{name}", kind="open_account", account=name, limited=True, **rule)
    yield from _money(book)


def _band(s: Settings) -> dict[str, Any]:
    return {
        "band_ppm": [0, 0, 100_000, 30_000][s.band], "agree_ticks": 2, "hold_ms": [700, 700, 700, 0][s.call],
        "stale_ms": [0, 0, 0, 3_000][s.band], "max_stale_ms": [0, 300, 2_000, 4_000][s.band],
    }  # fmt: skip


def instrument(s: Settings, name: str, steep: int = 0, **rule: Any) -> Input:
    """A listing; a later version has other brackets (`steep`), limits and spreads, never other terms."""
    rates = [(50_000, 100_000, 250_000), (40_000, 100_000, 200_000), (20_000, 300_000, 1_000_000)][steep % 3]
    floors = [("0", "500", "2000"), ("0", "1000", "2000"), ("0", "300", "9000")][steep % 3]
    mm = [Bracket(floor, rate) for floor, rate in zip(floors, rates, strict=True)]
    im = [Bracket(floor, min(1_000_000, 2 * rate)) for floor, rate in zip(floors, rates, strict=True)]
    shared: dict[str, Any] = {
        "instrument": name, "mm_brackets": mm, "im_brackets": im, "half_spread_ticks": 1 + steep, "impact": "0.03",
        "depth_lots": 20, "refill_lots_per_ms": steep % 2, **_band(s), **_margin(s, name, steep), **rule,
    }  # fmt: skip
    if name == "INV":
        return governed.InstrumentMessage(
            kind="inverse", tick="0.5", lot="1", contract_value="1000", mark="100", min_price="0.5",
            max_price="100000", insurance_scope="inv", position_limit=str(60 - 10 * steep), backstop_limit="25",
            **shared,
        )  # fmt: skip
    if name == "RAT":
        return governed.InstrumentMessage(
            kind="linear", tick="0.1", lot="0.01", contract_value="0.7", mark="200", max_price="100000",
            insurance_scope="rat", position_limit="90", backstop_limit="25", **shared,
        )  # fmt: skip
    limit, price = (LARGE_LIMIT, LARGE_PRICE // 2) if s.large == 3 else (60, 100_000)
    return governed.InstrumentMessage(
        kind="linear", tick="0.5", lot="1", mark="100", max_price=str(price), position_limit=str(limit >> steep),
        backstop_limit=str(limit * 2 // 5), **shared,
    )  # fmt: skip


def _margin(s: Settings, name: str, steep: int) -> dict[str, Any]:
    """Terms of margin other than the default (17.17); another version has others, the steepest no higher rates."""
    if not s.margin or steep % 3 == 2:
        return {"margin_basis": "entry"} if s.margin == 2 else {}
    by_size = {"rate_per_unit": "0.00000001" if s.large == 3 and name == "LIN" else "0.002"}
    by_interest = {
        "mm_brackets": [Bracket("0", 50_000)], "im_brackets": [Bracket("0", 90_001)], "open_interest": "1234.56",
        "interest_lower": "1000", "interest_upper": ["2000", "1100"][steep],
    }  # fmt: skip
    terms: list[dict[str, Any]] = [
        {"margin_basis": "entry"}, {**by_size, "closing_cost_ppm": 7_001}, {**by_size, "free_quantity": "3"},
        by_interest, {**by_size, "margin_basis": "entry", "closing_cost_ppm": 1_000}, {"margin_basis": "mark"},
    ]  # fmt: skip
    return terms[(s.margin + INSTRUMENTS.index(name) + 2 * steep) % len(terms)]


def asset(s: Settings, steep: int = 0, **rule: Any) -> Input:
    """Collateral; a later version has another haircut."""
    haircut = [0, 100_000, 250_000, 1_000_000][(s.vest + steep) % 4]
    return governed.AssetMessage(
        asset="GOLD", decimals=3, haircut_ppm=haircut, tick="0.5", mark="50", max_price="100000", limit="1000",
        **_band(s), **rule,
    )  # fmt: skip


def parameters(s: Settings, **rule: Any) -> Input:
    """The rules of the book."""
    return governed.ParametersMessage(
        late_ms=2_000, call_ms=[0, 0, 500, 3_000][s.call],
        stop_ppm=[1_000_000, 1_000_000, 1_200_000, 2_000_000][s.stop],
        liquidation_fee_ppm=[0, 5_000, 20_000, 300_000][s.fee],
        execution=["simulated", "simulated", "venue", "venue"][s.venue], order_ms=800,
        max_close_ms=[0, 500, 2_000, 60_000][s.close], window_ms=[0, 0, 600, 2_500][s.window],
        window_max_ms=[1, 5_000, 3_000, 2_500][s.window], sale_ms=[0, 400, 900, 2_000][s.close],
        portion_ppm=[1_000_000, 300_000, 200_000, 1_000_000][s.pace], min_notional=["0", "50", "0", "0"][s.pace],
        small_lots=[0, 2, 5, 0][s.pace], per_account_notional=[None, None, "400", "300"][s.pace],
        per_book_notional=[None, None, None, "900"][(s.pace + s.venue) % 4], interval_ms=500,
        vest_gains=s.vest % 2 == 1, takeover_ppm=[UNSET, 500_000, 666_667, 1_000_000][s.takeover],
        withdrawal_factor=s.large == 2 or UNSET,
        cure_ms=[UNSET, 3_000, 700, UNSET][s.stop] if s.large == 2 else UNSET,
        recoveries=(s.large == 2 and s.pace < 3) or UNSET, **(_CLOSING[s.closing] if s.venue > 1 else {}),
        **({"bankruptcy_share": "whole"} if (s.close + s.fee) % 4 == 3 else {}), **rule,
    )  # fmt: skip


_CLOSING: list[dict[str, Any]] = [
    {}, {"closing_spread_ppm": 100_000}, {"closing_spread_ppm": 1_000_000, "closing_adjustment_ppm": 300_000},
    {"closing_spread_ppm": 0, "closing_adjustment_ppm": 2_000_000},
]  # fmt: skip


def _money(book: str) -> Iterator[Input]:
    base: dict[str, Any] = {"book": book, "time_ms": 0}
    funds = {f"@insurance/{book}": "40", "@insurance/inv": "15.37", "@operator/op": "30.11", "@operator/op2": "7"}
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
CALLED: dict[str, Any] = {"multiple_ppm": 1_500_000, "call_ms": 700, "period_days": 1, "period_months": 1}
VARIANTS = [
    [
        _layer("own", "defaulter_contribution", 1), _layer("gf", "guarantee_fund", 3, member_cap="8"),
        _layer("ins", "insurance", 2, premium_ppm=50_000, owner="@operator/op"), _layer("new", "replenished", 4),
        _layer("call", "assessment", 5, refill_ms=900, **CALLED), _layer("gains", "gains_haircut", 6),
        _layer("end", "uncovered", 7),
    ],
    [
        _layer("warm", "unvested", 1), _layer("lin", "open_interest_charge", 2, instrument="LIN", cap="40"),
        _layer("half", "equity_haircut", 3, theta_ppm=500_000),
        _layer("gains", "gains_haircut", 4, member_cap="5", over_cap="leave"),
        _layer("end", "uncovered", 5),
    ],
    [
        _layer("op", "operator", 1, valid_from_ms=3_000, valid_to_ms=20_000),
        _layer("gf", "guarantee_fund", 2, cap="5"),
        _layer("call", "assessment", 2, member_cap="30", over_cap="leave", **CALLED),
        _layer("inv", "open_interest_charge", 3, instrument="INV"),
        _layer("rat", "open_interest_charge", 4, instrument="RAT"), _layer("end", "uncovered", 5),
    ],
    [
        _layer("all", "equity_haircut", 1, cap="25"), _layer("warm", "unvested", 2),
        _layer("gains", "gains_haircut", 3), _layer("gf", "guarantee_fund", 4), _layer("new", "replenished", 4),
        _layer("end", "uncovered", 5),
    ],
]  # fmt: skip

# How what nobody takes is deleveraged, if it is: the others are torn up at the mark.
DELEVERAGING: list[dict[str, Any] | None] = [
    {},
    None,
    {"price": "bankruptcy", "draw": "pro_rata", "rank": 1},
    {"draw": "risk_aware", "power": 2, "rank": 5},
    None,
    {"price": "blend", "draw": "capped_pro_rata", "most_ppm": 300_000},
    {"price": "band", "band_ppm": 50_000, "score": "binance"},
    None,
    {"price": "mark", "score": "bitmex", "rank": 1},
]


def ladder(s: Settings, number: int, way: int) -> list[LayerMessage]:
    """A waterfall of the default's kinds, in one venue of four of the other kinds; with or without deleveraging."""
    chosen = DELEVERAGING[way % len(DELEVERAGING)]
    more = [] if chosen is None else [LayerMessage(id="adl", kind="deleveraging", **{"rank": 3, **chosen})]
    layers = (VARIANTS if s.large == 2 else LAYERS)[number % 4]
    return [one if one.rank < layers[-1].rank else replace(one, rank=9) for one in layers] + more
