"""Back-testing and monitoring (13): the traffic light, binomial errors, Kupiec, breaches, falls of a fund."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

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


@adapter("Basel traffic light", "n p exceptions")
def traffic_light(q: Question) -> Answer:
    """Count by count."""
    n, p = q["n"], ppm(q["p"])
    counts = q["exceptions"] if isinstance(q["exceptions"], list) else [q["exceptions"]]
    return {
        "cum_prob_pct": [percent(binomial_cdf(n, x, p)) for x in counts],
        "zone": [zone(n, x, p).value for x in counts],
        "plus_factor": [Fraction(plus_factor_ppm(n, x, p), PPM) for x in counts],
    }


@adapter("Binomial coverage test", "n cutoff p0 p1")
def errors(q: Question) -> Answer:
    """Of a test that rejects above the cutoff."""
    first, second = type_errors(q["n"], q["cutoff"], ppm(q["p0"]), ppm(q["p1"]))
    return {"typeI_pct": percent(first), "typeII_pct": percent(second)}


@adapter("Kupiec", "n x p")
def failures(q: Question) -> Answer:
    """At the customary level where the row names none."""
    found = [kupiec(q["n"], q["x"], ppm(p)) for p in q["p"]]
    level = ppm(q.inputs.get("level", Decimal("0.05")))
    return {"LR": [Fraction(one) for one in found], "reject": [rejects(one, level) for one in found]}


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


@adapter("Deribit insurance fund", "before after injection")
def fund(q: Question) -> Answer:
    """Its change, and its balance after a second payment into it."""
    scene = Scene(decimals=DIGITS)
    for name in ("after", "injection"):
        scene.send(inputs.Deposit, account=insurance(BOOK), amount=text(q[name]))
    return {
        "change_pct": percent(excess(units(q["after"]), units(q["before"]))),
        "after_injection": scene.money(scene.fund_units(insurance(BOOK))),
    }


@adapter("Hyperliquid ETH whale", "position_usd hlp_loss_usd")
def loss_rate(q: Question) -> Answer:
    """A loss over the position that made it."""
    return {"loss_over_position": ratio(units(q["hlp_loss_usd"]), units(q["position_usd"]))}
