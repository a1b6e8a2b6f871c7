"""Drift: sizes and fees in closed form, takeover at a discount, gradual pace, debt handed over with collateral."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from engine import gradual, sizing
from engine.gradual import Gradual, Short
from engine.numbers import PPM
from engine.value import notional
from schemas.decimals import decimal_text, ratio_of, units_of
from tests.conformance.example import Question
from tests.conformance.registry import adapter
from tests.conformance.scene import Scene
from tests.conformance.units import ppm, text
from tests.conformance.verdict import Answer

# What the source's programs have as constants, and its rows do not say: the order step of a market, what an open order
# counts, below which shortage all goes at once, and how often its liquidator calls.
STEP, ORDER, SMALL, EVERY_SLOTS = "0.01", "0.01", "50", 25


def market(q: Question, *more: Any) -> Scene:
    """One market at its oracle."""
    scene = Scene()
    scene.list("X", [q["oracle"], q.inputs.get("entry", q["oracle"])], [q["base"], STEP, *more])
    return scene


def rules(q: Question, scene: Scene, fund: str, **more: Any) -> Gradual:
    """Rates in ppm; one who names no buffer has none."""
    return Gradual(
        scene.contract("X"), scene.ticks("X", q["oracle"]), ppm(q["mm_ratio"]), ppm(q.inputs.get("buffer", 0)),
        ppm(q["liquidator_fee"]), ppm(q[fund]), step_lots=scene.lots("X", STEP), **more,
    )  # fmt: skip


def account(q: Question, scene: Scene) -> Short:
    """The position at its entry, the collateral beside it."""
    scene.hold("a", 0, {"X": q["base"]}, {"X": q.inputs.get("entry", q["oracle"])})
    held, orders = scene.holding("a"), q.inputs.get("open_bid_base", 0)
    collateral = units_of(text(q["collateral"]), scene.decimals)
    return Short(collateral, held.positions[0], held.cash, buy_lots=scene.lots("X", orders))


@adapter("Drift v2", "base oracle collateral mm_ratio liquidator_fee if_fee", "final_margin_ratio base_after")
@adapter("Drift v2", "base oracle collateral mm_ratio liquidator_fee if_fee_max", "insurance_fee")
def at_once(q: Question) -> Answer:
    """The whole shortage in one call."""
    scene = market(q)
    terms = rules(q, scene, "if_fee" if "if_fee" in q.inputs else "if_fee_max")
    done = gradual.call(terms, account(q, scene), 0, abs(scene.lots("X", q["base"])))
    answer: Answer = {
        "base_after": scene.size("X", done.after.lots),
        "user_quote_after": scene.money(done.after.quote_units),
        "liquidator_base": scene.size("X", done.lots),
        "liquidator_pays": scene.money(done.paid_units),
        "insurance_fee": scene.money(done.fee_units),
    }
    if done.after.lots:
        answer["final_margin_ratio"] = Fraction(*gradual.margin_ratio(terms, done.after))
    return answer


@adapter("Drift v2", "base entry oracle collateral slot start_slot initial_pct liquidation_duration_slots")
def by_time(q: Question) -> Answer:
    """Calls at a steady pace up to the slot; where the row knows no call that freed something, none did."""
    scene = market(q, q["open_bid_base"], q["max_base_this_call"])
    terms = rules(
        q, scene, "if_fee", initial_ppm=ppm(q["initial_pct"]), duration=q["liquidation_duration_slots"],
        small_units=units_of(SMALL, scene.decimals), order_units=units_of(ORDER, scene.decimals),
    )  # fmt: skip
    slots = [*range(q["start_slot"], q["slot"], EVERY_SLOTS), q["slot"]]
    times = [len(range(q["start_slot"], slot)) for slot in slots]
    after = gradual.calls(terms, account(q, scene), times, scene.lots("X", q["max_base_this_call"]))
    return {
        "base_remaining": scene.size("X", after.lots),
        "margin_freed_total_usd": scene.money(after.freed_units),
        "share_of_shortage_freed": Fraction(gradual.freed_ppm(terms, after), PPM),
    }


@adapter("Drift v2", "margin_shortage_usd base oracle_price margin_ratio liquidator_fee max_if_fee", "if_fee")
def squeezed(q: Question) -> Answer:
    """The fund's fee as a rate."""
    scene = Scene()
    scene.list("X", [q["oracle_price"]], [q["base"]])
    size = notional(scene.contract("X"), scene.lots("X", q["base"]), scene.ticks("X", q["oracle_price"]))
    short = units_of(text(q["margin_shortage_usd"]), scene.decimals)
    rates = [ppm(q[name]) for name in ("margin_ratio", "liquidator_fee", "max_if_fee")]
    return {"if_fee": Fraction(sizing.squeezed_fee_ppm(short, size, *rates), PPM)}


DIGITS = 9  # of tokens and their money


def premium(q: Question) -> tuple[int, int]:
    """What a taker gets over what it takes, as one ratio."""
    return ppm(q["asset_multiplier"]), ppm(q["liability_multiplier"])


@adapter("Drift v2", "margin_shortage_usd asset_weight asset_multiplier liability_weight liability_multiplier")
def debt(q: Question) -> Answer:
    """How much debt must go; one that names no price has one of money."""
    found = sizing.transfer_to_cover(
        units_of(text(q["margin_shortage_usd"]), DIGITS), ratio_of(text(q.inputs.get("liability_price", 1))),
        ppm(q["liability_weight"]), ppm(q["asset_weight"]), premium(q), ppm(q.inputs.get("if_fee", 0)),
    )  # fmt: skip
    if found is None:
        return {"liability_transfer": "unbounded (u128 max)"}
    return {"liability_transfer": Fraction(decimal_text(found, DIGITS))}


@adapter("Drift v2", "liability_amount liability_price asset_price asset_multiplier liability_multiplier")
def collateral_for(q: Question) -> Answer:
    """The collateral that goes with it."""
    units = units_of(text(q["liability_amount"]), DIGITS)
    prices = ratio_of(text(q["liability_price"])), ratio_of(text(q["asset_price"]))
    return {"asset_transfer": Fraction(decimal_text(sizing.asset_for(units, *prices, premium(q)), DIGITS))}
