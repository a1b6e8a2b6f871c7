"""Back-testing and monitoring (13): the traffic light, binomial errors, Kupiec, breaches, falls of a fund."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

from engine.ledger import insurance
from engine.monitor.coverage import binomial_cdf, kupiec, kupiec_range, plus_factor_ppm, rejects, type_errors, zone
from engine.monitor.moves import excess, ratio
from engine.numbers import PPM
from schemas import inputs
from tests.conformance.adapters.shares import DIGITS, units
from tests.conformance.example import Question
from tests.conformance.registry import adapter
from tests.conformance.scene import BOOK, Scene
from tests.conformance.units import percent, ppm, text
from tests.conformance.verdict import Answer


def each(given: Any, answer: Callable[[Any], Any]) -> Any:
    """A row names one case or a list of them, and is answered alike."""
    return [answer(one) for one in given] if isinstance(given, list) else answer(given)


@adapter("Basel traffic light", "n p exceptions")
def traffic_light(q: Question) -> Answer:
    """Count by count. The plus factor is a table of 250 observations, so it is looked up where it is asked for."""
    n, p, counts = q["n"], ppm(q["p"]), q["exceptions"]
    answer: Answer = {
        "cum_prob_pct": each(counts, lambda x: percent(binomial_cdf(n, x, p))),
        "zone": each(counts, lambda x: zone(n, x, p).value),
    }
    if "plus_factor" in q.asks:
        answer["plus_factor"] = each(counts, lambda x: Fraction(plus_factor_ppm(n, x, p), PPM))
    return answer


@adapter("Binomial coverage test", "n cutoff p0 p1")
def errors(q: Question) -> Answer:
    """Of a test that rejects above the cutoff."""
    first, second = type_errors(q["n"], q["cutoff"], ppm(q["p0"]), ppm(q["p1"]))
    return {"typeI_pct": percent(first), "typeII_pct": percent(second)}


@adapter("Kupiec", "n x p")
def failures(q: Question) -> Answer:
    """At the customary level where the row names none."""
    level = ppm(q.inputs.get("level", Decimal("0.05")))
    return {
        "LR": each(q["p"], lambda p: Fraction(kupiec(q["n"], q["x"], ppm(p)))),
        "reject": each(q["p"], lambda p: rejects(kupiec(q["n"], q["x"], ppm(p)), level)),
    }


@adapter("Kupiec", "threshold n p")
def accepted(q: Question) -> Answer:
    """For each number of observations, and each rate, the counts below the threshold."""
    threshold = Decimal(q["threshold"])
    return {"accept_inclusive": {str(n): [list(kupiec_range(n, ppm(p), threshold)) for p in q["p"]] for n in q["n"]}}


@adapter("Margin breach size", "move margin_move")
def breach(q: Question) -> Answer:
    """A move beside the one that margin covered."""
    move, covered = units(q["move"]), units(q["margin_move"])
    return {"ratio": ratio(move, covered), "excess_pct": percent(excess(move, covered))}


@adapter("Deribit", "before after injection")
def fund(q: Question) -> Answer:
    """Its change, and its balance after a second payment into it."""
    scene = Scene(decimals=DIGITS)
    for name in ("after", "injection"):
        scene.send(inputs.Deposit, account=insurance(BOOK), amount=text(q[name]))
    return {
        "change_pct": percent(excess(units(q["after"]), units(q["before"]))),
        "after_injection": scene.money(scene.fund_units(insurance(BOOK))),
    }


@adapter("Hyperliquid", "position_usd hlp_loss_usd")
def loss_rate(q: Question) -> Answer:
    """A loss over the position that made it."""
    return {"loss_over_position": ratio(units(q["hlp_loss_usd"]), units(q["position_usd"]))}
