"""Equity, margin and what closing takes from an account (4, 6.2): Synthetix, Dango, Paradex."""

from __future__ import annotations

from typing import Any

from engine.execution import bankruptcy_value, limit_ticks
from schemas import inputs
from tests.conformance.example import Question
from tests.conformance.registry import adapter
from tests.conformance.scene import Scene
from tests.conformance.units import digits, fine, micro, ppm, signed
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


@adapter("Dango", "mmr liq_fee side size entry margin oracle")
def one_position(q: Question) -> Answer:
    """What stands before anything is closed; the rest is deleveraging."""
    scene = Scene()
    prices, sizes = [q["oracle"], q["entry"]], [q["size"]]
    scene.list("X", prices, sizes, ppm(q["mmr"]), tick=fine(prices, sizes))
    scene.hold("a", q["margin"], {"X": signed(q["side"], q["size"])}, {"X": q["entry"]})
    own, line = scene.own("a"), scene.line("a", "X")
    price = scene.at("X", limit_ticks(scene.contract("X"), line.lots, *bankruptcy_value(own, line)))
    return {**dict.fromkeys(q.asks, DELEVERAGING), **_margins(scene), "bankruptcy_price": price, "adl_price": price}


@adapter("Dango", "mmr liq_fee margin positions")
def many_positions(q: Question) -> Answer:
    """The same of an account with several; which bears the equity is a variant."""
    scene = Scene()
    _hold(scene, q["margin"], q["positions"], "oracle", ppm(q["mmr"]))
    return {**dict.fromkeys(q.asks, DELEVERAGING), **_margins(scene)}


@adapter("Paradex", "collateral positions mmf share_step")
def slices(q: Question) -> Answer:
    """The account before its slices."""
    scene = Scene()
    _hold(scene, q["collateral"], q["positions"], "mark", ppm(q["mmf"]))
    known = _margins(scene)
    lacking = dict.fromkeys(q.asks, Missing("equal slices of all positions (15.3)"))
    gain = scene.money(scene.gain("a"))
    return {**lacking, "account_value": known["equity"], "mmr": known["mm"], "upnl": gain}


def _hold(scene: Scene, cash: Any, positions: list[dict[str, Any]], mark: str, mm_ppm: int) -> None:
    """The account `a` with positions that each name their market, size, entry and mark."""
    for one in positions:
        scene.list(one["m"], [one[mark], one["entry"]], [one["size"]], mm_ppm)
    sizes = {one["m"]: one["size"] for one in positions}
    scene.hold("a", cash, sizes, {one["m"]: one["entry"] for one in positions})


def _margins(scene: Scene) -> Answer:
    own = scene.own("a")
    return {"equity": scene.money(own.equity), "mm": scene.money(own.mm)}
