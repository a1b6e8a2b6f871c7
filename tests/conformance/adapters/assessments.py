"""CME, Eurex: what survivors may be asked for beyond what they have paid in (8)."""

from __future__ import annotations

from engine.waterfall.assess import assessment_cap, liability_cap
from tests.conformance.adapters.shares import number, units
from tests.conformance.example import Question
from tests.conformance.registry import adapter
from tests.conformance.units import ppm
from tests.conformance.verdict import Answer, Missing, Slip


@adapter("CME assessment power", "guaranty_fund multiple")
def powers(q: Question) -> Answer:
    """All members together. Where the page prints another figure than its own product, that is its slip."""
    cap = number(assessment_cap(units(q["guaranty_fund"]), ppm(q["multiple"])))
    return {"assessment_powers": cap, "exact_product": cap, "published_assessment": Slip(cap), "difference": Slip(0)}


@adapter("Eurex capped period", "default_fund_contribution assessment_multiple")
def liability(q: Question) -> Answer:
    """Per capped period."""
    paid, multiple = units(q["default_fund_contribution"]), ppm(q["assessment_multiple"])
    days = Missing("days of a capped period, in the venue's waterfall (8)")
    return {
        "max_assessment": number(assessment_cap(paid, multiple)),
        "max_total_liability": number(liability_cap(paid, multiple)),
        "capped_period_business_days": days,
        "max_capped_period_months": days,
    }
