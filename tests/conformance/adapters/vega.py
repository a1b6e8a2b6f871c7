"""Vega: losses beyond a loser's deposit, met by the insurance pool, the rest by the winners (7, 8, 15.8)."""

from __future__ import annotations

from engine.ledger import insurance
from engine.waterfall.losses import Losses
from schemas.decimals import units_of
from schemas.governed import LayerMessage
from tests.conformance.adapters.shares import DIGITS, drawn, number
from tests.conformance.example import Question
from tests.conformance.registry import adapter
from tests.conformance.scene import BOOK, Scene
from tests.conformance.units import text
from tests.conformance.verdict import Answer, Either, Missing

FLOOR_LAST = Missing("gains paid in a fixed order, floored, the remainder to the last (15.8)")
POOL = LayerMessage(id="pool", kind="insurance", rank=1)


@adapter("Vega", "mark_from mark_to losers winners_in_order insurance_pool")
def settlement(q: Question) -> Answer | Missing:
    """Everybody marked at the new price; shortfalls against the pool.

    The source prints realised profit: a winner's holds its gain where the position was closed, and only what it lost
    to others where it was not. The row does not say which.
    """
    scene = Scene(decimals=DIGITS)
    sizes = {name: one["size"] for name, one in q["losers"].items()}
    sizes |= {one["party"]: one["size"] for one in q["winners_in_order"]}
    scene.list("X", [q["mark_to"], q["mark_from"]], list(sizes.values()))
    losses = Losses()
    for name, size in sizes.items():
        scene.hold(name, q["losers"].get(name, {}).get("deposit", 0), {"X": size}, {"X": q["mark_from"]})
        equity = scene.own(name).equity
        if name in q["losers"] and equity < 0:
            losses.add(name, BOOK, -equity)
    found = drawn([POOL], losses, {insurance(BOOK): units_of(text(q["insurance_pool"]), DIGITS)})
    if found.uncovered:
        return FLOOR_LAST
    answer: Answer = {}
    for name in sizes:
        gain, charge = scene.money(scene.gain(name)), scene.money(-found.charges.get(name, 0))
        answer[f"{name}_realised"] = gain if name in q["losers"] else Either(charge, gain)
    (pool,) = (layer for layer in found.layers if layer.layer == POOL.id)
    return {**answer, "insurance_after": number(pool.after_units), "loss_socialised": number(found.uncovered)}
