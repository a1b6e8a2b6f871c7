"""Commands that need a broker: their arguments, and what they share. Their packages are an extra."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from streams.cli.help import EXITS, Commands, add_command
from streams.exits import UsageError

PACKAGES = frozenset({"aiohttp", "aiokafka", "faust", "mode", "prometheus_client", "pydantic", "redis", "uvloop"})


@contextmanager
def live_extra() -> Iterator[None]:
    """Around imports of `streams.live`: say what to install instead of showing a traceback."""
    try:
        yield
    except ModuleNotFoundError as error:
        if str(error.name).split(".")[0] not in PACKAGES:
            raise
        raise UsageError(f"this needs {error.name}: install the extra 'live' (pip install 'rhodian[live]')") from error


def add_config(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """The option that names the file of settings."""
    told = "settings in TOML; RHODIAN_* variables win over it (RHODIAN_KAFKA__USER is user of [kafka])"
    parser.add_argument("--config", type=Path, metavar="FILE", help=told)


TOPICS = f"""\
create makes what is missing and changes nothing that is there; both then look at every topic: partitions, replicas,
cleanup.policy, retention, min.insync.replicas, max.message.bytes. The journal must be kept for as long as the settings
say, which is for ever unless they say otherwise, and has one partition a book.

{EXITS}"""

WORKER = f"""\
A venue runs at least three workers, of which every kind may run twice: the second is a hot standby, and of intake it
shares the load.

  rhodian worker intake --config rhodian.toml
  rhodian worker margin --shard 0/2 --config rhodian.toml
  rhodian worker margin --shard 1/2 --config rhodian.toml
  rhodian worker clearing --config rhodian.toml

The number of shards is what the opening of the book says (`shards` of the book message), or the last change of it: for
a change, start the workers of the new number, send the command `reshard`, and stop the old ones when the new are at
work. A worker whose number is neither in force nor coming ends with 1. A small venue runs `worker all`. Health and
figures are at /healthz, /readyz and /metrics of the port in the settings, the margin statement of an account at
/accounts/ID of the worker that keeps it. Code 75: Kafka or Redis did not answer in time, or another worker took over;
start it again. SIGTERM ends a worker within seconds, and nothing is lost.

{EXITS}"""


def add_live(commands: Commands) -> None:
    """The commands, with their arguments."""
    from streams.cli.dead_letters import add_dead_letters
    from streams.cli.schemas import add_schemas
    from streams.cli.snapshot import add_snapshot
    from streams.cli.tail import add_tail
    from streams.cli.topics import ACTIONS, run_topics
    from streams.cli.verify import add_verify
    from streams.cli.worker import KINDS, run_worker_command, shard

    topics = add_command(commands, "topics", "create or check the Kafka topics of a venue", TOPICS)
    topics.add_argument("action", choices=ACTIONS, help="what to do")
    add_config(topics)
    topics.add_argument("--json", action="store_true", help="print the result as JSON")
    topics.set_defaults(run=run_topics)
    worker = add_command(commands, "worker", "run one process of a live venue", WORKER)
    worker.add_argument("kind", choices=KINDS, help="what it does")
    worker.add_argument("--shard", type=shard, metavar="I/P", help="which margin shard, of how many")
    add_config(worker)
    told = "begin with this file where Redis holds nothing (rhodian snapshot); may be said for each book"
    worker.add_argument("--snapshot", type=Path, action="append", default=[], metavar="FILE", help=told)
    worker.set_defaults(run=run_worker_command)
    add_verify(commands)
    add_snapshot(commands)
    add_tail(commands)
    add_dead_letters(commands)
    add_schemas(commands)
