"""A journal in a file, `journal.jsonl` (RULEBOOK 16.3): one entry a line, in log order, with where it came from.

`{"entry":7,"topic":"trades","line":3,"value":{...}}`: `entry` counts from 1. An input has the topic and the line of the
log it was read from (line 0: a heartbeat of ours) and is written as decoded: every field, defaults too. What shards and
the clearing house said has the topic `reports` or `decisions` and line 0. The value names its type and its book.

That is version 1, of a run that has no repeats. Version 2 is written where the journal is that of a live system, whose
entries come in envelopes: `{"v":2,"entry":7,"topic":"trades","source":"trades/0","number":3,"value":{...}}`. `source`
is the partition of an input topic, with the offset as its `number`, or who said it, with the running number of what he
said; of a report and a decision, `shard` and `shards` say which of how many. Repeats are dropped by source and number
before anything is written; inputs that the fold refuses are entries of such a journal, as they are of the live one.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO

import msgspec
from msgspec import Raw, Struct

from schemas.codes import Refused
from schemas.decode import decode
from schemas.inputs import TOPIC_OF, TOPICS
from schemas.journal import Answer, AnyEntry, Decision, Declared, Moved, Paid, Raised, Retired
from schemas.message import Input
from streams.logs import BLOCK_BYTES, SUFFIXES, LogsError
from streams.reader import Record
from streams.unpack import GZ_READ_BYTES, ZST_READ_BYTES, Cut, gunzip, unzstd

REPORTS, DECISIONS = "reports", "decisions"
_REPORTS = (Raised, Moved, Declared, Paid, Answer, Retired)
_encode = msgspec.json.Encoder().encode


class _Line(Struct, frozen=True, forbid_unknown_fields=True):
    entry: int
    topic: str
    value: Raw
    v: int = 1
    line: int | None = None
    source: str | None = None
    number: int | None = None
    shard: int = 0
    shards: int = 1


class JournalEntry(Struct, frozen=True):
    """One entry of a dump; `live` is its envelope in version 2."""

    entry: int
    topic: str
    line: int
    value: Input | AnyEntry
    live: Record | None = None

    @property
    def record(self) -> Record:
        """The entry in its envelope; a dump without any has one writer, who numbers all."""
        return self.live or Record("journal", self.entry, self.value)


_LINE = msgspec.json.Decoder(_Line)
_REPORT = msgspec.json.Decoder(Raised | Moved | Declared | Paid | Answer | Retired)
_DECISION = msgspec.json.Decoder(Decision)


def journal_line(entry: int, record: Input | AnyEntry, topic: str = "", line: int = 0) -> bytes:
    """One line of a dump, line end included; `topic` and `line` are the source of an input."""
    if not isinstance(record, Input):
        topic, line = (REPORTS if isinstance(record, _REPORTS) else DECISIONS), 0
    return b'{"entry":%d,"topic":"%s","line":%d,"value":%b}\n' % (entry, topic.encode(), line, _encode(record))


def live_line(entry: int, record: Record) -> bytes:
    """One line of a dump of version 2, line end included."""
    topic, source = _encode(_topic_of(record.body)), _encode(record.source)
    head = b'{"v":2,"entry":%d,"topic":%b,"source":%b,"number":%d' % (entry, topic, source, record.number)
    shard = b"" if isinstance(record.body, Input) else b',"shard":%d,"shards":%d' % (record.shard, record.shards)
    return head + shard + b',"value":%b}\n' % _encode(record.body)


def live_entry(entry: int, record: Record) -> JournalEntry:
    """An entry of a live journal, as it stands in a dump."""
    return JournalEntry(entry, _topic_of(record.body), record.number, record.body, record)


def _topic_of(value: Input | AnyEntry) -> str:
    if isinstance(value, Input):
        return TOPIC_OF[type(value)]
    return REPORTS if isinstance(value, _REPORTS) else DECISIONS


def read_journal(path: Path) -> Iterator[JournalEntry]:
    """The entries of a dump (plain, .gz or .zst). Raises LogsError where it is not one: a dump is never half right.

    An entry that is missing or out of its place is seen by its number, though nothing that others say may tell of it.
    """
    try:
        with path.open("rb") as file:
            for number, text in enumerate(lines_of(unpacked(path, file)), 1):
                found = _entry(path, number, text)
                if found.entry != number:
                    raise LogsError(f"{path.name}, line {number}: entry {found.entry} stands where {number} should")
                yield found
    except Cut as cut:
        raise LogsError(f"{path.name}: {cut}") from cut
    except OSError as error:
        raise LogsError(f"cannot read {path}: {error.strerror}") from error


def _entry(path: Path, number: int, text: bytes) -> JournalEntry:
    try:
        head = _LINE.decode(text)
        value: Input | AnyEntry
        if head.topic in TOPICS:
            value = decode(bytes(head.value), head.topic)
        else:
            value = {REPORTS: _REPORT, DECISIONS: _DECISION}[head.topic].decode(head.value)
        return _placed(head, value)
    except (ValueError, KeyError, Refused) as error:
        raise LogsError(f"{path.name}, line {number}: not an entry of a journal: {error}") from error


def _placed(head: _Line, value: Input | AnyEntry) -> JournalEntry:
    """With its place, as the version of its line says it. Raises ValueError."""
    if head.v == 2 and head.source is not None and head.number is not None and head.line is None:
        return live_entry(head.entry, Record(head.source, head.number, value, head.shard, head.shards))
    if head.v == 1 and head.line is not None and head.source is None and head.number is None:
        return JournalEntry(head.entry, head.topic, head.line, value)
    raise ValueError(f"expected `line` in version 1, `source` and `number` in version 2, found version {head.v}")


def find_journal(directory: Path) -> Path | None:
    """The journal dump of a directory, if it has one. Raises LogsError where there are two."""
    try:
        names = {path.name for path in directory.iterdir() if path.is_file()}
    except OSError as error:
        raise LogsError(f"cannot read the directory {directory}: {error.strerror}") from error
    found = [f"journal{suffix}" for suffix in SUFFIXES if f"journal{suffix}" in names]
    if len(found) > 1:
        raise LogsError(f"two journals: {', '.join(found)} in {directory}; name the one that is meant")
    return directory / found[0] if found else None


def unpacked(path: Path, file: BinaryIO) -> Iterator[bytes]:
    """The content of a file (plain, .gz or .zst) in pieces. Raises Cut."""
    if path.suffix == ".gz":
        return gunzip(iter(partial(file.read, GZ_READ_BYTES), b""), BLOCK_BYTES)
    if path.suffix == ".zst":
        return unzstd(iter(partial(file.read, ZST_READ_BYTES), b""))
    return iter(partial(file.read, BLOCK_BYTES), b"")


def lines_of(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Lines without their ends; an answer of many accounts may be a line of many pieces."""
    begun: list[bytes] = []
    for piece in pieces:
        first, *others = piece.split(b"\n")
        begun.append(first)
        if others:
            yield b"".join(begun)
            yield from others[:-1]
            begun = others[-1:]
    if any(begun):
        yield b"".join(begun)
