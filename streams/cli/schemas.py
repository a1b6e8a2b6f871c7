"""`rhodian schemas`: the contracts, generated."""

from __future__ import annotations

import argparse
from pathlib import Path

from streams.cli.help import EXITS, Commands, add_command
from streams.cli.live import add_config, live_extra
from streams.contracts import entry_schemas, event_schemas, input_schemas
from streams.exits import FINE, UsageError
from streams.present import json_document

HELP = f"""\
Made from the types that read and write the messages, so they cannot differ from what is read and written.

files in DIR:
  inputs/TYPE.json    what venues and operators write (JSON Schema 2020-12)
  events/TYPE.json    what the world is told: counts, and the decimal texts beside them
  journal/TYPE.json   what shards and the clearing house write into the journal; the other entries are inputs
  asyncapi.json       the topics of the settings, their partitions, headers and messages (AsyncAPI 3)

{EXITS}"""


def add_schemas(commands: Commands) -> None:
    """The command, with its arguments."""
    schemas = add_command(commands, "schemas", "write the contracts of all messages and topics", HELP)
    schemas.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the files go; made if missing")
    add_config(schemas)
    schemas.set_defaults(run=run_schemas)


def run_schemas(chosen: argparse.Namespace) -> int:
    """The command; answers the exit code."""
    with live_extra():
        from streams.live.asyncapi import asyncapi
        from streams.live.settings import Settings, SettingsError
    folders = {"inputs": input_schemas(), "events": event_schemas(), "journal": entry_schemas()}
    try:
        documents = {f"{folder}/{kind}.json": one for folder, some in folders.items() for kind, one in some.items()}
        documents["asyncapi.json"] = asyncapi(Settings.load(chosen.config))
        for name, document in documents.items():
            path = chosen.out / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(json_document(document) + b"\n")
    except SettingsError as error:
        raise UsageError(str(error)) from error
    except OSError as error:
        raise UsageError(f"cannot write to {chosen.out}: {error}") from error
    print(f"{len(documents)} files in {chosen.out}")
    return FINE
