"""CME, Eurex, Nasdaq: whole ladders, and what survivors may be asked for beyond what they have paid in (8)."""

from __future__ import annotations

from pathlib import Path

from engine.layers import Waterfall, compile_waterfall
from engine.ledger import guarantee
from engine.waterfall.assess import assessment_cap, liability_cap
from engine.waterfall.losses import Losses
from schemas.decode import decode
from schemas.governed import LayerMessage
from tests.conformance.adapters.shares import drawn, number, units
from tests.conformance.example import Question
from tests.conformance.registry import adapter
from tests.conformance.scene import BOOK
from tests.conformance.units import ppm, text
from tests.conformance.verdict import Answer, Slip

LADDERS = Path(__file__).resolve().parents[3].joinpath("examples", "waterfalls")
NOTICE_MS = 1_536_883_200_000  # 14 September 2018
# How a row names its layers, and what they are; whatever else is named is the operator's.
KINDS = {"assessments": "assessment", "members DF": "guarantee_fund", "defaulter DF": "defaulter_contribution"}
CALLED = {
    "multiple_ppm": 1_000_000_000,
    "call_ms": 1,
    "period_days": 1,
    "period_months": 1,
}  # the amount is the layer's cap
DEFAULTER, SURVIVOR = "defaulter", "survivor"
OWNER = {"guarantee_fund": guarantee(SURVIVOR), "defaulter_contribution": guarantee(DEFAULTER)}


def ladder(name: str, at_ms: int = 0) -> Waterfall:
    """A waterfall of the examples, for a window that opens then."""
    return compile_waterfall(decode(LADDERS.joinpath(f"{name}.json").read_bytes(), "reference"), 0).at(at_ms)


@adapter("CME assessment power", "guaranty_fund multiple")
def powers(q: Question) -> Answer:
    """All members together. Where the page prints another figure than its own product, that is its slip."""
    cap = number(assessment_cap(units(q["guaranty_fund"]), ppm(q["multiple"])))
    return {"assessment_powers": cap, "exact_product": cap, "published_assessment": Slip(cap), "difference": Slip(0)}


@adapter("Eurex", "default_fund_contribution assessment_multiple")
def liability(q: Question) -> Answer:
    """Per capped period, whose days are those of the venue's ladder."""
    paid, multiple = units(q["default_fund_contribution"]), ppm(q["assessment_multiple"])
    layer = ladder("eurex").of_kind("assessment")
    return {
        "max_assessment": number(assessment_cap(paid, multiple)),
        "max_total_liability": number(liability_cap(paid, multiple)),
        "capped_period_business_days": layer.period_days,
        "max_capped_period_months": layer.period_months,
    }


@adapter("Full stack", "loss layers")
def full_stack(q: Question) -> Answer:
    """One survivor; each layer has a rank of its own, but those that the row calls pari passu."""
    layers, held, ranks = [], {}, {}
    for place, (said, amount) in enumerate(q["layers"], 1):
        name, _, beside = said.partition(", pari passu with ")
        ranks[name], kind = ranks.get(beside, place), KINDS.get(name, "operator")
        terms = {"cap": text(amount), **CALLED} if kind == "assessment" else {}
        layers.append(LayerMessage(id=name, kind=kind, rank=ranks[name], **terms))
        held[OWNER.get(kind, f"@operator/{name}")] = units(amount)
    losses = Losses()
    losses.add(DEFAULTER, BOOK, units(q["loss"]))
    found = drawn(layers, losses, held, {SURVIVOR: held.get(guarantee(SURVIVOR), 0)})
    draws = {layer.layer: number(layer.drawn_units) for layer in found.layers if layer.layer in ranks}
    return {"draws": draws, "total": number(found.covered_units), "uncovered": number(found.uncovered)}


@adapter("Temporary junior layer", "temporary_junior_sek_million days", "order")
def interim(q: Question) -> Answer:
    """The venue's ladder in its interim period; what nobody pays is no resource."""
    layers = ladder("nasdaq", NOTICE_MS).layers
    return {"order": [layer.id for layer in layers if layer.kind != "uncovered"]}
