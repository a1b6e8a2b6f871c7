"""Snapshots of a book: every table that Redis holds of it, in a file, each with its position in the journal.

A worker that begins with one puts it back into Redis, where its tables are not there, before it starts; the journal
then brings them to the present, as after any loss. So a journal may forget what lies before the snapshot.
"""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import Any, Literal, cast

import msgspec
import zstandard
from msgspec import Raw, Struct
from redis.asyncio import Redis
from redis.exceptions import RedisError

from schemas.codes import Halt
from streams.live.connect import redis_arguments
from streams.live.journal import Journal
from streams.live.settings import Settings
from streams.live.shards import numbers_of, shards_key
from streams.live.stored import Stored, stored_tables
from streams.live.tables import Transient

# ARGV: position, number of state fields, then fields and values. What is there, by whomever, stays.
RESTORE = """
if redis.call('HEXISTS', KEYS[1], 'reader') == 1 then return 0 end
redis.call('DEL', KEYS[2])
local split = 2 + 2 * tonumber(ARGV[2])
for at = 3, split, 2 do redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 1]) end
for at = split + 1, #ARGV, 2 do redis.call('HSET', KEYS[2], ARGV[at], ARGV[at + 1]) end
redis.call('HSET', KEYS[1], 'position', ARGV[1])
return 1
"""


class SnapshotError(ValueError):
    """A file that is no snapshot, or none of this book and journal; or nothing to take one of."""


class SnapshotTable(Struct, frozen=True, forbid_unknown_fields=True):
    """One table. `before`: sha256 of the record before its position, by which the journal is known again."""

    source: str
    position: int
    before: str
    fields: dict[str, Raw]
    accounts: dict[str, Raw]


class Snapshot(Struct, frozen=True, forbid_unknown_fields=True):
    """The file, as zstd of JSON. `shards`: the P of each change so far, as Redis remembers them."""

    v: Literal[1]
    prefix: str
    book: str
    shards: dict[str, int]
    tables: list[SnapshotTable]


async def take_snapshot(settings: Settings, book: str, path: Path) -> Snapshot:
    """Write the file, whole or not at all. Workers may run. Raises SnapshotError, Transient, OSError."""
    stored = await stored_tables(settings, book)
    if not stored:
        raise SnapshotError(f"Redis holds nothing of {book}")
    async with Journal(settings) as journal, Redis.from_url(**redis_arguments(settings)) as redis:
        partition = settings.books.index(book)
        tables = [_table(one, await _before(journal, partition, one.position)) for one in stored]
        numbers = await numbers_of(redis, settings, book)
    shards = {str(change): count for change, count in numbers.items()}
    snapshot = Snapshot(1, settings.prefix, book, shards, tables)
    beside = path.with_name(f"{path.name}.part")
    beside.write_bytes(zstandard.ZstdCompressor().compress(msgspec.json.encode(snapshot)))
    beside.replace(path)
    return snapshot


async def restore_snapshot(settings: Settings, path: Path) -> list[str]:
    """Put the tables of a file into Redis where it holds none; whose they are. Raises SnapshotError, Transient."""
    snapshot = read_snapshot(path)
    if snapshot.prefix != settings.prefix or snapshot.book not in settings.books:
        books = ", ".join(settings.books)
        raise SnapshotError(
            f"{path} is of book {snapshot.book} under {snapshot.prefix}: here are {books} under {settings.prefix}"
        )
    async with Journal(settings) as journal:
        for table in snapshot.tables:
            now = await _before(journal, settings.books.index(snapshot.book), table.position)
            if now != table.before:
                raise SnapshotError(f"{path} is of another journal: its record before {table.position} differs")
    try:
        async with asyncio.timeout(settings.deadline_s), Redis.from_url(**redis_arguments(settings)) as redis:
            for change, count in snapshot.shards.items():
                await cast(Any, redis.hsetnx(shards_key(settings, snapshot.book), change, str(count)))
            return [table.source for table in snapshot.tables if await _restored(redis, snapshot, table)]
    except (RedisError, OSError, TimeoutError) as error:
        raise Transient(f"Redis: {type(error).__name__} {error}") from error


def read_snapshot(path: Path) -> Snapshot:
    """A file. Raises SnapshotError."""
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(zstandard.ZstdDecompressor().stream_reader(file).read(), type=Snapshot)
    except OSError as error:
        raise SnapshotError(f"cannot read {path}: {error.strerror}") from error
    except (zstandard.ZstdError, msgspec.DecodeError) as error:
        raise SnapshotError(f"{path} is no snapshot: {error}") from error


async def _restored(redis: Redis, snapshot: Snapshot, table: SnapshotTable) -> bool:
    name = f"{{{snapshot.prefix}:{snapshot.book}:{table.source}}}"
    pairs = [*table.fields.items(), *table.accounts.items()]
    arguments = [part for field, value in pairs for part in (field, bytes(value))]
    answer = redis.eval(
        RESTORE, 2, f"{name}:state", f"{name}:accounts", table.position, len(table.fields), *cast(Any, arguments)
    )
    return bool(await cast(Any, answer))


async def _before(journal: Journal, partition: int, position: int) -> str:
    """A digest of the record before a position. Raises SnapshotError where the journal does not hold it."""
    first, end = await journal.ends(partition)
    if not first < position <= end:
        raise SnapshotError(f"a table stands at {position}, but the journal holds {first} to {end}")
    try:
        (value,) = await journal.frames(partition, position - 1, position)
    except Halt as halt:
        raise SnapshotError(str(halt)) from halt
    return hashlib.sha256(value).hexdigest()


def _table(stored: Stored, before: str) -> SnapshotTable:
    fields = {name: Raw(value) for name, value in stored.saved.fields.items()}
    accounts = {name: Raw(value) for name, value in stored.saved.accounts.items()}
    return SnapshotTable(stored.source, stored.position, before, fields, accounts)
