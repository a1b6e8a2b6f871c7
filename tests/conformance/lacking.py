"""Kinds of examples that no adapter answers: the rule that the engine lacks, or the stage that they belong to.

A line here leaves when the rule stands and an adapter takes its kind. The first that holds is told.
"""

from __future__ import annotations

from tests.conformance.registry import LATER, MISSING, kind

PLAN = "size without cost, bankruptcy share `whole`, deleveraging of the rest (15.2, 15.3, 6.7)"
HISTORY = "history: the example states no loss and no layers that a rule could be applied to"

MISSING += [
    (kind("ADL research", "equity_shares effective_leverage"), "risk-aware weights (15.5)"),
    (kind("Binance", asks="leverage_pnl pnl_pct"), "deleveraging score of Binance (15.5)"),
    (kind("Dango"), PLAN),
    (kind("Drift v2", "slot initial_pct"), "gradual pace (15.4)"),
    (kind("Drift v2", asks="final_margin_ratio"), "takeover at a discount on the mark, margin ratio (15.3, 15.6)"),
    (kind("Drift v2", asks="if_fee insurance_fee"), "squeezed fee (15.3)"),
    (
        kind("Drift v2", asks="asset_transfer liability_transfer"),
        "debt and collateral handed over together (no rule yet)",
    ),
    (
        kind("dYdX v4", asks="insurance_fund_delta_usd"),
        "fund that settles each fill, fee out of the surplus (15.3, 15.8)",
    ),
    (kind("dYdX v4", "short_account"), "deleveraging at bankruptcy (6.7, 15.5)"),
    (kind("GMX v2", asks="adl_enabled"), "deleveraging by profit over pool (15.5)"),
    (kind("Onus", asks="insurance_delta"), "fund that settles each fill (15.8)"),
    (kind("Synthetix v3", asks="max_per_window"), "pace by rate, scale and window (15.4)"),
    (kind("Auto-deleveraging, 10 Oct 2025"), "history: the source calls its figures disputed and no pass or fail"),
    (kind(("LCH SwapClear", "MF Global")), HISTORY),
    (kind("SA-CCR"), "capital of banks (no rule of a clearing house)"),
]

MODELS = "option models and volatility: the next stage"
SIZING = "sizing and keys of the guarantee fund (10): the next stage"

LATER += [
    (kind(("Black-76", "Black-Scholes", "EWMA", "Parametric VaR")), MODELS),
    (kind(("Euler", "Shapley", "Cover", "EMIR art. 50a", "Nasdaq Clearing capital")), SIZING),
]
