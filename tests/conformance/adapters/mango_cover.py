"""Mango v4: own cover by health, then a fund that asks a premium, then everybody (7, 15.7)."""

from __future__ import annotations

from typing import Any

from engine.numbers import PPM
from engine.waterfall.premium import Insurer, OwnCover, Weighed, own_cover, premium
from schemas.decimals import ratio_of, units_of
from tests.conformance.adapters.shares import DIGITS, number, units
from tests.conformance.example import Question
from tests.conformance.registry import adapter
from tests.conformance.scene import Scene
from tests.conformance.units import ppm, text
from tests.conformance.verdict import Answer

PRICES = "settle_token_price insurance_token_price settle_asset_weight settle_liab_weight"
TOKENS = "liqee_settle_token liqee_perp_quote liqee_other_health"
LIMITS = "insurance_vault settle_limit max_liab_transfer"


@adapter("Mango v4", f"{PRICES} {TOKENS} {LIMITS}")
def by_weights(q: Question) -> Answer:
    """The settle token counts by weight. The fund holds another token, in whole native units, without a fee."""
    price = ratio_of(text(q["settle_token_price"]))
    weighed = Weighed(price, ppm(q["settle_asset_weight"]), ppm(q["settle_liab_weight"]))
    fund = Insurer(
        whole(q["insurance_vault"]), ppm(q.inputs.get("liquidation_fee", 0)), (units(q["insurance_token_price"]), 1)
    )
    found = own_cover(
        -units(q["liqee_perp_quote"]), units(q["liqee_settle_token"]), weighed, units(q["liqee_other_health"]),
        units(q["settle_limit"]), asked(q["max_liab_transfer"]), fund,
    )  # fmt: skip
    return {
        "liqee_settle_token": number(found.balance_after_units),
        "liqee_perp_quote": -number(found.loss_after_units),
        "liqor_settle_token": number(found.settled_units),
        "liqor_perp_quote": -number(found.taken_over_units),
        "liqor_insurance_tokens": found.paid_units,
        **told(found),
    }


@adapter("Mango v4", f"init_health perp_pnl {LIMITS} liquidation_fee")
def by_health(q: Question) -> Answer:
    """All weights are one. Health counts the loss, so what covers it is the health and, a second payment, the loss."""
    scene = Scene(decimals=DIGITS)
    scene.hold("a", q["init_health"])
    scene.hold("a", text(-q["perp_pnl"]))
    fund = Insurer(whole(q["insurance_vault"]), ppm(q["liquidation_fee"]), (units(1), 1))
    found = own_cover(
        -units(q["perp_pnl"]), scene.own("a").equity, Weighed((1, 1), PPM, PPM), 0,
        units(q["settle_limit"]), asked(q["max_liab_transfer"]), fund,
    )  # fmt: skip
    return told(found)


@adapter("Mango v4", "liab_price insurance_price liq_fee", "insurance_tokens_per_liab_token")
def of_one_token(q: Question) -> Answer:
    """What covering one token that is owed costs the fund."""
    fund = Insurer(0, ppm(q["liq_fee"]), ratio_of(text(q["insurance_price"])))
    return {"insurance_tokens_per_liab_token": number(premium(units(1), ratio_of(text(q["liab_price"])), fund))}


def told(found: OwnCover) -> Answer:
    """The three steps."""
    return {
        "settlement": number(found.settled_units),
        "insurance_transfer": found.paid_units,
        "socialized_loss": number(found.socialised_units),
    }


def whole(tokens: Any) -> int:
    """Native units of a token are whole in the source's tests."""
    return units_of(text(tokens), 0)


def asked(limit: Any) -> int | None:
    """What the liquidator takes over at most; the source's word for no limit is a word."""
    return None if isinstance(limit, str) else units(limit)
