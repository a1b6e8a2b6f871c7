"""Kills at random: `python -m tests.live.chaos [--kills N] [--seed S]`, on services as the live tests get them.

Each venue takes 25 kills; what is wrong at its end is told with its seed, and `--seed S --kills 25` runs it again.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
import uuid
from pathlib import Path

from streams.live.settings import Settings
from tests.live import services
from tests.live.venue_of_workers import LiveVenue, small

KILLS = 25  # of one venue
PAUSE_S = 1.2
INPUTS = 400


async def kill_at_random(settings: Settings, folder: Path, seed: int, kills: int = KILLS) -> None:
    """Feed a venue while its workers are killed, one after the other or two at once; then everything must agree."""
    async with LiveVenue(settings, folder, seed, INPUTS) as venue:
        await venue.open()
        share = len(venue.inputs) // kills + 1
        killed = 0
        while killed < kills:
            await venue.feed(share)
            for name in venue.random.sample(venue.names, venue.random.choice([1, 1, 2])):
                venue.workers.kill(name)
                killed += 1
            end = time.monotonic() + PAUSE_S * venue.random.random()
            await venue.until(lambda end=end: time.monotonic() >= end)
        await venue.feed(len(venue.inputs))
        await venue.judge()


def main(arguments: list[str] | None = None) -> int:
    """Exit code 1 when a venue was not the replay of its journal."""
    parser = argparse.ArgumentParser(prog="script/chaos", description="Kills live workers at random points.")
    parser.add_argument("--kills", type=int, default=1_000, help="how many in all (default: 1000)")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the first venue (default: the time)")
    options = parser.parse_args(arguments)
    failed, venues = 0, max(1, options.kills // KILLS)
    with (
        tempfile.TemporaryDirectory() as name,
        services.kafka(Path(name) / "kafka") as kafka,
        services.redis(Path(name) / "redis") as redis,
    ):
        for seed in range(options.seed, options.seed + venues):
            found = {"kafka": {"bootstrap": kafka}, "redis": {"url": redis}, "http": {"port": 0}}
            prefix, shards = f"chaos-{uuid.uuid4().hex[:8]}", 1 + seed % 3
            settings = small(Settings.model_validate(found | {"prefix": prefix}), shards=shards)
            try:
                asyncio.run(kill_at_random(settings, Path(name) / prefix, seed))
            except Exception as error:  # noqa: BLE001 - whatever it is, its seed is what is wanted
                failed += 1
                print(f"seed {seed}: {type(error).__name__}: {error}", flush=True)
    print(f"{venues} venues of {KILLS} kills from seed {options.seed}, {failed} failed", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
