"""Frames of the journal: one Kafka record holds many entries, as lines of JSON that any tool reads.

The first line says what follows. Of inputs: `sources` are the partitions they came from (`trades/0`), and `runs` tell
the lines apart, [source, first offset, count] each; every line is the value as its producer wrote it, on one line, and
`keys` and `headers` are what stood beside it, where something did. Of entries: who wrote them, and the number of the
first in that writer's count. Bytes that are no text are written as Latin-1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import compress, pairwise
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from schemas.codes import Halt, Refused
from schemas.decode import decode_chunk
from schemas.journal import AnyEntry
from schemas.message import Input

VERSION = 1
CLOCK = "clock/0"  # the source of heartbeats of ours
Headers = list[tuple[str, str | None]]  # a producer may give a name alone
Place = Annotated[int, Meta(ge=0)]


class InputsHead(Struct, frozen=True, tag="inputs", tag_field="type", forbid_unknown_fields=True, omit_defaults=True):
    """The first line of a frame of inputs."""

    v: int
    sources: list[str]
    runs: list[tuple[Place, Place, Place]]
    keys: list[str | None] = []
    headers: dict[int, Headers] = {}


class EntriesHead(Struct, frozen=True, tag="entries", tag_field="type", forbid_unknown_fields=True):
    """The first line of a frame of reports or decisions."""

    v: int
    source: str
    first: Place
    shard: Place
    shards: Place


@dataclass(frozen=True, slots=True)
class Raw:
    """One record of an input topic. `source` is its partition."""

    source: str
    offset: int
    value: bytes
    key: bytes | None = None
    headers: tuple[tuple[str, bytes | None], ...] = ()


@dataclass(frozen=True, slots=True)
class Lines:
    """Records of one source, in order, as columns."""

    source: str
    offsets: list[int]
    values: list[bytes]
    keys: list[bytes | None]
    headers: list[tuple[tuple[str, bytes | None], ...]]

    def __getitem__(self, part: slice) -> Lines:
        """Some of them."""
        return Lines(self.source, self.offsets[part], self.values[part], self.keys[part], self.headers[part])

    def raw(self, place: int) -> Raw:
        """One of them."""
        return Raw(self.source, self.offsets[place], self.values[place], self.keys[place], self.headers[place])

    def only(self, mask: Sequence[bool]) -> Lines:
        """Those that a mask chooses."""
        offsets, values = list(compress(self.offsets, mask)), list(compress(self.values, mask))
        return Lines(self.source, offsets, values, list(compress(self.keys, mask)), list(compress(self.headers, mask)))


@dataclass(frozen=True, slots=True)
class InputsFrame:
    """Inputs in log order, with their places in their sources; `lines` are the original values."""

    head: InputsHead
    messages: list[Input]
    lines: list[bytes]

    def places(self) -> Iterator[tuple[str, int]]:
        """Source and offset of each line."""
        for source, first, count in self.head.runs:
            name = self.head.sources[source]
            yield from ((name, offset) for offset in range(first, first + count))

    def raw(self, line: int) -> Raw:
        """One line as the record that it was."""
        source, offset = next(place for at, place in enumerate(self.places()) if at == line)
        key = self.head.keys[line] if self.head.keys else None
        headers = self.head.headers.get(line, [])
        return Raw(
            source, offset, self.lines[line], None if key is None else key.encode("latin-1"),
            tuple((name, None if value is None else value.encode("latin-1")) for name, value in headers),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class EntriesFrame:
    """Reports or decisions of one writer, numbered from `head.first`."""

    head: EntriesHead
    entries: list[AnyEntry]


Frame = InputsFrame | EntriesFrame
_HEAD = msgspec.json.Decoder(InputsHead | EntriesHead)
_ENTRY = msgspec.json.Decoder(AnyEntry)
_encode = msgspec.json.Encoder().encode


def encode_inputs(raws: list[Raw]) -> bytes:
    """A frame of decoded, good values in the order in which they shall stand."""
    return encode_lines([Lines(raw.source, [raw.offset], [raw.value], [raw.key], [raw.headers]) for raw in raws])


def encode_lines(parts: list[Lines]) -> bytes:
    """The same of stretches."""
    sources: dict[str, int] = {}
    runs: list[tuple[int, int, int]] = []
    for part in parts:
        number = sources.setdefault(part.source, len(sources))
        for first, count in _consecutive(part.offsets):
            if runs and runs[-1][0] == number and runs[-1][1] + runs[-1][2] == first:
                first, count = runs[-1][1], runs.pop()[2] + count
            runs.append((number, first, count))
    keys = [None if key is None else key.decode("latin-1") for part in parts for key in part.keys]
    headers = [found for part in parts for found in part.headers]
    told = {
        place: [(name, None if value is None else value.decode("latin-1")) for name, value in found]
        for place, found in enumerate(headers)
        if found
    }
    head = InputsHead(VERSION, list(sources), runs, keys if any(key is not None for key in keys) else [], told)
    values = [value for part in parts for value in part.values]
    if any(b"\n" in value for value in values):
        values = [value if b"\n" not in value else msgspec.json.format(value, indent=-1) for value in values]
    return b"\n".join([_encode(head), *values])


def _consecutive(offsets: list[int]) -> list[tuple[int, int]]:
    """First and count of each run of consecutive numbers."""
    if offsets[-1] - offsets[0] == len(offsets) - 1:
        return [(offsets[0], len(offsets))]
    starts = [0, *(at for at, (one, other) in enumerate(pairwise(offsets), 1) if other != one + 1), len(offsets)]
    return [(offsets[start], stop - start) for start, stop in pairwise(starts)]


def encode_entries(source: str, first: int, shard: int, shards: int, entries: list[AnyEntry]) -> bytes:
    """A frame of consecutive entries of one writer."""
    head = EntriesHead(VERSION, source, first, shard, shards)
    return b"\n".join([_encode(head), *map(_encode, entries)])


def decode_frame(value: bytes | None) -> Frame:
    """A record of the journal. Halts on anything that is not a frame: the log is never guessed at."""
    try:
        first, *lines = (value or b"").split(b"\n")
        head = _HEAD.decode(first)
        if head.v != VERSION:
            raise ValueError(f"version {head.v} of frames is not known here")
        if isinstance(head, EntriesHead):
            return EntriesFrame(head, [_ENTRY.decode(line) for line in lines])
        return _inputs(head, lines)
    except ValueError as error:
        raise Halt(f"a record of the journal is no frame: {error}") from error


def _inputs(head: InputsHead, lines: list[bytes]) -> InputsFrame:
    if sum(count for _, _, count in head.runs) != len(lines) or (head.keys and len(head.keys) != len(lines)):
        raise ValueError("its head does not count its lines")
    if any(source >= len(head.sources) for source, _, _ in head.runs):
        raise ValueError("its head names no such source")
    messages: list[Input] = []
    for message in decode_chunk(lines, None):
        if isinstance(message, Refused):
            raise ValueError(f"it holds an input that intake would refuse: {message}")
        messages.append(message)
    return InputsFrame(head, messages, lines)
