"""RULEBOOK 14.11: the engine and the slow twin, written apart from one text, agree on random venues."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.against_twin import Pair
from tests.random_venue import Act, Settings, acts_of, messages, settings_of


def run(choices: Settings, acts: list[Act], shards: int) -> None:
    """Both, input by input; compared after each."""
    pair = Pair(shards)
    for message in messages(choices, acts, pair.events):
        pair.feed(message)
        if message.id.startswith("n"):
            pair.compare()


@given(settings_of, acts_of, st.integers(1, 3))
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_agrees_on_short_runs(choices: Settings, acts: list[Act], shards: int) -> None:
    """Every balance, position, entry value, status, code and event, after every input."""
    run(choices, acts, shards)


@pytest.mark.slow
@given(settings_of, acts_of, st.integers(1, 8))
@settings(max_examples=2000, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_agrees_on_many_runs(choices: Settings, acts: list[Act], shards: int) -> None:
    """The same, 2,000 examples."""
    run(choices, acts, shards)
