"""Prices of one position, bankruptcy (6.3) and liquidation (5), and the margins beside them (4, 15.1)."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from engine.brackets import Brackets
from engine.execution import bankruptcy_value, limit_ticks
from engine.margin.basis import rate_at_leverage
from engine.margin.estimate import crossing, without
from engine.value import notional
from schemas.decimals import units_of
from tests.conformance.example import Question
from tests.conformance.registry import adapter
from tests.conformance.scene import Scene
from tests.conformance.units import fine, ppm, rate_of, signed, small, text
from tests.conformance.verdict import Answer, Missing

BASIS = Missing("margin on entry value and estimated liquidation price (4, 15.1)")


def bankruptcy_price(scene: Scene, account: str, name: str) -> Fraction:
    """The closing limit, in ticks fine enough for what the source prints."""
    line = scene.line(account, name)
    b_num, b_den = bankruptcy_value(scene.own(account), line)
    return scene.at(name, limit_ticks(scene.contract(name), line.lots, b_num, b_den))


@adapter("ADL research", "size cash side mark mm_rate", "bankruptcy_price")
def equity_at_mark(q: Question) -> Answer:
    """`cash` is the account's equity: the position was entered at the mark."""
    scene = Scene(decimals=10)
    scene.list("X", [q["mark"]], [q["size"]], ppm(q["mm_rate"]), tick=fine([q["mark"]], [q["size"]]))
    scene.hold("a", q["cash"], {"X": signed(q["side"], q["size"])}, {"X": q["mark"]})
    price = scene.liquidation_price("a", "X")
    return {"bankruptcy_price": bankruptcy_price(scene, "a", "X"), "liquidation_price": price}


@adapter("Bybit", "side size entry position_margin wallet", "bankruptcy_price")
def margin_and_wallet(q: Question) -> Answer:
    """The margin of the position and the free wallet are one account's money: two payments into it."""
    scene = Scene()
    scene.list("X", [q["entry"]], [q["size"]], tick=fine([q["entry"]], [q["size"]]))
    scene.hold("a", q["position_margin"], {"X": signed(q["side"], q["size"])}, {"X": q["entry"]})
    scene.hold("a", q["wallet"])
    return {"bankruptcy_price": bankruptcy_price(scene, "a", "X")}


@adapter("Bybit", "side size entry leverage mmr", "im mm")
def amounts(q: Question) -> Answer:
    """Margins of the position at its entry; the price at which it is liquidated rests on them."""
    scene = Scene()
    scene.list("X", [q["entry"]], [q["size"]], ppm(q["mmr"]))
    size = notional(scene.contract("X"), scene.lots("X", q["size"]), scene.ticks("X", q["entry"]))
    rate = rate_of(q["leverage"])
    im = (
        Missing("margin at a leverage (15.1)")
        if rate is None
        else scene.money(Brackets((0,), (rate,), (0,)).amount(size))
    )
    return {"im": im, "mm": scene.money(scene.contract("X").mm.amount(size)), "liquidation_price": BASIS}


@adapter("Binance", "wallet size entry mmr maintenance_amount side", "liquidation_price")
def by_deduction(q: Question) -> Answer:
    """The bracket in force by its rate and deduction, as the venue prints it; where it begins is not stated."""
    scene = entered(q, q["wallet"])
    deduction = units_of(text(q["maintenance_amount"]), scene.decimals)
    own, line = scene.own("a"), scene.line("a", "X")
    mm = Brackets((0,), (ppm(q["mmr"]),), (deduction,))
    price = crossing(scene.contract("X"), line.lots, without(own, line), mm)
    return {"liquidation_price": scene.exactly("X", price)}


@adapter("Hyperliquid", "side entry size isolated_collateral max_leverage", "liquidation_price")
def by_leverage(q: Question) -> Answer:
    """Maintenance is half of the initial margin at the greatest leverage."""
    rate = rate_at_leverage(*Fraction(q["max_leverage"]).as_integer_ratio(), 2)
    return {"liquidation_price": entered(q, q["isolated_collateral"], rate).liquidation_price("a", "X")}


@adapter("dYdX v4", "equity position price mmf", "liquidation_price")
def from_equity(q: Question) -> Answer:
    """The account by its equity: a position that was entered at the price."""
    scene = Scene()
    scene.list("X", [q["price"]], [q["position"]], ppm(q["mmf"]))
    scene.hold("a", q["equity"], {"X": q["position"]}, {"X": q["price"]})
    return {"liquidation_price": scene.liquidation_price("a", "X")}


def entered(q: Question, cash: Any, mm_ppm: int = 0) -> Scene:
    """The account `a` with one position, entered at `entry`, in units as small as they may be."""
    scene = Scene(decimals=small([q["entry"]], [q["size"]]))
    scene.list("X", [q["entry"]], [q["size"]], mm_ppm)
    scene.hold("a", cash, {"X": signed(q["side"], q["size"])}, {"X": q["entry"]})
    return scene
