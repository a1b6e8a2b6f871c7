"""`rhodian verify`: what Redis and the journal say, beside what the journal gives."""

from __future__ import annotations

import argparse

from rich.table import Table
from rich.text import Text

from streams.cli.from_kafka import books_of
from streams.cli.help import EXITS, Commands, add_command
from streams.cli.live import add_config, live_extra
from streams.cli.wait import run_async
from streams.cli.world import print_json, result_console
from streams.exits import FINDINGS, FINE, HALTED, UsageError
from streams.present import Fields

WIDTH = 140  # without a terminal to measure

HELP = f"""\
State is computed anew from the beginning of the journal, entry by entry. Every recorded report and decision is compared
with the recomputed one, every table in Redis, account by account, with what its reader should hold at the position that
the table states; workers may run meanwhile. The first difference of the journal and of each table is named.

Code 1: a table differs, or is missing. A reader whose table is removed builds it again from the journal.
Code 3: the journal is not what is recomputed.

{EXITS}"""


def add_verify(commands: Commands) -> None:
    """The command, with its arguments."""
    verify = add_command(commands, "verify", "compare Redis and the journal with what the journal gives", HELP)
    add_config(verify)
    verify.add_argument("--book", metavar="B", help="this book only; default: all of the settings")
    verify.add_argument("--json", action="store_true", help="print the result as JSON")
    verify.set_defaults(run=run_verify)


def run_verify(chosen: argparse.Namespace) -> int:
    """The command; answers the exit code."""
    with live_extra():
        from streams.live.replaying import Truncated
        from streams.live.settings import Settings, SettingsError
        from streams.live.tables import Transient
        from streams.live.verify import verify
    try:
        settings = Settings.load(chosen.config)
        books = [run_async(verify(settings, book)) for book in books_of(settings.books, chosen.book)]
    except (SettingsError, Transient, Truncated) as error:
        raise UsageError(str(error)) from error
    if chosen.json:
        print_json({"same": all(book["same"] for book in books), "books": books})
    else:
        for book in books:
            _print(book)
    if any(book["journal"]["difference"] for book in books):
        return HALTED
    return FINE if all(book["same"] for book in books) else FINDINGS


def _print(book: Fields) -> None:
    console, journal = result_console(WIDTH), book["journal"]
    table = Table("reader", "position", "behind", "accounts", "digest", "result")
    table.title, table.title_justify = Text(f"{book['book']}", style="bold"), "left"
    for one in book["tables"]:
        cells = [one["reader"], f"{one['position']:,}", f"{one['behind']:,}", f"{one['accounts']:,}", one["digest"]]
        table.add_row(*map(Text, cells), Text(one["result"] if one["difference"] is None else one["difference"]))
    for source in book["missing"]:
        table.add_row(Text(source), "-", "-", "-", "-", "missing: nothing is written down of it")
    console.print(table)
    counts = f"{journal['inputs']:,} inputs, {journal['reports']:,} reports, {journal['decisions']:,} decisions"
    awaited = sum(journal["awaited"].values())
    told = journal["difference"] or "all are what is recomputed" + (f"; {awaited:,} not said yet" if awaited else "")
    console.print(Text(f"journal: {journal['records']:,} records, {counts}: {told}"))
    if book["balances_digest"]:
        console.print(Text(f"balances digest at its end: {book['balances_digest']}"))
