"""Vega: a loser's loss beyond its deposit is met by the pool, loser by loser, the rest by the winners (15.8);
takeover at the mark (6.6)."""

from __future__ import annotations

from engine.ledger import MARKET
from engine.takeover import at_mark
from engine.waterfall.ordered import settle_in_order
from schemas.decimals import units_of
from tests.conformance.adapters.shares import DIGITS
from tests.conformance.example import Question
from tests.conformance.registry import adapter
from tests.conformance.scene import Scene
from tests.conformance.units import digits, text
from tests.conformance.verdict import Answer, Either, Missing


@adapter("Vega", "mark_from mark_to losers winners_in_order insurance_pool")
def settlement(q: Question) -> Answer:
    """Everybody marked at the new price, in the source's money: its shares are whole units of it.

    The source prints realised profit: a winner's holds what it got where the position was closed, and only what it lost
    to others where it was not. The row does not say which.
    """
    deposits = {name: one["deposit"] for name, one in q["losers"].items()}
    scene = Scene(decimals=digits([*deposits.values(), q["insurance_pool"], q["mark_from"], q["mark_to"]]))
    sizes = {name: one["size"] for name, one in q["losers"].items()}
    winners = {one["party"]: one["size"] for one in q["winners_in_order"]}
    scene.list("X", [q["mark_to"], q["mark_from"]], [*sizes.values(), *winners.values()])
    for name, size in (sizes | winners).items():
        scene.hold(name, 0, {"X": size}, {"X": q["mark_from"]})
    pool = units_of(text(q["insurance_pool"]), scene.decimals)
    balances = [units_of(text(deposit), scene.decimals) for deposit in deposits.values()]
    losses, gains = [-scene.gain(name) for name in sizes], [scene.gain(name) for name in winners]
    found = settle_in_order(losses, balances, gains, pool)
    answer: Answer = {
        "collected": scene.money(found.collected_units),
        "owed": scene.money(found.owed_units),
        "insurance_after": scene.money(found.pool_after_units),
        "loss_socialised": scene.money(found.socialised_units),
    }
    for name, drawn, paid in zip(sizes, found.drawn_units, found.paid_units, strict=True):
        answer |= {f"insurance_draw_{name}": scene.money(drawn), f"{name}_realised": scene.money(-paid)}
    for name, charge, payout in zip(winners, found.charges_units, found.payouts_units, strict=True):
        answer[f"{name}_realised"] = Either(scene.money(-charge), scene.money(payout))
    return answer


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
