"""RULEBOOK 2a, 14.7, 14.11: a live run is its journal's replay, for any P; fed in lock-step it is the fresh run."""

from __future__ import annotations

import pytest

from tests.live_runs import fresh, live_run, outcome_of, replayed, require_same

FEW = range(25)
MANY = [range(start, start + 100) for start in range(1000, 2000, 100)]


def check_lock_step(seed: int) -> None:
    """Delays, repeats, crashes and changes of P change no balance and no event byte against the fresh run."""
    live = live_run(seed, lock_step=True)
    require_same(outcome_of(live), fresh(live), f"seed {seed}, live in lock-step and fresh")


def check_replay(seed: int, length: int = 40, *, is_mixed: bool = False) -> None:
    """The journal of any live run, recomputed by another number of shards, gives the same."""
    live = live_run(seed, length, lock_step=False, is_mixed=is_mixed)
    for shards in (1, 2 + seed % 7):
        require_same(outcome_of(live), replayed(live, shards), f"seed {seed}, live and replayed by {shards}")


@pytest.mark.parametrize("seed", FEW)
def test_lock_step_is_the_fresh_run(seed: int) -> None:
    """2a.8: same balances, same event bytes."""
    check_lock_step(seed)


@pytest.mark.parametrize("seed", FEW)
def test_a_journal_replays_to_the_same(seed: int) -> None:
    """14.11: any batch cut, any number of shards, also another than recorded, and after reloads."""
    check_replay(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seeds", MANY, ids=str)
def test_lock_step_is_the_fresh_run_a_thousand_times(seeds: range) -> None:
    """2a.8, at length."""
    for seed in seeds:
        check_lock_step(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seeds", MANY, ids=str)
def test_a_thousand_journals_replay_to_the_same(seeds: range) -> None:
    """14.11, at length."""
    for seed in seeds:
        check_replay(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [range(start, start + 10) for start in range(3000, 3060, 10)], ids=str)
def test_journals_of_partitions_that_run_ahead_of_each_other_replay_to_the_same(seeds: range) -> None:
    """Inputs late, early and out of order among each other, and decisions made while marks moved on."""
    for seed in seeds:
        check_replay(seed, 300, is_mixed=True)
