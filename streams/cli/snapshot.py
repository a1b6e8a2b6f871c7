"""`rhodian snapshot`: what Redis holds of a book, in a file that a worker can begin with."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from streams.cli.from_kafka import books_of
from streams.cli.help import EXITS, Commands, add_command
from streams.cli.live import add_config, live_extra
from streams.cli.wait import run_async
from streams.cli.world import print_json
from streams.exits import UsageError

HELP = f"""\
Writes every table of a book, each whole and with its position in the journal, while workers run: zstd of JSON, readable
with `zstd -dc FILE | jq`. A worker with --snapshot FILE puts back what Redis has lost, and reads the journal on from
there; so the journal may be kept for less than for ever. Keep it for longer than late_ms before the oldest snapshot
that is to be of use: the ids of inputs that may still be repeated are read from the journal. Code 2 where Redis holds
nothing, or, of a worker, where the file is of another venue, book or journal.

{EXITS}"""


def add_snapshot(commands: Commands) -> None:
    """The command, with its arguments."""
    snapshot = add_command(commands, "snapshot", "write what Redis holds of a book into a file", HELP)
    snapshot.add_argument("--out", type=Path, required=True, metavar="FILE", help="the file; replaced if it is there")
    snapshot.add_argument("--book", metavar="B", help="which, where the settings name more than one")
    add_config(snapshot)
    snapshot.add_argument("--json", action="store_true", help="print the result as JSON")
    snapshot.set_defaults(run=run_snapshot)


def run_snapshot(chosen: argparse.Namespace) -> int:
    """The command; answers the exit code."""
    with live_extra():
        from streams.live.settings import Settings, SettingsError
        from streams.live.snapshots import SnapshotError, take_snapshot
        from streams.live.tables import Transient
    try:
        settings = Settings.load(chosen.config)
        books = books_of(settings.books, chosen.book)
        if len(books) > 1:
            raise UsageError(f"name one of them by --book: {', '.join(books)}")
        taken = run_async(take_snapshot(settings, books[0], chosen.out))
    except (SettingsError, SnapshotError, Transient) as error:
        raise UsageError(str(error)) from error
    except OSError as error:
        raise UsageError(f"cannot write {chosen.out}: {error.strerror}") from error
    rows = [{"reader": one.source, "position": one.position, "accounts": len(one.accounts)} for one in taken.tables]
    if chosen.json:
        print_json({"book": taken.book, "file": str(chosen.out), "tables": rows})
    else:
        for row in rows:
            print(f"{row['reader']}: at {row['position']}, {row['accounts']} accounts")
    return 0


def restore_all(chosen: argparse.Namespace) -> None:
    """Before a worker starts: what its snapshots hold and Redis does not. Raises UsageError."""
    if chosen.snapshot and chosen.kind == "intake":
        raise UsageError("--snapshot is for workers that keep state; intake keeps none")
    if not chosen.snapshot:
        return
    from streams.live.settings import Settings
    from streams.live.snapshots import SnapshotError, restore_snapshot
    from streams.live.tables import Transient

    try:
        for path in chosen.snapshot:
            restored = run_async(restore_snapshot(Settings.load(chosen.config), path))
            told = f"restored {', '.join(restored)}" if restored else "Redis holds all its tables"
            print(f"rhodian: {path}: {told}", file=sys.stderr)
    except (SnapshotError, Transient) as error:
        raise UsageError(str(error)) from error
