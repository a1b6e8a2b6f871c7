"""Drift v2: a loss down its funds, the rest as an index that all positions, or all deposits, follow (8, 15.8)."""

from __future__ import annotations

from engine.waterfall.index import deposit_loss, interest_charge
from engine.waterfall.losses import Losses
from schemas.decimals import units_of
from schemas.governed import LayerMessage
from tests.conformance.adapters.shares import drawn, number, units
from tests.conformance.example import Question
from tests.conformance.registry import adapter
from tests.conformance.scene import BOOK
from tests.conformance.units import text
from tests.conformance.verdict import Answer

FUNDS = ("insurance", "fee_pool")
INDEX_DIGITS = 10  # an index of deposits has ten decimals, and is rounded in its last


@adapter("Drift v2", "loss_usd insurance_usd fee_pool_usd long_base short_base cum_funding_long")
def of_a_market(q: Question) -> Answer:
    """Two funds in the source's order; what they leave moves the funding index of both sides by the same step."""
    losses = Losses()
    losses.add("defaulter", BOOK, units(q["loss_usd"]))
    layers = [LayerMessage(id=name, kind="operator", rank=place) for place, name in enumerate(FUNDS, 1)]
    found = drawn(layers, losses, {f"@operator/{name}": units(q[f"{name}_usd"]) for name in FUNDS})
    after = {layer.layer: number(layer.after_units) for layer in found.layers}
    sides = [units(q["long_base"]), -units(q["short_base"])]
    charged = interest_charge(found.uncovered, sides, units(1))
    longs, shorts = charged.charges_units
    shorts_index = units(q.inputs.get("cum_funding_short", 0))
    return {
        "cum_funding_short": number(charged.index_after(shorts_index, -1)),
        "cum_funding_long": number(charged.index_after(units(q["cum_funding_long"]), 1)),
        "each_side_pays": number(longs),
        "longs_pay": number(longs),
        "shorts_pay": number(shorts),
        "insurance_after": after["insurance"],
        "fee_pool_after": after["fee_pool"],
    }


@adapter("Drift v2", "borrow_loss total_deposits deposit_index")
@adapter("Drift v2", "loss_usd total_deposits deposit_index")
def of_deposits(q: Question) -> Answer:
    """A debt that nobody pays is taken from all deposits of its asset."""
    (loss,) = (units(value) for name, value in q.inputs.items() if "loss" in name)
    index = units_of(text(q["deposit_index"]), INDEX_DIGITS)
    found = deposit_loss(index, loss, units(q["total_deposits"]))
    return {
        "index_reduction": number(found.cut, INDEX_DIGITS),
        "deposit_index": number(found.index_after, INDEX_DIGITS),
        "deposits_after": number(found.deposits_after_units),
    }
