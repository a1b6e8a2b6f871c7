"""`rhodian replay`: run, perhaps twice, and show what it came to."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

from streams.cli.comparison import print_comparison
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
        runs = {"logged": settings} | _what_ifs(settings, chosen)
        summaries = dict(zip(runs, _run(list(runs.values()), feed), strict=False))
    except (LogsError, WhatIfError, CannotFeed) as error:
        raise UsageError(str(error)) from error
    except OSError as error:
        raise UsageError(f"cannot write to {chosen.out}: {error}") from error
    _show(summaries, is_json=chosen.json, files=chosen.what_if or [])
    for name in list(runs)[len(summaries) :]:
        say("the what-if was not run" if name == "what_if" else f"{name} was not run")
    return max(_exit(summary) for summary in summaries.values())


def _exit(summary: Fields) -> int:
    """The code of one run. Conservation is judged in every round, and here once more over all accounts at the end."""
    if not summary["conserved"]:
        say("money or lots are not conserved")
        return HALTED
    return _EXITS.get(str(summary["end"]), FINE)


def _what_ifs(settings: Settings, chosen: argparse.Namespace) -> dict[str, Settings]:
    """The other runs: the same logs under changed rules, each into a folder of its own."""
    if chosen.what_if is None:
        return {}
    source = find_source(chosen.logs)
    if not isinstance(source, list):
        raise UsageError("--what-if needs topic logs: a journal holds the decisions made under the logged rules")
    found: dict[str, Settings] = {}
    for file in chosen.what_if:
        what_if = read_what_if(file)
        require_fit(what_if, source)
        is_only = len(chosen.what_if) == 1
        name, out = ("what_if", WHAT_IF) if is_only else (file.stem, f"{WHAT_IF}/{file.stem}")
        if name in found or name == "logged":
            raise UsageError(f"two runs would be named {name}")
        found[name] = dataclasses.replace(settings, out=settings.out / out, swap=what_if.swap)
    return found


def _run(runs: list[Settings], feed: Feed | None) -> list[Fields]:
    """The summaries of the runs; none is begun after one that did not come to its end."""
    summaries: list[Fields] = []
    for settings in runs:
        with watching("replay" if settings.swap is None else "what if") as watch:
            summaries.append(replay(settings, watch, feed))
        if summaries[-1]["end"] in _EXITS:
            break
    return summaries


def _show(summaries: dict[str, Fields], *, is_json: bool, files: list[Path]) -> None:
    if is_json:
        print_json(summaries if files else summaries["logged"])
    elif len(files) > 1:
        print_comparison(summaries)
    else:
        print_summaries(list(summaries.values()))
    for summary in summaries.values():
        if summary["reason"]:
            say(str(summary["reason"]))
        elif awaited(summary):
            say(f"{awaited(summary)} computed here are not in the journal yet; is this its end?")
