"""Deleveraging: dYdX's transfers (6.7), scores, weights and triggers of others (15.5)."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from engine.allocation import allocate
from engine.deleveraging import draw, score, trigger
from engine.deleveraging.price import slices
from engine.deleveraging.room import most_lots
from engine.execution import bankruptcy_cash, bankruptcy_value, limit_ticks
from engine.liquidation import closing_lots
from engine.margin.statement import margin_at_mark
from schemas.decimals import decimal_text, units_of
from tests.conformance.example import Question
from tests.conformance.registry import adapter
from tests.conformance.scene import Scene
from tests.conformance.units import fine, ppm, signed, text
from tests.conformance.verdict import Answer, Missing

DIGITS = 12


def transfer(scene: Scene, name: str, lots: int, others: list[str]) -> None:
    """Lots of `a`, at bankruptcy, to the others in turn, each within its room; what all refuse stays."""
    line, contract = scene.line("a", name), scene.contract(name)
    b, mark = bankruptcy_value(scene.own("a"), line), scene.state.book.price(line.column)
    rooms = [
        most_lots(
            contract, mark, scene.own(other), scene.line(other, name), lots,
            requires=lambda left: margin_at_mark(contract, left, mark),
            pays=lambda k: -bankruptcy_cash(*b, line.lots, k),
        )
        for other in others
    ]  # fmt: skip
    shares = draw.queue(lots, [0 for _ in others], rooms).tolist()
    for other, share, cash in zip(others, shares, slices(b, line.lots, shares), strict=True):
        scene.move("a", name, closing_lots(line.lots, share), cash, other)


def two_sides(q: Question, one: dict[str, Any], others: list[dict[str, Any]], oracle: dict[str, Any]) -> Scene:
    """`a` and its counterparties `b0`, `b1`, ...: quote is cash, every other word a market."""
    scene = Scene()
    for name, price in oracle.items():
        sizes = [side[name] for side in (one, *others) if name in side]
        scene.list(name, [price], sizes, ppm(q.inputs.get("mmf", 0)))
    for place, side in enumerate((one, *others)):
        account = f"b{place}" if place else "a"
        scene.hold(account, side["quote"], {name: size for name, size in side.items() if name != "quote"})
    return scene


@adapter("dYdX v4", "short_account long_account oracle mmf delta_btc")
@adapter("dYdX v4", "short_account offsets oracle")
def deleveraged(q: Question) -> Answer:
    """The short account's base at its bankruptcy quote, to one account or to several."""
    short = q["short_account"]
    others = q.inputs.get("offsets") or [q["long_account"]]
    oracle = q["oracle"] if isinstance(q["oracle"], dict) else {"BTC": q["oracle"]}
    scene = two_sides(q, short, others, {name.lower(): price for name, price in oracle.items()})
    lots = abs(scene.lots("btc", q.inputs.get("delta_btc", short["btc"])))
    line = scene.line("a", "btc")
    paid = scene.money(bankruptcy_cash(*bankruptcy_value(scene.own("a"), line), line.lots, lots))
    names = [f"b{place}" for place, _ in enumerate(others, 1)]
    transfer(scene, "btc", lots, names)
    after = [scene.money(scene.holding(name).cash) for name in names]
    answer: Answer = {"bankruptcy_quote_usd": paid, "offset_quote_after": after}
    for side, account in (("short", "a"), ("long", "b1")):
        answer[f"{side}_account_quote_after"] = scene.money(scene.holding(account).cash)
        for name in scene.state.book.column_of:
            answer[f"{side}_{name}_after"] = scene.size(name, scene.holding(account).positions[scene.column(name)])
    return answer


@adapter("dYdX v4", "A B price_after", "B_equity B_bankruptcy_price")
def documented_pair(q: Question) -> Answer:
    """Two sides of one position: the loser's equity and bankruptcy price, and what the winner has at it."""
    scene, sides = Scene(), {"A": q["A"], "B": q["B"]}
    prices, sizes = [q["price_after"], q["B"]["entry"]], [q["B"]["size"]]
    scene.list("X", prices, sizes, tick=fine(prices, sizes))
    for name, account in (("B", "a"), ("A", "b1")):
        one = sides[name]
        scene.hold(account, one["deposit"], {"X": signed(one["side"], one["size"])}, {"X": one["entry"]})
    own, line = scene.own("a"), scene.line("a", "X")
    price = scene.at("X", limit_ticks(scene.contract("X"), line.lots, *bankruptcy_value(own, line)))
    transfer(scene, "X", abs(line.lots), ["b1"])
    return {
        "B_equity": scene.money(own.equity),
        "B_bankruptcy_price": price,
        "A_profit_if_deleveraged_at_bankruptcy": scene.money(scene.gain("b1")),
    }


@adapter("ADL research", "equity_shares effective_leverage g", "shares")
def risk_aware(q: Question) -> Answer | Missing:
    """Weights by equity, leverage and a power of it, shared by section 9 in parts of 10^-12."""
    base, _, power = q["g"].removeprefix("g(l)=").partition("^")
    if base != "l" or not (power or "1").isdigit():
        return Missing("a growing function of leverage other than a power (15.5)")
    one = units_of("1", DIGITS)
    weights = [
        score.risk_weight(_fine(equity), (_fine(leverage), one), int(power or 1))
        for equity, leverage in zip(q["equity_shares"], q["effective_leverage"], strict=True)
    ]
    return {"shares": [_coarse(share) for share in allocate(one, weights).shares.tolist()]}


@adapter("Binance", "upnl wallet margin_ratio", "leverage_pnl pnl_pct")
def leveraged_profit(q: Question) -> Answer:
    """The margin ratio is MM over equity."""
    profit, wallet, one = _fine(q["upnl"]), _fine(q["wallet"]), units_of("1", DIGITS)
    return {
        "pnl_pct": Fraction(*score.binance_profit(profit, wallet, one)),
        "leverage_pnl": Fraction(*score.binance(profit, wallet, one, _fine(q["margin_ratio"]), one)),
    }


@adapter("GMX v2", "pool_value_usd long_units entry price max_pnl_factor", "adl_enabled pnl_to_pool_factor")
def profit_over_pool(q: Question) -> Answer:
    """The pending profit of all longs over the pool."""
    scene = Scene()
    scene.list("X", [q["price"], q["entry"]], [q["long_units"]])
    scene.hold("longs", 0, {"X": q["long_units"]}, {"X": q["entry"]})
    scene.hold("pool", q["pool_value_usd"])
    ratio = trigger.profit_over_pool(scene.gain("longs"), scene.holding("pool").cash)
    return {"pnl_to_pool_factor": Fraction(*ratio), "adl_enabled": trigger.is_above(ratio, ppm(q["max_pnl_factor"]))}


def _fine(number: Any) -> int:
    return units_of(text(number), DIGITS)


def _coarse(count: int) -> Fraction:
    return Fraction(decimal_text(count, DIGITS))
