"""`rhodian worker`: one process of a live venue."""

from __future__ import annotations

import argparse
import asyncio
import sys

from streams.cli.live import live_extra
from streams.cli.snapshot import restore_all
from streams.exits import FINDINGS, HALTED, TEMPFAIL, UsageError

KINDS = ("intake", "margin", "clearing", "all")


def shard(text: str) -> tuple[int, int]:
    """Which of how many.

    >>> shard("0/4")
    (0, 4)
    """
    index, _, shards = text.partition("/")
    if not (index.isdecimal() and shards.isdecimal() and int(index) < int(shards) <= 1024):
        raise argparse.ArgumentTypeError(f"expected I/P with I from 0 to P - 1, found {text!r}")
    return int(index), int(shards)


def run_worker_command(chosen: argparse.Namespace) -> int:
    """The command; ends only when the worker does."""
    if (chosen.kind == "margin") != (chosen.shard is not None):
        raise UsageError("--shard I/P belongs to a margin worker, and every margin worker has one")
    with live_extra():
        from schemas.codes import Halt
        from streams.live.connect import Unreachable
        from streams.live.readers import Role
        from streams.live.settings import Settings, SettingsError
        from streams.live.topics_admin import TopicsError, check
        from streams.live.worker import run_worker
    try:
        settings = Settings.load(chosen.config)
        print(settings.describe(), file=sys.stderr, end="")
        problems = asyncio.run(check(settings))
        for problem in problems:
            print(f"rhodian: {problem.topic}: {problem.text}", file=sys.stderr)
        if problems:
            return TEMPFAIL if all(problem.passes for problem in problems) else FINDINGS
        restore_all(chosen)
        run_worker(settings, chosen.kind, Role(*(chosen.shard or (0, 1))))
    except SettingsError as error:
        raise UsageError(str(error)) from error
    except (Unreachable, TopicsError) as error:
        print(f"rhodian: {error}", file=sys.stderr)
        return TEMPFAIL
    except Halt as halt:
        print(f"rhodian: {halt}", file=sys.stderr)
        return HALTED
