"""Mango v4: a liquidation of base against the mark, where the account's profit counts in full (6.2)."""

from __future__ import annotations

from engine.value import notional
from schemas.decimals import decimal_text
from tests.conformance.example import Question
from tests.conformance.registry import adapter
from tests.conformance.scene import Scene
from tests.conformance.units import taken_away
from tests.conformance.verdict import Answer, Missing

PROFIT = Missing("a weight on positive profit, and taking it over at a fee (no rule yet)")
WEIGHTS = "base_asset_weight overall_asset_weight positive_pnl_liq_fee"


@adapter("Mango v4", f"{WEIGHTS} liqee_spot liqee_base liqee_perp_quote liqee_other_spot price max_base", "liqee_base")
def base(q: Question) -> Answer | Missing:
    """Quote is cash, spot is collateral without haircut; one step closes at most `max_base`, at the mark.

    Where the perpetual alone is worth more than nothing, the weight on profit would count, which we lack.
    """
    scene = _scene(q, None)
    scene.hold("a", q["liqee_perp_quote"], {"X": q["liqee_base"]})
    if scene.own("a").equity > 0 or q["liqee_spot"] < 0 or q["liqee_other_spot"]:
        return PROFIT
    most = notional(scene.contract("X"), scene.lots("X", q["max_base"]), scene.ticks("X", q["price"]))
    scene = _scene(q, decimal_text(most, scene.decimals))
    scene.hold("a", q["liqee_perp_quote"], {"X": q["liqee_base"]})
    scene.collateral("SPOT", "a", q["liqee_spot"])
    scene.price("X", q["price"])
    after = scene.seen["liquidation-filled"]["a"] if "liquidation-filled" in scene.seen else scene.holding("a")
    return {
        "liqee_spot": scene.size("SPOT", after.positions[scene.column("SPOT")]),
        "liqee_base": scene.size("X", after.positions[scene.column("X")]),
        "liqee_perp_quote": scene.money(after.cash),
    }


def _scene(q: Question, limit: str | None) -> Scene:
    """A perpetual whose margin is what the weight takes away, and a limit on the notional of a step."""
    scene = Scene(per_book_notional=limit)
    scene.list("X", [q["price"]], [q["liqee_base"], q["max_base"]], taken_away(q["base_asset_weight"]))
    return scene
