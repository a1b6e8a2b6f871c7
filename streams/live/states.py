"""What a reader writes down, as fields of text that a person can read (RULEBOOK 14.7): of itself, and of each account.

The inputs whose ids are remembered are not among them: they stand in the journal, and are read again from `Seen.start`.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from msgspec import Struct

from engine.saved.book import load_book, remember, save_common
from engine.saved.clearing import load_clearing, save_clearing
from engine.saved.shard import load_shard, save_accounts, save_rest
from engine.shard.door import Shard
from schemas.message import Input
from streams.live.fold import Fold, Seen
from streams.live.frames import InputsFrame
from streams.reader import Reader

Fields = dict[str, bytes]
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class Stand(Struct, frozen=True):
    """A reader beside its machine: who it is, what it has seen and said, and where remembered inputs begin."""

    source: str
    shards: int
    numbered: int
    last: dict[str, int]
    seen: Seen


class Saved(Struct, frozen=True):
    """Everything that was written down of one reader."""

    fields: Fields
    accounts: Fields


def fields_of(fold: Fold) -> Fields:
    """The fields of an open reader."""
    reader = fold.open_reader()
    machine = reader.machine
    stage = reader.book.seq, reader.book.wind_down
    if fold.common[0] != stage:
        parts = {f"book.{name}": _encode(value) for name, value in save_common(reader.book).items()}
        fold.common = stage, parts
    rest = save_rest(machine.state) if isinstance(machine, Shard) else save_clearing(machine)
    part = "shard" if isinstance(machine, Shard) else "clearing"
    own = {f"{part}.{name}": _encode(value) for name, value in rest.items()}
    stand = Stand(reader.source, reader.shards, reader.numbered, dict(sorted(reader.last.items())), fold.seen())
    return {**fold.common[1], **own, "reader": _encode(stand)}


def accounts_of(fold: Fold) -> Fields:
    """The accounts that changed since the last time, which are noted no longer."""
    machine = fold.open_reader().machine
    if not isinstance(machine, Shard):
        return {}
    accounts = machine.state.accounts
    found = {name: _encode(document) for name, document in save_accounts(machine.state, accounts.changed)}
    accounts.changed.clear()
    return found


def stand_of(saved: Saved) -> Stand:
    """Who wrote it, and where it stood."""
    return msgspec.json.decode(saved.fields["reader"], type=Stand)


@contextmanager
def uncollected() -> Iterator[None]:
    """Many objects that stay are made: looking for garbage among them again and again takes longer than making them."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


@uncollected()
def load(saved: Saved, frames: Iterable[InputsFrame]) -> Reader:
    """The reader as it was; `frames` are those of the journal from `Seen.start` on, up to where it stood."""
    stand = stand_of(saved)
    book = load_book(_part(saved, "book") | {"seen": []})
    for message in _remembered(stand, frames):
        remember(book, message)
    if stand.source == "clearing":
        return Reader(book, load_clearing(book, _part(saved, "clearing")), stand.source, 1, stand.last, stand.numbered)
    index = int(stand.source.rpartition("/")[2])
    shard = load_shard(book, index, stand.shards, [_shard_document(saved)], takes_ledger=True)
    shard.state.accounts.changed.clear()
    return Reader(book, shard, stand.source, stand.shards, stand.last, stand.numbered)


def succeed(saved: list[Saved], change: int, index: int, shards: int, frames: Iterable[InputsFrame]) -> Reader:
    """Shard `index` of a new P, from what all shards of the old one wrote down at the change (2a.9)."""
    stand = stand_of(saved[0])
    book = load_book(_part(saved[0], "book") | {"seen": []})
    for message in _remembered(stand, frames):
        remember(book, message)
    machine = load_shard(book, index, shards, [_shard_document(one) for one in saved], takes_ledger=index == 0)
    return Reader(book, machine, f"margin/{change}/{index}", shards, dict(stand.last))


def _part(saved: Saved, name: str) -> dict[str, Any]:
    prefix = f"{name}."
    return {key.removeprefix(prefix): _decode(value) for key, value in saved.fields.items() if key.startswith(prefix)}


def _shard_document(saved: Saved) -> dict[str, Any]:
    return {"accounts": saved.accounts, "rest": _part(saved, "shard")}


def _remembered(stand: Stand, frames: Iterable[InputsFrame]) -> list[Input]:
    """The last accepted inputs: new when they came, not passed over, and not beyond where the reader stood."""
    seen, marks = stand.seen, dict(stand.seen.marks)
    passed = {(source, offset) for source, offset in seen.passed}
    found: list[Input] = []
    for frame in frames:
        for message, (source, offset) in zip(frame.messages, frame.places(), strict=True):
            if marks.get(source, -1) < offset <= stand.last.get(source, -1):
                marks[source] = offset
                if (source, offset) not in passed:
                    found.append(message)
    return found[len(found) - seen.count :]
