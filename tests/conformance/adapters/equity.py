"""Equity, margin and what closing takes from an account (4, 6.2): Synthetix, Dango, NSCC."""

from __future__ import annotations

from engine.execution import bankruptcy_value, limit_ticks
from schemas import inputs
from tests.conformance.example import Question
from tests.conformance.registry import adapter
from tests.conformance.scene import Scene, digits, fine, micro, ppm, signed, text
from tests.conformance.verdict import Answer, Missing

DELEVERAGING = Missing("size without cost, bankruptcy share `whole`, deleveraging of the rest (15.2, 15.3, 6.7)")


@adapter("Synthetix v3", "collateral pnls", "available_margin")
def margin(q: Question) -> Answer:
    """Each market's result is what one lot of it has paid by funding, whose index counts 10^-6 units."""
    scene = Scene(decimals=digits([q["collateral"], *q["pnls"]]))
    names = [f"M{place}" for place in range(len(q["pnls"]))]
    for name in names:
        scene.list(name, [1], [1])
    scene.hold("a", q["collateral"], dict.fromkeys(names, 1), dict.fromkeys(names, 1))
    for name, pnl in zip(names, q["pnls"], strict=True):
        scene.send(inputs.Funding, instrument=name, index=str(-micro(pnl, scene.decimals)))
    return {"available_margin": scene.money(scene.own("a").equity)}


@adapter("Dango", "mmr liq_fee side size entry margin oracle", "")
def closed_on_book(q: Question) -> Answer:
    """What stands before anything is closed; the rest is deleveraging."""
    scene = Scene()
    prices, sizes = [q["oracle"], q["entry"]], [q["size"]]
    scene.list("X", prices, sizes, ppm(q["mmr"]), tick=fine(prices, sizes))
    scene.hold("a", q["margin"], {"X": signed(q["side"], q["size"])}, {"X": q["entry"]})
    own, line = scene.own("a"), scene.line("a", "X")
    price = scene.at("X", limit_ticks(scene.contract("X"), line.lots, *bankruptcy_value(own, line)))
    known = {
        "equity": scene.money(own.equity),
        "mm": scene.money(own.mm),
        "bankruptcy_price": price,
        "adl_price": price,
    }
    return {name: known.get(name, DELEVERAGING) for name in q.asks}


@adapter("NSCC required deposit", "shares close contract_money", "market_value mark_to_market")
def deposit_line(q: Question) -> Answer:
    """Shares bought and not yet paid: their value, and that less what is owed for them."""
    scene = Scene()
    scene.list("X", [q["close"]], [q["shares"]])
    scene.hold("a", 0, {"X": q["shares"]})
    value = scene.money(scene.line("a", "X").value)
    scene.hold("a", f"-{text(q['contract_money'])}")
    known = {"market_value": value, "mark_to_market": scene.money(scene.own("a").equity)}
    return {name: known.get(name, Missing("add-ons as lines of the margin statement (4)")) for name in q.asks}
