"""Requirements by other models than tiers (4, 15.1): rates by size, add-ons, scans, room for orders."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from engine.brackets import Brackets
from engine.margin.addons import AddOn, blend, debit, floored, rate, total
from engine.margin.scan import results, scan
from engine.orders import order_room
from engine.takeover import Stage, stage
from engine.value import notional
from schemas.decimals import decimal_text, units_of
from schemas.governed import Bracket
from tests.conformance.example import Question
from tests.conformance.registry import adapter
from tests.conformance.scene import Scene
from tests.conformance.sources import DECEMBER_410_CALL, SP_FUTURE
from tests.conformance.units import PERCENT, digits, fallen, ppm, taken_away, text
from tests.conformance.verdict import Answer

STRESSED_PPM = 250_000  # the weight that the system is named for
DIGITS = 6


@adapter("Deribit", "index size im_base mm_base per_unit", "im mm")
def by_size(q: Question) -> Answer:
    """A base rate, and what each unit of size adds; a lot is a unit, or a part of it."""
    scene = Scene()
    scene.list("X", [q["index"]], [q["size"]])
    lots, slope = abs(scene.lots("X", q["size"])), Fraction(q["per_unit"]).as_integer_ratio()
    size = notional(scene.contract("X"), lots, scene.ticks("X", q["index"]))
    answer: Answer = {}
    for name in ("im", "mm"):
        table = Brackets((0,), (ppm(q[f"{name}_base"]),), (0,)).sloped(slope, scene.contract("X").lot)
        answer |= {name: scene.money(table.amount(size, lots)), f"{name}_rate": Fraction(*table.rate(0, lots))}
    return answer


@adapter("NSCC required deposit", "shares close contract_money vol_charge margin_requirement_differential")
def deposit(q: Question) -> Answer:
    """Shares bought and not yet paid; each charge a line."""
    scene = Scene()
    scene.list("X", [q["close"]], [q["shares"]])
    scene.hold("a", 0, {"X": q["shares"]})
    line = scene.line("a", "X")
    scene.hold("a", f"-{text(q['contract_money'])}")
    charge, owed = _units(q["vol_charge"]), _units(q["contract_money"])
    lines = [debit(line.value, owed), ("volatility", charge), ("other", _units(q["margin_requirement_differential"]))]
    return {
        "market_value": scene.money(line.value),
        "mark_to_market": scene.money(scene.own("a").equity),
        "vol_charge_pct": Fraction(*rate(charge, line.notional, PERCENT)),
        "contribution": scene.money(total(lines)),
    }


@adapter("SPAN 2", "x historical_risk stress_risk liquidity concentration", "total")
def mixed(q: Question) -> Answer:
    """`x` weighs history, the rest of it stress."""
    core = blend(_units(q["historical_risk"]), _units(q["stress_risk"]), taken_away(q["x"]))
    lines: list[AddOn] = [("core", core), *((name, _units(q[name])) for name in ("liquidity", "concentration"))]
    return {"total": _number(total(lines))}


@adapter("25% stressed weight", "current stressed", "margin")
def stressed(q: Question) -> Answer:
    """A quarter is stressed."""
    return {"margin": _each(lambda calm, harsh: blend(calm, harsh, STRESSED_PPM), q["current"], q["stressed"])}


@adapter("10-year floor", "model margin_at_10y_vol", "margin")
def long_window(q: Question) -> Answer:
    """The floor stands while the model moves."""
    floor = _units(q["margin_at_10y_vol"])
    return {"margin": _each(lambda model: floored(model, floor), q["model"])}


@adapter("SPAN risk array", "scenarios", "scan_risk_long scan_risk_short")
def one_array(q: Question) -> Answer:
    """The array of one option, held long and short."""
    (array,) = (values for name, values in q.inputs.items() if name != "scenarios")
    answer: Answer = {}
    for side, lots in (("long", 1), ("short", -1)):
        answer[f"scan_risk_{side}"], answer[f"active_scenario_{side}"] = scan([(lots, array)])
    return answer


@adapter("SPAN portfolio scan", "long_futures short_calls", "scan_risk portfolio_pnl")
def portfolio(q: Question) -> Answer:
    """Futures bought, calls sold; the arrays are the book's."""
    held = [(q["long_futures"], SP_FUTURE), (-q["short_calls"], DECEMBER_410_CALL)]
    risk, scenario = scan(held)
    return {"scan_risk": risk, "active_scenario": scenario, "portfolio_pnl": results(held)}


STAGES = {  # in the words of the source
    Stage.SOUND: "normal trading",
    Stage.NO_NEW_RISK: "cannot send orders",
    Stage.MARKET: "market liquidation",
    Stage.TAKEOVER: "auto-close against backstops",
    Stage.INSOLVENT: "insurance fund",
}


@adapter("FTX", "collateral long_notional price_drop imf mmf acmf", "equity stage")
def flowchart(q: Question) -> Answer:
    """So many contracts bought at one; fractions of the notional at entry."""
    scene, rates = Scene(), {"im_brackets": [Bracket("0", ppm(q["imf"]))], "margin_basis": "entry"}
    scene.list("X", [fallen(q["price_drop"]), 1], [q["long_notional"]], ppm(q["mmf"]), **rates)
    scene.hold("a", q["collateral"], {"X": q["long_notional"]}, {"X": 1})
    own = scene.own("a")
    takeover = Brackets((0,), (ppm(q["acmf"]),), (0,)).amount(scene.line("a", "X").exposure)
    return {"equity": scene.money(own.equity), "stage": STAGES[stage(own.equity, own.im, own.mm, takeover)]}


@adapter("Paradex", "limit position", "max_buy max_sell")
def room(q: Question) -> Answer:
    """Sizes in lots as fine as they are named."""
    places = digits([q["limit"], q["position"]])
    buys, sells = order_room(*(units_of(text(one), places) for one in (q["limit"], q["position"])))
    return {"max_buy": _number(buys, places), "max_sell": _number(sells, places)}


def _each(rule: Callable[..., int], *given: Any) -> Any:
    """A rule on numbers, or on each of a list of steps."""
    if not isinstance(given[0], list):
        return _number(rule(*map(_units, given)))
    return [_number(rule(*map(_units, step))) for step in zip(*given, strict=True)]


def _units(number: Any) -> int:
    return units_of(text(number), DIGITS)


def _number(units: int, places: int = DIGITS) -> Fraction:
    return Fraction(decimal_text(units, places))
