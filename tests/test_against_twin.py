"""RULEBOOK 14.11: the engine and the slow twin, written apart from one text, agree on random venues."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.against_twin import run_venue
from tests.random_venue import Act, acts_of, settings_of
from tests.venue_opening import Settings

ANY = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]


@given(settings_of, acts_of, st.integers(1, 3), st.booleans())
@settings(max_examples=60, suppress_health_check=ANY)
def test_agrees_on_short_runs(choices: Settings, acts: list[Act], shards: int, vector: bool) -> None:
    """Every balance, position, entry value, status, code and event, after every input."""
    run_venue(choices, acts, shards, vector=vector)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
@given(choices=settings_of, acts=acts_of, shards=st.integers(1, 8))
@settings(max_examples=550, suppress_health_check=ANY)
def test_agrees_on_many_runs(part: int, choices: Settings, acts: list[Act], shards: int) -> None:
    """The same, 2,200 examples: half of them with every row in vectors."""
    run_venue(choices, acts, shards, vector=part % 2 == 1)
