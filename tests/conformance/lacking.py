"""Kinds of examples that no adapter answers: the rule that the engine lacks, or the stage that they belong to.

A line here leaves when the rule stands and an adapter takes its kind. The first that holds is told.
"""

from __future__ import annotations

from tests.conformance.registry import LATER, MISSING, kind

HISTORY = "history: the example states no loss and no layers that a rule could be applied to"

MISSING += [
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
