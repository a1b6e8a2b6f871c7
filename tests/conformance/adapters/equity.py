"""Equity, margin and what closing takes from an account (4, 6.2): Synthetix, Paradex."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

from engine.execution import mark_cash
from engine.liquidation import closing_lots
from engine.numbers import PPM
from engine.slices import Slice, chosen, sliced_lots, slices
from schemas import inputs
from schemas.decimals import decimal_text
from tests.conformance.example import Question
from tests.conformance.registry import adapter
from tests.conformance.scene import Scene
from tests.conformance.units import digits, micro, ppm
from tests.conformance.verdict import Answer

SLICED = "0.0001"  # a share of a position need be no whole size of the position's own step


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


@adapter("Paradex", "collateral positions mmf share_step target_margin_ratio liquidation_fee")
def equal_slices(q: Question) -> Answer:
    """Each share of all positions with its penalty, and the account after the least that is enough."""
    scene = Scene()
    _hold(scene, q["collateral"], q["positions"], "mark", ppm(q["mmf"]))
    known, gain = _margins(scene), scene.money(scene.gain("a"))
    rows = slices(scene.own("a"), ppm(q["share_step"]), ppm(q["liquidation_fee"]))
    shares = {row.share_ppm: format(Decimal(decimal_text(row.share_ppm, 6)).normalize(), "f") for row in rows}
    best = chosen(rows, ppm(q["target_margin_ratio"]))
    answer: Answer = {
        "upnl": gain,
        "account_value": known["equity"],
        "mmr": known["mm"],
        "penalty_by_share": {shares[row.share_ppm]: scene.money(row.penalty_units) for row in rows},
        "account_value_by_share": {shares[row.share_ppm]: scene.money(row.equity_units) for row in rows},
        "margin_ratio_by_share": {shares[row.share_ppm]: Fraction(*row.ratio) for row in rows if row.ratio},
    }
    return answer | (_after_slice(scene, best) if best else {})


def _after_slice(scene: Scene, best: Slice) -> Answer:
    """Each position less its share, at the mark, and the penalty paid."""
    found: Answer = {"chosen_share": Fraction(best.share_ppm, PPM)}
    for line in scene.own("a").lines:
        contract = scene.state.book.contracts[line.column]
        lots = sliced_lots(line.lots, best.share_ppm)
        paid = mark_cash(contract, line.lots, lots, scene.state.book.price(line.column))
        scene.move("a", contract.name, closing_lots(line.lots, lots), paid)
        left = scene.holding("a").positions[line.column]
        found[f"{contract.name.lower()}_after"] = scene.size(contract.name, left)
    scene.fund("a", -best.penalty_units)
    return {**found, "collateral_after": scene.wallet("a")}


def _hold(scene: Scene, cash: Any, positions: list[dict[str, Any]], mark: str, mm_ppm: int) -> None:
    """The account `a` with positions that each name their market, size, entry and mark."""
    for one in positions:
        scene.list(one["m"], [one[mark], one["entry"]], [one["size"], SLICED], mm_ppm)
    sizes = {one["m"]: one["size"] for one in positions}
    scene.hold("a", cash, sizes, {one["m"]: one["entry"] for one in positions})


def _margins(scene: Scene) -> Answer:
    own = scene.own("a")
    return {"equity": scene.money(own.equity), "mm": scene.money(own.mm)}
