"""`rhodian topics`: create the topics of a venue, or say what those that are there would lose."""

from __future__ import annotations

import argparse
import asyncio

from streams.cli.live import live_extra
from streams.cli.world import print_json
from streams.exits import FINDINGS, FINE, UsageError

ACTIONS = ("create", "check")


def run_topics(chosen: argparse.Namespace) -> int:
    """The command; answers the exit code. Created topics are checked too, since some may have been there before."""
    with live_extra():
        from streams.live.connect import Unreachable
        from streams.live.settings import Settings, SettingsError
        from streams.live.topics_admin import TopicsError, check, create
    try:
        settings = Settings.load(chosen.config)
        created = asyncio.run(create(settings)) if chosen.action == "create" else []
        problems = [(problem.topic, problem.text) for problem in asyncio.run(check(settings))]
    except (SettingsError, TopicsError, Unreachable) as error:
        raise UsageError(str(error)) from error
    if chosen.json:
        print_json({"created": created, "problems": [{"topic": topic, "text": text} for topic, text in problems]})
    else:
        _print(created, problems)
    return FINDINGS if problems else FINE


def _print(created: list[str], problems: list[tuple[str, str]]) -> None:
    for name in created:
        print(f"created {name}")
    for name, text in problems:
        print(f"{name}: {text}")
    if not problems:
        print("all topics are as they must be")
