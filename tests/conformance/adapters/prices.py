"""Bankruptcy prices of one position (6.3): ADL research, BitMEX, Bybit; and margin amounts beside them (4)."""

from __future__ import annotations

from fractions import Fraction

from engine.brackets import Brackets
from engine.execution import bankruptcy_value, limit_ticks
from engine.value import notional
from tests.conformance.example import Question
from tests.conformance.registry import adapter
from tests.conformance.scene import Scene
from tests.conformance.units import fine, ppm, rate_of, signed
from tests.conformance.verdict import Answer, Missing

ESTIMATE = Missing("estimated liquidation price (4)")
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
    return {"bankruptcy_price": bankruptcy_price(scene, "a", "X"), "liquidation_price": ESTIMATE}


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
