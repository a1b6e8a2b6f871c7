"""`rhodian feed`: logs into the input topics of a venue that runs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from streams.cli.help import EXITS, Commands, add_command
from streams.cli.live import add_config, live_extra
from streams.cli.local import GRID_MS, speed_of
from streams.cli.wait import run_async
from streams.cli.world import say
from streams.exits import FINE, UsageError
from streams.logs import LogsError

if TYPE_CHECKING:
    from streams.live.settings import Settings

FEED = f"""\
Writes logs into the input topics of a venue whose workers run (`rhodian worker`, or docker compose), and waits until
all readers have written down that they read it. --speed max feeds in lock-step, as `rhodian local` does, into books
that are not open yet; a number feeds by event time, so many times faster than it was.

{EXITS}"""


def add_feed(commands: Commands) -> None:
    """The command, with its arguments."""
    from streams.cli.parser import heartbeat

    parser = add_command(commands, "feed", "write logs into the topics of a live venue", FEED)
    parser.add_argument("logs", type=Path, metavar="LOGS", help="directory of topic logs")
    parser.add_argument("--speed", type=speed_of, default=None, metavar="N|max", help="how fast (default max)")
    grid = f"grid of the heartbeats in the feed; 0: none (default {GRID_MS})"
    parser.add_argument("--heartbeat-ms", type=heartbeat, default=GRID_MS, metavar="MS", help=grid)
    add_config(parser)
    parser.set_defaults(run=run_feed)


def run_feed(chosen: argparse.Namespace) -> int:
    """The command; answers the exit code."""
    with live_extra():
        from streams.live.settings import Settings, SettingsError
        from streams.live.tables import Transient
    try:
        return run_async(_feed(Settings.load(chosen.config), chosen))
    except (SettingsError, LogsError, Transient) as error:
        raise UsageError(str(error)) from error


async def _feed(settings: Settings, chosen: argparse.Namespace) -> int:
    from streams.live.feeder import feed_lockstep, feed_paced
    from streams.live.feeding import Feeding

    async with Feeding(settings) as feeding:
        if chosen.speed is None:
            await feed_lockstep(feeding, chosen.logs, chosen.heartbeat_ms)
        else:
            await feed_paced(feeding, chosen.logs, chosen.heartbeat_ms, chosen.speed)
        ends = await feeding.settled()
    for book, end in ends.items():
        say(f"{book}: {feeding.heard:,} inputs went in; every reader has read its journal up to {end:,}")
    return FINE
