"""Vega: losses beyond a loser's deposit, met by the insurance pool, the rest by the winners (7, 8, 15.8);
takeover at the mark (6.6)."""

from __future__ import annotations

from engine.ledger import MARKET, insurance
from engine.takeover import at_mark
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


@adapter("Vega", "trader3 trader2 book_bid_after mark", "network_trades")
def cascade(q: Question) -> Answer:
    """Both are closed out at the mark, and all that is left of their margin goes to the fund. What the network then
    sells to whom is the order book's matter, and deposits that are in the sum are not stated.
    """
    answer: Answer = dict.fromkeys(q.asks, Missing("trades of an order book, and a sum over deposits not stated"))
    for name, size in (("trader3", "buys"), ("trader2", "resting_buy")):
        own, scene = q[name], Scene(decimals=DIGITS)
        scene.list("X", [q["mark"], own["price"]], [own[size]])
        scene.hold(name, own["deposit"], {"X": own[size]}, {"X": own["price"]})
        line, row = scene.line(name, "X"), scene.state.accounts.row_of[name]
        cash, left = at_mark(
            scene.contract("X"), line.lots, abs(line.lots), scene.ticks("X", q["mark"]), scene.own(name).equity
        )
        scene.state.trade(row, 0, -line.lots, cash, MARKET, is_flow=False)
        scene.state.pay(row, -left, MARKET)
        answer |= {f"{name}_realised": scene.money(scene.gain(name))}
        answer |= {"mark_after_closeouts": scene.at("X", scene.state.book.price(0))}
    return answer
