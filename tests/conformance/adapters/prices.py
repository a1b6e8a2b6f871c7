"""Prices of one position, bankruptcy (6.3) and liquidation (5), and the margins beside them (4, 15.1)."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from engine.brackets import Brackets
from engine.execution import bankruptcy_value, limit_ticks
from engine.margin.basis import at_leverage, rate_at_leverage
from engine.margin.estimate import crossing, without
from schemas.decimals import units_of
from schemas.governed import Bracket
from tests.conformance.example import Question
from tests.conformance.registry import adapter
from tests.conformance.scene import Scene
from tests.conformance.units import fine, ppm, signed, small, text
from tests.conformance.verdict import Answer


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


@adapter("Bybit", "side size entry leverage mmr", "liquidation_price")
def isolated(q: Question) -> Answer:
    """Margins on entry value; the account has what its leverage asks for."""
    scene = entered(q, 0, ppm(q["mmr"]), margin_basis="entry")
    im = at_leverage(scene.line("a", "X").notional, *Fraction(q["leverage"]).as_integer_ratio())
    scene.fund("a", im)
    price = scene.liquidation_price("a", "X")
    return {"im": scene.money(im), "mm": scene.money(scene.own("a").mm), "liquidation_price": price}


@adapter("BitMEX", "side entry leverage maintenance_margin", "liquidation_price bankruptcy_price")
def approximated(q: Question) -> Answer:
    """The page calculates with a linear contract, of one unit."""
    scene = entered(q, 0, ppm(q["maintenance_margin"]), margin_basis="entry")
    scene.fund("a", at_leverage(scene.line("a", "X").notional, *Fraction(q["leverage"]).as_integer_ratio()))
    return {
        "liquidation_price": scene.liquidation_price("a", "X"),
        "bankruptcy_price": bankruptcy_price(scene, "a", "X"),
    }


@adapter(("Gate", "OKX"), "side leverage entry size mmr taker_fee", "liquidation_price")
def with_fee(q: Question) -> Answer:
    """The fee of closing stands in the requirement; the account has what its leverage asks for."""
    scene = entered(q, 0, ppm(q["mmr"]), closing_cost_ppm=ppm(q["taker_fee"]))
    scene.fund("a", at_leverage(scene.line("a", "X").notional, *Fraction(q["leverage"]).as_integer_ratio()))
    return {"liquidation_price": scene.liquidation_price("a", "X")}


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


def entered(q: Question, cash: Any, mm_ppm: int = 0, **terms: Any) -> Scene:
    """The account `a` with one position, entered at `entry`, in units as small as they may be."""
    size = q.inputs.get("size", 1)
    scene = Scene(decimals=small([q["entry"]], [size]))
    whole = [Bracket("0", 1_000_000)]  # of IM, above any MM
    scene.list("X", [q["entry"]], [size], mm_ppm, im_brackets=whole, **terms)
    scene.hold("a", cash, {"X": signed(q["side"], size)}, {"X": q["entry"]})
    return scene
