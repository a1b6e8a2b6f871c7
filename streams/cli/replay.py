"""`rhodian replay`: run, perhaps twice, and show what it came to."""

from __future__ import annotations

import argparse
import dataclasses

from streams.cli.from_kafka import feed_of
from streams.cli.show import awaited, print_summaries
from streams.cli.world import print_json, say, say_unread, watching
from streams.exits import FINDINGS, FINE, HALTED, INTERRUPTED, UsageError
from streams.logs import LogsError
from streams.outputs import WHAT_IF
from streams.present import Fields
from streams.replay import CannotFeed, Feed, replay
from streams.source import find_source
from streams.under_way import Settings
from streams.what_if import WhatIfError, read_what_if, require_fit

_EXITS = {"strict": FINDINGS, "interrupted": INTERRUPTED, "halted": HALTED}


def run_replay(chosen: argparse.Namespace) -> int:
    """The command; answers the exit code."""
    feed = feed_of(chosen)
    settings = Settings(
        source=chosen.logs,
        out=chosen.out,
        shards=chosen.shards,
        until_ms=chosen.until,
        strict=chosen.strict,
        heartbeat_ms=chosen.heartbeat_ms,
    )
    if chosen.logs is not None:
        say_unread(chosen.logs)
    try:
        runs = [settings] if chosen.what_if is None else [settings, _what_if(settings, chosen)]
        summaries = _run(runs, feed)
    except (LogsError, WhatIfError, CannotFeed) as error:
        raise UsageError(str(error)) from error
    except OSError as error:
        raise UsageError(f"cannot write to {chosen.out}: {error}") from error
    _show(summaries, is_json=chosen.json, is_pair=chosen.what_if is not None)
    if len(summaries) < len(runs):
        say("the what-if was not run")
    return max(_exit(summary) for summary in summaries)


def _exit(summary: Fields) -> int:
    """The code of one run. Conservation is judged in every round, and here once more over all accounts at the end."""
    if not summary["conserved"]:
        say("money or lots are not conserved")
        return HALTED
    return _EXITS.get(str(summary["end"]), FINE)


def _what_if(settings: Settings, chosen: argparse.Namespace) -> Settings:
    """The second run: the same logs under changed rules, into a folder of its own."""
    source = find_source(chosen.logs)
    if not isinstance(source, list):
        raise UsageError("--what-if needs topic logs: a journal holds the decisions made under the logged rules")
    what_if = read_what_if(chosen.what_if)
    require_fit(what_if, source)
    return dataclasses.replace(settings, out=settings.out / WHAT_IF, swap=what_if.swap)


def _run(runs: list[Settings], feed: Feed | None) -> list[Fields]:
    """The summaries of the runs; the second is not begun when the first did not come to its end."""
    summaries: list[Fields] = []
    for settings in runs:
        with watching("replay" if settings.swap is None else "what if") as watch:
            summaries.append(replay(settings, watch, feed))
        if summaries[-1]["end"] in _EXITS:
            break
    return summaries


def _show(summaries: list[Fields], *, is_json: bool, is_pair: bool) -> None:
    if is_json:
        names = ("logged", "what_if")
        print_json(dict(zip(names, summaries, strict=False)) if is_pair else summaries[0])
    else:
        print_summaries(summaries)
    for summary in summaries:
        if summary["reason"]:
            say(str(summary["reason"]))
        elif awaited(summary):
            say(f"{awaited(summary)} computed here are not in the journal yet; is this its end?")
