"""`rhodian check`: a table of codes, or the same as JSON."""

from __future__ import annotations

import argparse

from rich.table import Table
from rich.text import Text

from streams.check import check
from streams.cli.world import print_json, result_console, say_unread, watching
from streams.exits import FINDINGS, FINE, INTERRUPTED, UsageError
from streams.logs import LogsError
from streams.present import Fields

WIDTH = 160  # without a terminal to measure: reasons are long


def run_check(chosen: argparse.Namespace) -> int:
    """The command; answers the exit code."""
    say_unread(chosen.logs)
    try:
        with watching("check") as watch:
            found = check(chosen.logs, watch, chosen.heartbeat_ms)
    except LogsError as error:
        raise UsageError(str(error)) from error
    if chosen.json:
        print_json(found)
    else:
        _print(found)
    if found["interrupted"]:
        return INTERRUPTED
    return FINDINGS if found["refused"] else FINE


def _print(found: Fields) -> None:
    console = result_console(WIDTH)
    if found["codes"]:
        table = Table("code", "name", "count", "first in", "line", "reason of the first", title="Refused")
        for row in found["codes"]:
            cells = (row["code"], row["name"], f"{row['count']:,}", row["file"], row["line"], row["reason"])
            table.add_row(*(Text(str(cell)) for cell in cells))
        console.print(table)
    lines = (
        f"{found['lines']:,} lines: {found['good']:,} good, {found['repeats']:,} repeats, {found['refused']:,} refused"
    )
    console.print(lines)
