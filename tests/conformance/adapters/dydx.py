"""dYdX v4: bankruptcy value and its slices (6.3), the step of a liquidation (16.10), initial margin (4), the
closing limit (15.2)."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from engine.brackets import Brackets
from engine.execution import bankruptcy_cash, bankruptcy_value, closing_value, limit_ticks
from engine.margin.interest import scaled_ppm
from engine.pace import step_units
from schemas.decimals import decimal_text, units_of
from tests.conformance.example import Question
from tests.conformance.registry import adapter
from tests.conformance.scene import Scene
from tests.conformance.units import fine, ppm, text
from tests.conformance.verdict import Answer

DIGITS = 6


def closing(scene: Scene, account: str, name: str, lots: int, first: int = 0) -> Fraction:
    """What closing this many lots at bankruptcy pays the account, after the first."""
    line = scene.line(account, name)
    b_num, b_den = bankruptcy_value(scene.own(account), line)
    return scene.money(bankruptcy_cash(b_num, b_den, line.lots, lots, first))


def account_of(cash: Any, sizes: dict[str, Any], oracle: dict[str, Any], mmf: Any, more: list[Any]) -> Scene:
    """The account `a`, one contract for each market."""
    scene = Scene()
    for name, size in sizes.items():
        scene.list(name, [oracle[name]], [size, *more], ppm(mmf))
    scene.hold("a", cash, sizes)
    return scene


@adapter("dYdX v4", "quote_balance_usd positions close_market close_delta oracle mmf", "bankruptcy_quote_usd")
def bankruptcy(q: Question) -> Answer:
    """Quote for the base that is closed; positive: the account receives it."""
    name = q["close_market"]
    scene = account_of(q["quote_balance_usd"], q["positions"], q["oracle"], q["mmf"], [q["close_delta"]])
    return {"bankruptcy_quote_usd": closing(scene, "a", name, abs(scene.lots(name, q["close_delta"])))}


@adapter("dYdX v4", "quote_balance_quantums positions close_delta oracle mmf", "bankruptcy_quote_quantums")
def bankruptcy_in_quantums(q: Question) -> Answer:
    """The same in units of 10^-6, of an account with one position."""
    (name,) = q["positions"]
    scene = account_of(0, q["positions"], {name: q["oracle"]}, q["mmf"], [q["close_delta"]])
    scene.fund("a", q["quote_balance_quantums"])
    paid = closing(scene, "a", name, abs(scene.lots(name, q["close_delta"])))
    return {"bankruptcy_quote_quantums": scene.quantums(paid)}


@adapter("dYdX v4", "position_notional min_notional max_portion", "min max")
def block_limits(q: Question) -> Answer:
    """The least and the most notional of one step; the least is what may go where the portion allows nothing."""
    size, least = (units_of(text(q[name]), DIGITS) for name in ("position_notional", "min_notional"))
    steps = {"max": step_units(size, least, ppm(q["max_portion"])), "min": step_units(size, least, 0)}
    return {name: Fraction(decimal_text(step, DIGITS)) for name, step in steps.items()}


@adapter("dYdX v4", "base_imf_ppm oi_lower_cap oi_upper_cap open_interest notional_quantums", "initial_margin_quantums")
def initial_margin(q: Question) -> Answer:
    """`ceil(N imf)`, the rate by open interest; both caps zero switch that off."""
    rate = initial_rate(q)["imf_ppm"]
    return {"initial_margin_quantums": Brackets((0,), (rate,), (0,)).amount(q["notional_quantums"])}


@adapter("dYdX v4", "base_imf_ppm oi_lower_cap oi_upper_cap open_interest", "imf_ppm")
def initial_rate(q: Question) -> Answer:
    """The rate itself."""
    return {"imf_ppm": scaled_ppm(q["base_imf_ppm"], q["open_interest"], q["oi_lower_cap"], q["oi_upper_cap"])}


@adapter("dYdX v4", "quote_balance_usd positions close_market oracle mmf BA SMMR", "fillable_price")
def closing_limit(q: Question) -> Answer:
    """The worst price at which a liquidation order may match."""
    name, scene = q["close_market"], Scene()
    for one, size in q["positions"].items():
        sizes = [size]
        scene.list(one, [q["oracle"][one]], sizes, ppm(q["mmf"]), tick=fine([q["oracle"][one]], sizes))
    scene.hold("a", q["quote_balance_usd"], q["positions"])
    line = scene.line("a", name)
    num, den = closing_value(scene.own("a"), line, ppm(q["BA"]), ppm(q["SMMR"]))
    return {"fillable_price": scene.at(name, limit_ticks(scene.contract(name), line.lots, num, den))}
