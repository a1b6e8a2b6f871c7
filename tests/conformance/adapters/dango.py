"""Dango: all equity on the position that is closed first, sizes without cost, the rest of a plan deleveraged.

What the book does not take goes to the counterparty at the bankruptcy price (6.7, 15.2, 15.3). The fee is that of the
whole plan; what is below zero at the end is bad debt of the fund.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from engine.execution import bankruptcy_cash, bankruptcy_value, capped_fee, limit_ticks, mark_cash
from engine.liquidation import closing_lots
from engine.sizing import schedule, shortage
from engine.value import value_floor
from tests.conformance.example import Question
from tests.conformance.matching import match
from tests.conformance.registry import adapter
from tests.conformance.scene import Scene
from tests.conformance.units import fine, ppm, signed
from tests.conformance.verdict import Answer, Missing

LOT = "0.000001"


def close(scene: Scene, fee_ppm: int, books: dict[str, list[list[Any]]]) -> dict[str, Any]:
    """The plan of `a`, position by position, each from the state that the one before left; its figures by market."""
    scene.hold("fund", 0)
    found: dict[str, Any] = {"close": {}, "adl_size": {}, "bankruptcy_price": {}, "buggy_price": {}}
    for planned, lots in schedule(scene.state.book, scene.own("a")):
        name = scene.state.book.contracts[planned.column].name
        line, own, contract = scene.line("a", name), scene.own("a"), scene.contract(name)
        b, mark = bankruptcy_value(own, line, is_whole=True), scene.state.book.price(planned.column)
        limit = limit_ticks(contract, line.lots, *b)
        fills, left = match(scene, name, books.get(name, []), line.lots, lots, limit if own.equity >= 0 else mark)
        found["close"][name], found["adl_size"][name] = scene.size(name, lots), scene.size(name, left)
        found["bankruptcy_price"][name] = scene.at(name, limit)
        found["buggy_price"][name] = _of_the_close_alone(scene, name, lots)
        for size, ticks in fills:
            scene.move("a", name, closing_lots(line.lots, size), mark_cash(contract, line.lots, size, ticks))
        scene.move("a", name, closing_lots(line.lots, left), bankruptcy_cash(*b, line.lots, left), _other(scene))
        fee = capped_fee(contract, fee_ppm, lots, mark, scene.own("a").equity)
        scene.fund("a", -fee)
        scene.fund("fund", fee)
    scene.fund("fund", -shortage(0, scene.own("a").equity))
    return found


def _other(scene: Scene) -> str | None:
    return "b" if "b" in scene.state.accounts.row_of else None


def _of_the_close_alone(scene: Scene, name: str, lots: int) -> Any:
    """The price that the source once computed: of an account that holds no more than what is closed."""
    line, contract = scene.line("a", name), scene.contract(name)
    held = closing_lots(-line.lots, lots)
    small = replace(line, lots=held, value=value_floor(contract, held, scene.state.book.price(line.column)))
    b_num, b_den = bankruptcy_value(scene.own("a"), small, is_whole=True)
    return scene.at(name, limit_ticks(contract, held, b_num, b_den))


def _after(scene: Scene) -> Answer:
    """Both accounts and the fund, when all is done."""
    known = {
        "user_margin_after": scene.wallet("a"),
        "user_equity_after": scene.money(scene.own("a").equity),
        "bad_debt": scene.money(shortage(0, scene.own("a").equity)),
        "insurance_delta": scene.money(scene.holding("fund").cash),
    }
    other = _other(scene)
    return known | ({"counterparty_margin_after": scene.wallet(other)} if other else {})


@adapter("Dango", "mmr liq_fee side size entry margin oracle book")
def one_position(q: Question) -> Answer:
    """An account with one position, its book, and perhaps a counterparty."""
    scene = _one(q, q.inputs.get("counterparty"))
    before = {"equity": scene.money(scene.own("a").equity), "mm": scene.money(scene.own("a").mm)}
    found = close(scene, ppm(q["liq_fee"]), {"X": q["book"]})
    one = {name: figures["X"] for name, figures in found.items()}
    answer = {**before, **one, "adl_price": one["bankruptcy_price"], **_after(scene)}
    answer["size_after"] = abs(scene.size("X", scene.holding("a").positions[0]))
    if _other(scene):
        answer["counterparty_size_after"] = abs(scene.size("X", scene.holding("b").positions[0]))
        own = _one(q, {**q["counterparty"], "margin": 0})  # a wallet that began with nothing holds what it won
        close(own, ppm(q["liq_fee"]), {"X": q["book"]})
        answer["counterparty_gain"] = own.wallet("b")
    return answer


def _one(q: Question, other: dict[str, Any] | None) -> Scene:
    scene = Scene()
    prices, sizes = [q["oracle"], q["entry"]], [q["size"], LOT]
    scene.list("X", prices, sizes, ppm(q["mmr"]), tick=fine(prices, sizes))
    scene.hold("a", q["margin"], {"X": signed(q["side"], q["size"])}, {"X": q["entry"]})
    if other is not None:
        scene.hold("b", other.get("margin", 0), {"X": signed(other["side"], other["size"])}, {"X": other["entry"]})
    return scene


@adapter("Dango", "mmr liq_fee margin positions book counterparty")
def many_positions(q: Question) -> Answer | Missing:
    """An account with several, against one that holds the opposite of each, bought at the same prices."""
    if q["book"]:
        return Missing("a book that says which market it is of")
    scene, listed = Scene(), q["positions"]
    for one in listed:
        prices, sizes = [one["oracle"], one["entry"]], [one["size"], LOT]
        scene.list(one["m"], prices, sizes, ppm(q["mmr"]), tick=fine(prices, sizes))
    entries = {one["m"]: one["entry"] for one in listed}
    scene.hold("a", q["margin"], {one["m"]: one["size"] for one in listed}, entries)
    scene.hold("b", q["counterparty"]["margin"], {one["m"]: -one["size"] for one in listed}, entries)
    before = {"equity": scene.money(scene.own("a").equity), "mm": scene.money(scene.own("a").mm)}
    found = close(scene, ppm(q["liq_fee"]), {})
    after = _after(scene)
    answer: Answer = {**before, "close": found["close"], **after}
    for name, price in found["bankruptcy_price"].items():
        answer.setdefault("bankruptcy_price", price)
        answer[f"bankruptcy_price_{name.lower()}"] = price
        answer[f"{name.lower()}_counterparty_margin_after"] = after["counterparty_margin_after"]
    return answer
