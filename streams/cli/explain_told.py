"""`rhodian explain loss` and `rhodian explain liquidation`: what events tell of one member or account, in words."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from streams.cli.help import EXITS, Commands, layout
from streams.cli.world import print_json
from streams.exits import FINE, UsageError
from streams.explain_liquidation import liquidation_lines, liquidations_of
from streams.explain_loss import losses_of
from streams.logs import LogsError
from streams.loss_words import loss_lines
from streams.present import Fields
from streams.told import Absent, read_events

HELP = f"""\
EVENTS is an events.jsonl as a replay writes it (plain, .gz or .zst), or - for stdin. Nothing else is read: who has the
events can recompute all of it. Sections are those of docs/rulebook.md.

  rhodian explain loss result/events.jsonl --member bob
  rhodian explain liquidation result/events.jsonl --account dave/btc

{EXITS}"""


def add_told(kinds: Commands) -> None:
    """Both kinds, with their arguments."""
    loss = _add(kinds, "loss", "what a member lost by defaults, and why")
    loss.add_argument(
        "--member", dest="name", required=True, metavar="M", help="a member, or a fund as @insurance/BOOK"
    )
    loss.set_defaults(find=losses_of, lines=loss_lines)
    one = _add(kinds, "liquidation", "how an account was liquidated, step by step")
    one.add_argument("--account", dest="name", required=True, metavar="A", help="an account")
    one.set_defaults(find=liquidations_of, lines=liquidation_lines)


def _add(kinds: Commands, name: str, about: str) -> argparse.ArgumentParser:
    parser = kinds.add_parser(name, help=about, description=about, epilog=HELP, formatter_class=layout)
    parser.add_argument("events", type=Path, metavar="EVENTS", help="an events.jsonl, or - for stdin")
    parser.add_argument("--json", action="store_true", help="print the facts as JSON")
    parser.set_defaults(run=run_told)
    return parser


def run_told(chosen: argparse.Namespace) -> int:
    """The command; answers the exit code."""
    find: Callable[[Iterable[Fields], str], Fields] = chosen.find
    lines: Callable[[Fields], Iterator[str]] = chosen.lines
    try:
        found = find(read_events(chosen.events), chosen.name)
        if chosen.json:
            print_json(found)
        else:
            print("\n".join(lines(found)))
    except (Absent, LogsError) as error:
        raise UsageError(f"{chosen.events}: {error}" if isinstance(error, Absent) else str(error)) from error
    except (KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{chosen.events}: an event is not what the schemas say: {error!r}") from error
    return FINE
