"""Dead letters: every refusal with its original bytes, as one JSON line each, and a count by code."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any, BinaryIO

import orjson

from schemas.codes import Code, Refused
from streams.batch import Source


@dataclass(slots=True)
class Tally:
    """How often a code came up, and where first."""

    count: int
    first: Source


class DeadLetters:
    """Writes refusals to an open binary file, each as one whole line; the file stays the caller's to close.

    A line holds code, name, reason, file, line, topic and the refused bytes: `value` when they are text in UTF-8, else
    `value_base64`. Of a line that is too long they are its beginning, and the reason says how long it is. What a fold
    refuses out of a journal has no original bytes: the value is then the decoded message, written again.
    """

    def __init__(self, file: BinaryIO | None) -> None:
        self._file = file
        self.tallies: dict[Code, Tally] = {}

    def add(self, refused: Refused, source: Source, value: bytes) -> None:
        """Counts a refusal and writes it, if there is a file to write to."""
        tally = self.tallies.setdefault(refused.code, Tally(0, source))
        tally.count += 1
        if self._file is not None:
            self._file.write(letter(refused, source, value))

    def counts(self) -> dict[str, int]:
        """Refusals by the name of their code, in the order of the codes."""
        return {code.name: self.tallies[code].count for code in sorted(self.tallies)}


def letter(refused: Refused, source: Source, value: bytes) -> bytes:
    """One dead letter, line end included."""
    head: dict[str, Any] = {
        "code": int(refused.code),
        "name": refused.code.name,
        "reason": _writable(refused.reason),
        "file": _writable(source.file),
        "line": source.line,
        "topic": source.topic,
    }
    try:
        head["value"] = value.decode()
    except UnicodeDecodeError:
        head["value_base64"] = base64.b64encode(value).decode()
    return orjson.dumps(head, option=orjson.OPT_APPEND_NEWLINE)


def _writable(text: str) -> str:
    """Text that UTF-8 can hold: names of files may carry halves of surrogate pairs for bytes that are no text."""
    return text.encode(errors="backslashreplace").decode()
