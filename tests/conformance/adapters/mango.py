"""Mango v4: closing base and settling profit, which counts only in part (15.2), until health is back or a limit hit."""

from __future__ import annotations

from engine.profit import Perp, Weights, liquidate
from schemas.decimals import units_of
from tests.conformance.example import Question
from tests.conformance.registry import adapter
from tests.conformance.scene import Scene
from tests.conformance.units import ppm, text
from tests.conformance.verdict import Answer

WEIGHTS = "base_asset_weight overall_asset_weight positive_pnl_liq_fee"


@adapter("Mango v4", f"{WEIGHTS} liqee_spot liqee_base liqee_perp_quote liqee_other_spot price max_base", "liqee_base")
def base(q: Question) -> Answer:
    """Spot is money, the other spot a number that health counts. Sizes count lots of one, limits no sign."""
    scene = Scene()
    scene.list("X", [q["price"]], [q["liqee_base"], q["max_base"], 1])
    rates = [ppm(q[name]) for name in WEIGHTS.split()]
    rules = Weights(scene.contract("X"), scene.ticks("X", q["price"]), *rates)
    spot, quote, other, limit = (
        units_of(text(q[name]), scene.decimals)
        for name in ("liqee_spot", "liqee_perp_quote", "liqee_other_spot", "max_pnl")
    )
    own = Perp(spot, scene.lots("X", q["liqee_base"]), quote, other)
    after = liquidate(rules, own, abs(scene.lots("X", q["max_base"])), limit)
    return {
        "liqee_spot": scene.money(after.spot_units),
        "liqee_base": scene.size("X", after.lots),
        "liqee_perp_quote": scene.money(after.quote_units),
    }
