"""`rhodian local`: a whole venue on this machine, for one run of a log or for as long as you like."""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import signal
import tempfile
from collections.abc import Awaitable
from pathlib import Path
from typing import TypeVar

from streams.cli.help import EXITS, Commands, add_command
from streams.cli.live import live_extra
from streams.cli.scenario import add_options, make_logs
from streams.cli.show import print_summaries
from streams.cli.world import SIGNALS, say, say_unread
from streams.exits import FINDINGS, FINE, HALTED, INTERRUPTED, TEMPFAIL, UNAVAILABLE, UsageError
from streams.logs import LogsError

LOCAL = f"""\
Starts a Kafka and a Redis of its own on loopback (needs Java and redis-server; Maven fetches Kafka, once),
creates the topics, runs the workers, feeds the logs, tells losses on stderr as they happen, replays the journal beside
it, prints what `replay` prints and writes the same files. At the end, by Ctrl-C, and when a child dies, all of it ends.

--speed max feeds in lock-step: an input that causes something is answered before the next one, so the result is that of
a fresh run, and that is checked. A number feeds by event time, so many times faster than it was; 1 is real time. The
feed carries heartbeats; where prices come by the minute a coarse grid does.

Without logs it starts everything, says where it is, and waits.

Code 1: live was not what its replay or the fresh run is. Code 69: this machine lacks what Kafka or Redis needs, and the
message says what. Code 75: one of them or a worker ended by itself, or did not answer in time.

{EXITS}"""

MAX = "max"
GRID_MS = 3_600_000  # fewer groups than with a finer one; prices keep time
T = TypeVar("T")


def add_local(commands: Commands) -> None:
    """The command, with its arguments."""
    from streams.cli.parser import heartbeat, seed, shards

    parser = add_command(commands, "local", "run a whole live venue on this machine", LOCAL)
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--logs", type=Path, metavar="DIR", help="feed these logs")
    source.add_argument("--market", type=Path, metavar="CSV", help="build a scenario around these prices, and feed it")
    parser.add_argument("--accounts", type=int, default=1000, metavar="N", help="of the scenario (default 1000)")
    parser.add_argument("--seed", type=seed, default=1, metavar="S", help="of the scenario (default 1)")
    add_options(parser)
    parser.add_argument("--speed", type=speed_of, default=None, metavar="N|max", help="how fast (default max)")
    parser.add_argument("--shards", type=shards, default=1, metavar="P", help="margin shards (changes no result)")
    parser.add_argument("--apart", action="store_true", help="a process for each worker, not one for all")
    grid = f"grid of the heartbeats in the feed; 0: none (default {GRID_MS})"
    parser.add_argument("--heartbeat-ms", type=heartbeat, default=GRID_MS, metavar="MS", help=grid)
    parser.add_argument("--out", type=Path, metavar="DIR", help="where the files of the replay go")
    parser.set_defaults(run=run_local_command)


def speed_of(text: str) -> float | None:
    """A number, or None for as fast as it goes."""
    if text == MAX:
        return None
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 0 < found < 1e9:
        raise argparse.ArgumentTypeError(f"expected {MAX} or a number above 0, found {text!r}")
    return found


def run_local_command(chosen: argparse.Namespace) -> int:
    """The command; answers the exit code."""
    with live_extra():
        from streams.live.connect import Unreachable
        from streams.live.tables import Transient
        from streams.live.topics_admin import TopicsError
        from streams.local.process import Missing, ServiceError
    folder = Path(tempfile.mkdtemp(prefix="rhodian-local-"))
    try:
        if chosen.logs is None and chosen.market is None:
            return asyncio.run(_until_signal(_serve(chosen, folder)))
        return asyncio.run(_until_signal(_feed(chosen, folder)))
    except LogsError as error:
        raise UsageError(str(error)) from error
    except (ServiceError, TopicsError, Unreachable, Transient) as error:
        say(str(error))
        return UNAVAILABLE if isinstance(error, Missing) else TEMPFAIL
    except _Stopped:
        say("stopped; nothing is left running")
        return INTERRUPTED
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class _Stopped(Exception):
    """By a signal."""


async def _until_signal(act: Awaitable[T]) -> T:
    """The act, cancelled by the first SIGINT or SIGTERM; later ones are not heard, since the end is under way."""
    loop, task, stopped = asyncio.get_running_loop(), asyncio.ensure_future(act), False

    def stop() -> None:
        nonlocal stopped
        if not stopped:
            stopped = True
            say("stopping")
            task.cancel()

    for number in SIGNALS:
        loop.add_signal_handler(number, stop)
    try:
        return await task
    except asyncio.CancelledError:
        if stopped:
            raise _Stopped from None
        raise
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)
            if stopped:
                signal.signal(number, signal.SIG_IGN)


async def _feed(chosen: argparse.Namespace, folder: Path) -> int:
    """One run of a log, and what it came to."""
    from streams.local.running import Plan, run_local

    logs, out = chosen.logs, chosen.out or folder / "result"
    if logs is None:
        logs = folder / "logs"
        make_logs(chosen, logs)
    say_unread(logs)
    plan = Plan(logs, out, folder, chosen.speed, chosen.shards, chosen.heartbeat_ms, chosen.apart)
    verdict = await run_local(plan, say)
    summary = json.loads((out / "summary.json").read_bytes())
    print_summaries([summary])
    for line in verdict.lines:
        say(line)
    if summary["end"] == "halted" or not summary["conserved"]:
        return HALTED
    return FINE if verdict.holds else FINDINGS


async def _serve(chosen: argparse.Namespace, folder: Path) -> int:
    """Everything, for whoever produces to it."""
    from streams.live.topics import Topics
    from streams.local.venue import LocalVenue

    venue = LocalVenue(folder, ("main",), chosen.shards, 1_000, apart=chosen.apart)
    async with venue:
        topics = Topics(venue.settings.prefix)
        print(f"Kafka    {venue.kafka.address}\nRedis    {venue.redis.url}")
        for worker in venue.workers:
            print(f"health   http://127.0.0.1:{worker.port}/readyz   ({worker.name})")
        print(f"inputs   {' '.join(topics.inputs)}\noutputs  {' '.join(topics.outputs)}")
        print(f"try      echo '{_sample(chosen.shards)}' |")
        print(f"         kcat -P -b {venue.kafka.address} -t {topics.reference}")
        print("Ctrl-C ends all of it.", flush=True)
        await venue.watch()


def _sample(shards: int) -> str:
    """A line that opens the book."""
    fields = {"type": "book", "book": "main", "id": "book", "time_ms": 0, "version": 1, "author": "me"}
    return json.dumps(fields | {"reason": "first try", "settlement_asset": "USD", "decimals": 2, "shards": shards})
