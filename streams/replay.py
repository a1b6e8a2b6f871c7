"""Replay (RULEBOOK 2a.8, 16.2): a fresh run of topic logs in merged order, or a journal in its own.

`replay` writes all outputs whatever ends the run, and answers with the summary; how it ended stands in it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from schemas.codes import Halt
from streams.audit import run_journal
from streams.driver import Venue
from streams.fresh import run_logs
from streams.logs import LogsError
from streams.outputs import Outputs
from streams.present import Fields
from streams.source import find_source, require_apart
from streams.summary import Ran
from streams.under_way import Ended, Settings, UnderWay, Watch


class CannotFeed(Exception):
    """What feeds a run cannot be read; the message says why."""


Feed = Callable[[UnderWay], None]
"""Feeds a run from its source. May raise Ended and Halt, which say how the run ended, and CannotFeed."""


def replay(settings: Settings, watch: Watch | None = None, feed: Feed | None = None) -> Fields:
    """Run and write everything; from the files that the settings name, if nothing else feeds the run.

    Raises LogsError for input that cannot be read, OSError for output, and CannotFeed.
    """
    feed = feed or _from_files(settings)
    with Outputs(settings.out) as outputs:
        outputs.venue = Venue(settings.shards, outputs.sinks())
        run = UnderWay(settings, watch or Watch(), outputs, Ran(settings.shards))
        started = time.perf_counter()
        try:
            feed(run)
        except Ended as ended:
            run.ran.end, run.ran.reason = ended.end, ended.reason
        except Halt as halt:
            run.ran.end, run.ran.reason = "halted", str(halt)
        outputs.flush()
        run.ran.elapsed_s = time.perf_counter() - started
        return run.finish()


def _from_files(settings: Settings) -> Feed:
    """Topic logs or a journal. Raises LogsError before anything is written."""
    if settings.source is None:
        raise LogsError("no directory of logs and no journal is named")
    source = find_source(settings.source)
    require_apart(source, settings.out)
    return partial(run_journal, path=source) if isinstance(source, Path) else partial(run_logs, logs=source)
