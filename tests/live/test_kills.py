"""Workers killed, at random and at the worst places: what they leave is the replay of their journal (RULEBOOK 14.7)."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from streams.live.settings import Settings
from tests.live.chaos import kill_at_random
from tests.live.venue_of_workers import LiveVenue, small

pytestmark = pytest.mark.live


@pytest.mark.parametrize("seed", range(4))
def test_workers_killed_at_random_points(settings: Settings, tmp_path: Path, seed: int) -> None:
    """A hundred kills in all, of every kind of worker, by seed; script/chaos makes more of them."""
    asyncio.run(kill_at_random(small(settings, shards=1 + seed % 3), tmp_path, seed))


@pytest.mark.parametrize(
    ("place", "names"),
    [
        ("published", ["clearing", "margin 0/2", "margin 1/2"]),
        ("saved", ["clearing", "margin 0/2", "margin 1/2"]),
        ("written", ["intake"]),
    ],
)
def test_workers_that_die_between_two_steps(settings: Settings, tmp_path: Path, place: str, names: list[str]) -> None:
    """Published and not yet in Redis; in Redis and not yet acknowledged; in the journal and not yet acknowledged."""

    async def body() -> None:
        async with LiveVenue(small(settings), tmp_path, 5, 900) as venue:
            await venue.open()
            for count in (1, 3):
                for name in names:
                    venue.workers.kill(name)
                    venue.workers.start(name, fault=f"{place}:{count}")
                died = [venue.workers.running[name] for name in names]
                while not all(worker.code == -signal.SIGKILL for worker in died):
                    await venue.feed(1)
                    await asyncio.sleep(0.1)
                    assert venue.inputs, f"{names} did not come to {place} {count} times"
                venue.workers.revive()
            await venue.feed(len(venue.inputs))
            await venue.judge()

    asyncio.run(body())
