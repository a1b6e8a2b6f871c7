"""Events read back from events.jsonl, or from stdin: what was told is all that there is to explain."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from functools import partial
from pathlib import Path

from engine.names import member_of
from schemas.decimals import decimal_text
from streams.journal import lines_of, unpacked
from streams.logs import BLOCK_BYTES, LogsError
from streams.present import Fields
from streams.unpack import Cut

HEAD = {"type", "book", "seq", "time", "subject", "versions"}


class Absent(ValueError):
    """Nobody of this name is in the events."""


def read_events(path: Path) -> Iterator[Fields]:
    """The events of a file (plain, .gz or .zst; `-`: stdin, plain), in their order. Raises LogsError."""
    is_stdin = str(path) == "-"
    try:
        with nullcontext(sys.stdin.buffer) if is_stdin else path.open("rb") as file:
            pieces = iter(partial(file.read, BLOCK_BYTES), b"") if is_stdin else unpacked(path, file)
            for number, text in enumerate(lines_of(pieces), 1):
                yield _event(f"{path.name}, line {number}", text)
    except Cut as cut:
        raise LogsError(f"{path.name}: {cut}") from cut
    except OSError as error:
        raise LogsError(f"cannot read {path}: {error.strerror}") from error


def _event(where: str, text: bytes) -> Fields:
    try:
        found = json.loads(text)  # exact for integers of any size
    except ValueError as error:
        raise LogsError(f"{where}: not JSON: {error}") from error
    if not isinstance(found, dict) or not found.keys() >= HEAD:
        raise LogsError(f"{where}: not an event: expected an object with {', '.join(sorted(HEAD))}")
    return found


def is_of(name: str, member: str) -> bool:
    """Whether a name is the member's, or that of an account of it.

    >>> is_of("dave/btc", "dave"), is_of("@insurance/perp", "@insurance/perp"), is_of("dave/btc", "dav")
    (True, True, False)
    """
    return name == member or member_of(name) == member


def versions(event: Fields) -> str:
    """The rules that an event names."""
    return ", ".join(f"{name} version {number}" for name, number in event["versions"].items())


def total(rows: Iterable[Fields], name: str, text: str) -> str:
    """The sum of a count, with the decimals that its text has in the first row; zero of none."""
    found = list(rows)
    decimals = len(found[0][text].partition(".")[2]) if found else 0
    return decimal_text(sum(row[name] for row in found), decimals)
