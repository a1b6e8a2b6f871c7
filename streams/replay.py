"""Replay of files (RULEBOOK 2a.8, 16.2): a fresh run of topic logs in merged order, or a journal in its own.

`replay` writes all outputs whatever ends the run, and answers with the summary; how it ended stands in it.
"""

from __future__ import annotations

import time
from pathlib import Path

from schemas.codes import Halt
from streams.audit import run_journal
from streams.driver import Venue
from streams.fresh import run_logs
from streams.outputs import Outputs
from streams.present import Fields
from streams.source import find_source, require_apart
from streams.summary import Ran
from streams.under_way import Ended, Settings, UnderWay, Watch


def replay(settings: Settings, watch: Watch | None = None) -> Fields:
    """Run and write everything. Raises LogsError for input that cannot be read, OSError for output."""
    source = find_source(settings.source)
    require_apart(source, settings.out)
    with Outputs(settings.out) as outputs:
        outputs.venue = Venue(settings.shards, outputs.sinks())
        run = UnderWay(settings, watch or Watch(), outputs, Ran(settings.shards))
        started = time.perf_counter()
        try:
            if isinstance(source, Path):
                run_journal(run, source)
            else:
                run_logs(run, source)
        except Ended as ended:
            run.ran.end, run.ran.reason = ended.end, ended.reason
        except Halt as halt:
            run.ran.end, run.ran.reason = "halted", str(halt)
        outputs.flush()
        run.ran.elapsed_s = time.perf_counter() - started
        return run.finish()
