"""`rhodian explain`: a file of rules as a ladder with what a loss would take; from events, why somebody lost what."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.table import Table
from rich.text import Text

from schemas.codes import Refused
from schemas.decimals import parse_decimal
from streams.cli.explain_told import add_told
from streams.cli.help import EXITS, Commands, add_command, layout
from streams.cli.show import grouped
from streams.cli.world import print_json, result_console
from streams.exits import FINE, UsageError
from streams.ladder import DEFAULTER, LadderError, explain, read_ladder
from streams.present import Fields

WIDTH = 160  # without a terminal to measure
HELP = f"""\
FILE is a waterfall message as it stands in a log: examples/waterfalls has some, with their sources. What the layers
hold comes from tables: funds.csv and accounts.csv as a replay writes them, or others with these columns:
  --funds     name, cash                    named accounts: @operator/LAYER, @insurance/SCOPE, @guarantee/MEMBER
  --accounts  account, member, equity       members' accounts; gain (of the period) and a column for each instrument,
                                            signed sizes, where layers take from gains or charge positions
A column `book` picks the rows of the file's book. Without a table its layers hold nothing.

{EXITS}"""


def add_explain(commands: Commands) -> None:
    """The command, with its arguments."""
    from streams.cli.parser import time_ms  # it imports this file

    parser = add_command(commands, "explain", "explain rules and what they would do, in plain words", HELP)
    kinds = parser.add_subparsers(title="what", metavar="WHAT", required=True)
    one = kinds.add_parser("waterfall", help="a ladder of layers", epilog=HELP, formatter_class=layout)
    one.add_argument("file", type=Path, metavar="FILE", help="a waterfall message, JSON")
    one.add_argument("--funds", type=Path, metavar="CSV", help="balances of named accounts")
    one.add_argument("--accounts", type=Path, metavar="CSV", help="accounts of members")
    one.add_argument("--loss", type=_amount, metavar="X", help="a loss, in the settlement asset")
    one.add_argument("--member", default=DEFAULTER, metavar="M", help=f"whose loss it is (default {DEFAULTER})")
    one.add_argument("--scope", metavar="S", help="the insurance scope of the loss (default the book's)")
    one.add_argument("--at", type=time_ms, metavar="TIME", help="when its window opens (default the message's time)")
    one.add_argument("--json", action="store_true", help="print the result as JSON")
    one.set_defaults(run=run_explain)
    add_told(kinds)


def run_explain(chosen: argparse.Namespace) -> int:
    """The command; answers the exit code."""
    try:
        more = [] if chosen.loss is None else [chosen.loss]
        ladder = read_ladder(chosen.file, chosen.funds, chosen.accounts, chosen.at, more)
        found = explain(ladder, chosen.loss, chosen.member, chosen.scope)
    except LadderError as error:
        raise UsageError(str(error)) from error
    if chosen.json:
        print_json(found)
    else:
        _print(found)
    return FINE


def _amount(text: str) -> str:
    try:
        mantissa, _ = parse_decimal(text)
    except Refused as refused:
        raise argparse.ArgumentTypeError(refused.reason) from None
    if mantissa < 0:
        raise argparse.ArgumentTypeError(f"expected an amount of zero or more, found {text!r}")
    return text


def _print(found: Fields) -> None:
    console = result_console(WIDTH)
    console.print(Text(f"{found['book']}, version {found['version']}, by {found['author']}", style="bold"))
    console.print(Text(found["reason"]))
    console.print(_rungs(found))
    if "payers" in found:
        console.print(_who(found))


def _rungs(found: Fields) -> Table:
    title = (
        f"A loss of {grouped(found['loss'])} of {found['defaulter']}"
        if "loss" in found
        else "Layers, first drawn first"
    )
    table = Table(title=title, title_justify="left")
    for name in ("rank", "layer", "kind", "what it is"):
        table.add_column(name, overflow="fold")
    amounts = ["available", *(("drawn", "left") if "loss" in found else ())]
    for name in amounts:
        table.add_column(name, justify="right")
    for rung in found["layers"]:
        cells = [str(rung["rank"]), rung["layer"], rung["kind"], rung["says"]]
        table.add_row(*(Text(cell) for cell in cells), *(grouped(rung[name]) if rung[name] else "" for name in amounts))
    return table


def _who(found: Fields) -> Table:
    table = Table(title="Who pays", title_justify="left")
    for name in ("layer", "payer"):
        table.add_column(name, overflow="fold")
    for name in ("pays", "before", "after"):
        table.add_column(name, justify="right")
    for row in found["payers"]:
        within = row["role"].startswith("accounts/")
        name = {"premium": f"{row['payer']} (premium)"}.get(row["role"], row["payer"])
        cells = (row["layer"], f"  {name}" if within else name, *(grouped(row[x]) for x in ("pays", "before", "after")))
        table.add_row(*(Text(cell) for cell in cells))
    return table
