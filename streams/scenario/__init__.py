"""Scenarios: a venue of drawn members around real prices, as logs that replay (docs/scenario.md)."""

from streams.scenario.build import make_scenario
from streams.scenario.market import UnknownMarketFile
from streams.scenario.options import Options
from streams.scenario.population import ACCOUNTS_MIN
from streams.scenario.summary import ScenarioSummary

__all__ = ["ACCOUNTS_MIN", "Options", "ScenarioSummary", "UnknownMarketFile", "make_scenario"]
