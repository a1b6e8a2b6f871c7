"""A fund that settles each fill against the bankruptcy value (15.8): dYdX, Onus."""

from __future__ import annotations

from engine.execution import fund_delta, mark_cash
from schemas.decimals import units_of
from tests.conformance.example import Question
from tests.conformance.registry import adapter
from tests.conformance.scene import Scene
from tests.conformance.units import ppm, signed, text
from tests.conformance.verdict import Answer


@adapter("dYdX v4", "position_btc fill_price max_liquidation_fee bankruptcy_quote_usd", "insurance_fund_delta_usd")
def capped(q: Question) -> Answer:
    """What the whole position filled at, against its bankruptcy quote; of a surplus no more than the fee."""
    scene = Scene()
    scene.list("X", [q["fill_price"]], [q["position_btc"]])
    held = scene.lots("X", q["position_btc"])
    paid = mark_cash(scene.contract("X"), held, abs(held), scene.ticks("X", q["fill_price"]))
    quote = units_of(text(q["bankruptcy_quote_usd"]), scene.decimals)
    return {"insurance_fund_delta_usd": scene.money(fund_delta(paid, quote, ppm(q["max_liquidation_fee"])))}


@adapter("Onus", "side size bankruptcy fills", "insurance_delta")
def each_fill(q: Question) -> Answer:
    """The size at each of the prices, against the size at the bankruptcy price; all of a surplus is the fund's."""
    scene = Scene()
    scene.list("X", [q["bankruptcy"], *q["fills"]], [q["size"]])
    held = scene.lots("X", signed(q["side"], q["size"]))
    pays = {
        price: mark_cash(scene.contract("X"), held, abs(held), scene.ticks("X", price))
        for price in (q["bankruptcy"], *q["fills"])
    }
    deltas = [fund_delta(pays[price], pays[q["bankruptcy"]], None) for price in q["fills"]]
    return {"insurance_delta": [scene.money(delta) for delta in deltas]}
