"""`rhodian dead-letters`: what was refused, why, and its way back in."""

from __future__ import annotations

import argparse
import base64
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from schemas.codes import Code
from streams.cli.help import EXITS, Commands, add_command
from streams.cli.live import add_config, live_extra
from streams.cli.wait import run_async
from streams.cli.world import print_json, result_console
from streams.exits import FINE, UsageError
from streams.present import Fields, iso

if TYPE_CHECKING:
    from streams.live.letters import Letter, Letters
    from streams.live.settings import Settings

WIDTH = 160  # without a terminal to measure: reasons are long
ACTIONS = ("list", "show", "retry")

HELP = f"""\
list   counts by code, with the first and the last, and how many were sent in again
show   one letter: why it was refused, where it was, its key, headers and bytes
retry  writes letters back to the partition they came from, as they were, or with the value of --edit FILE; the header
       rhodian.retry-of says which letter it was. What was sent in again is marked in the topic of dead letters, and
       not sent in once more unless --again says so. Two people should not retry the same at the same time.

The id of a letter is topic/partition/offset/code. An input keeps its own time: an old one may now be refused as too
late, which --edit can mend; as its id was not taken, the same may stand in it. What is refused again is a new letter.

  rhodian dead-letters list
  rhodian dead-letters show --id trades/0/1234/202
  rhodian dead-letters retry --code UNKNOWN_INSTRUMENT
  rhodian dead-letters retry --id trades/0/1234/202 --edit fixed.json

{EXITS}"""


def add_dead_letters(commands: Commands) -> None:
    """The command, with its arguments."""
    letters = add_command(commands, "dead-letters", "look at what was refused, and send it in again", HELP)
    letters.add_argument("action", choices=ACTIONS, help="what to do")
    letters.add_argument("--code", type=_code, metavar="CODE", help="of this code: its number or its name")
    letters.add_argument("--id", dest="name", metavar="ID", help="this letter")
    letters.add_argument("--edit", type=Path, metavar="FILE", help="retry: with the content of FILE for its value")
    letters.add_argument("--again", action="store_true", help="retry: also what was sent in again before")
    add_config(letters)
    letters.add_argument("--json", action="store_true", help="print the result as JSON")
    letters.set_defaults(run=run_dead_letters)


def _code(text: str) -> Code:
    try:
        return Code(int(text)) if text.isdecimal() else Code[text.upper()]
    except (ValueError, KeyError):
        raise argparse.ArgumentTypeError(f"no such code: {text}") from None


def run_dead_letters(chosen: argparse.Namespace) -> int:
    """The command; answers the exit code."""
    with live_extra():
        from streams.live.letters import read_letters
        from streams.live.settings import Settings, SettingsError
        from streams.live.tables import Transient
    if chosen.action != "retry" and (chosen.edit or chosen.again):
        raise UsageError("--edit and --again belong to retry")
    try:
        settings = Settings.load(chosen.config)
        known = run_async(read_letters(settings))
        letters = known.chosen(chosen.code, chosen.name)
        if chosen.name is not None and not letters:
            raise UsageError(f"no letter {chosen.name}" + (f" of code {chosen.code.name}" if chosen.code else ""))
        if chosen.action == "list":
            _list(letters, known, is_json=chosen.json)
        elif chosen.action == "show":
            _show(letters, chosen)
        else:
            _retry(settings, known, letters, chosen)
    except (SettingsError, Transient) as error:
        raise UsageError(str(error)) from error
    return FINE


def _list(letters: list[Letter], known: Letters, *, is_json: bool) -> None:
    codes = sorted({one.code for one in letters})
    rows = [_row([one for one in letters if one.code is code], known) for code in codes]
    if is_json:
        print_json({"letters": len(letters), "codes": rows})
        return
    console = result_console(WIDTH)
    if rows:
        table = Table("code", "name", "count", "sent again", "first", "last", "id of the last", "its reason")
        for row in rows:
            table.add_row(*(Text(str(value)) for value in row.values()))
        console.print(table)
    console.print(f"{len(letters):,} letters")


def _row(some: list[Letter], known: Letters) -> Fields:
    """One code."""
    last = some[-1]
    return {
        "code": int(last.code), "name": last.code.name, "count": len(some),
        "sent_again": sum(one.name in known.done for one in some), "first": iso(some[0].time_ms),
        "last": iso(last.time_ms), "last_id": last.name, "last_reason": last.reason,
    }  # fmt: skip


def _show(letters: list[Letter], chosen: argparse.Namespace) -> None:
    if chosen.name is None:
        raise UsageError("which letter? name it by --id; list says those of the last")
    letter = letters[0]
    shown: Fields = {
        "id": letter.name, "code": int(letter.code), "name": letter.code.name, "reason": letter.reason,
        "refused": iso(letter.time_ms), "topic": letter.topic, "partition": letter.partition, "offset": letter.offset,
        "key": None if letter.key is None else letter.key.decode(errors="backslashreplace"),
        "headers": {
            name: None if value is None else value.decode(errors="backslashreplace") for name, value in letter.headers
        },
    }  # fmt: skip
    if chosen.json:
        try:
            shown["value"] = letter.value.decode()
        except UnicodeDecodeError:
            shown["value_base64"] = base64.b64encode(letter.value).decode()
        print_json(shown)
        return
    for name, value in shown.items():
        print(f"{name:<10} {value}")
    print(f"value      {len(letter.value)} bytes, as they are:", flush=True)
    sys.stdout.buffer.write(letter.value + b"\n")


def _retry(settings: Settings, known: Letters, letters: list[Letter], chosen: argparse.Namespace) -> None:
    from streams.live.letters import retry

    if chosen.code is None and chosen.name is None:
        raise UsageError("which letters? name a --code or an --id")
    if chosen.edit is not None and chosen.name is None:
        raise UsageError("--edit is for one letter: name it by --id")
    try:
        value = None if chosen.edit is None else chosen.edit.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {chosen.edit}: {error.strerror}") from error
    sent = run_async(retry(settings, known, letters, value=value, again=chosen.again))
    before = [one for one in letters if one not in sent]
    if chosen.json:
        print_json({"sent": [one.name for one in sent], "sent_before": [one.name for one in before]})
        return
    for one in sent:
        print(f"sent {one.name} to {settings.prefix}.{one.topic}, partition {one.partition}")
    if before:
        print(f"{len(before):,} were sent in again before; --again sends them once more")
