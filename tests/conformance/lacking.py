"""Kinds of examples that no adapter answers: the rule that the engine lacks, or the stage that they belong to.

A line here leaves when the rule stands and an adapter takes its kind. The first that holds is told.
"""

from __future__ import annotations

from tests.conformance.registry import LATER, MISSING, kind

PRICE = "liquidation_price"
ESTIMATE = "estimated liquidation price (4)"
BASIS = "margin on entry value and at a leverage, estimated liquidation price (4, 15.1)"
PREMIUM = "own cover by health, and a fund that pays a premium (7, 15.7)"
ASSESSMENT = "assessments on survivors (8)"
ADDON = "add-ons as lines of the margin statement (4)"
STATISTICS = "back-testing and monitoring statistics (13)"
HISTORY = "history: the example states no loss and no layers that a rule could be applied to"

MISSING += [
    (kind("Binance", asks=PRICE), ESTIMATE),
    (kind(("BitMEX", "Bybit"), asks=PRICE), BASIS),
    (
        kind(("Gate", "OKX"), asks=PRICE),
        "estimated liquidation price with the closing fee, margin at a leverage (4, 15.1)",
    ),
    (kind(("Hyperliquid", "dYdX v4"), asks=PRICE), ESTIMATE),
    (kind("Deribit", "im_base mm_base per_unit"), "margin rate that grows with size (15.1)"),
    (kind("Drift v2", asks="cum_funding_long"), "open-interest charge, rounded up (8, 15.8)"),
    (kind("Drift v2", asks="deposit_index index_reduction"), "loss as an index of deposits (8, 15.8)"),
    (kind("dYdX v4", asks="fillable_price"), "closing limit nearer the mark (15.2)"),
    (kind("FTX", asks="stage"), "margin on entry value, takeover level (15.1, 15.6)"),
    (kind("Mango v4", asks="insurance_transfer socialized_loss insurance_tokens_per_liab_token"), PREMIUM),
    (kind("Paradex", asks="max_buy max_sell"), "room that a position limit leaves (11)"),
    (kind("Percolator"), "unvested gains as a layer, equity haircut (15.7)"),
    (kind("Vega", asks="network_trades"), "takeover at the mark, the rest of the margin to the fund (6.6)"),
    (kind(("CME assessment", "Eurex capped"), asks="exact_product max_assessment"), ASSESSMENT),
    (kind("Full stack"), ASSESSMENT),
    (kind("Temporary junior layer"), "validity of layers, replenished money last (8)"),
    (kind(("SPAN 2", "25% stressed", "10-year floor")), ADDON),
    (kind("SPAN portfolio scan", "long_futures short_calls"), "scan model (4), and the example states no risk arrays"),
    (kind("SPAN"), "scan model (4)"),
    (kind(("Basel traffic light", "Binomial coverage", "Kupiec", "Christoffersen", "Margin breach")), STATISTICS),
    (kind(("Deribit insurance fund", "Hyperliquid ETH whale"), asks="change_pct loss_over_position"), STATISTICS),
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
