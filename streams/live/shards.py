"""Changes of P (RULEBOOK 2a.9): which number of shards keeps a book, and what a successor begins with.

Each change has its own tables, `margin/<change>/<index>`, and the hash `{<prefix>:<book>}:shards` says the P of each.
An old shard writes `retired`, the new P, into its table with all that it published; when all have, successors begin.
Redis only remembers this: what it has lost is found in the journal again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any, cast

import msgspec
from redis.asyncio import Redis

from schemas.codes import Halt, Refused
from schemas.governed import BookMessage
from streams.live.frames import InputsFrame, decode_frame
from streams.live.journal import Journal
from streams.live.lineage import Heritage, Lineage, roles_of
from streams.live.readers import Role
from streams.live.settings import Settings
from streams.live.states import Saved, Stand, stand_of
from streams.live.tables import Table, bounded, table_of

STRETCH = 500  # frames
_RESHARD = b'"reshard"'


def shards_key(settings: Settings, book: str) -> str:
    """The hash of P by change."""
    return f"{{{settings.prefix}:{book}}}:shards"


async def numbers_of(redis: Redis, settings: Settings, book: str) -> dict[int, int]:
    """P by change, as it stands in Redis; none until a shard has written its first table. Raises Transient."""
    async with bounded(settings.deadline_s):
        found = await cast(Any, redis.hgetall(shards_key(settings, book)))
    return {int(change): int(shards) for change, shards in found.items()}


async def readers_of(redis: Redis, settings: Settings, book: str) -> list[Role]:
    """The clearing house, and all shards of the last P, which may be about to begin. Raises Transient."""
    numbers = await numbers_of(redis, settings, book) or {0: settings.shards}
    return [Role(), *roles_of(numbers, max(numbers))]


class Shards:
    """The numbers of shards of one book."""

    def __init__(self, settings: Settings, redis: Redis, journal: Journal, partition: int) -> None:
        self.settings, self.redis, self.journal, self.partition = settings, redis, journal, partition
        self.book = settings.books[partition]
        self.key = shards_key(settings, self.book)

    def table(self, role: Role, writer: str = "") -> Table:
        """The table of a role."""
        return table_of(self.redis, self.settings, self.book, role.source, writer)

    async def note(self, change: int, shards: int) -> None:
        """Remember the P of a change."""
        async with bounded(self.settings.deadline_s):
            await cast(Any, self.redis.hset(self.key, str(change), str(shards)))

    async def known(self) -> dict[int, int]:
        """P by change, as far as Redis knows; the last one may be coming, while shards before it have yet to retire."""
        known = await numbers_of(self.redis, self.settings, self.book)
        for role in roles_of(known, max(known, default=0)):
            shards = await self.retired(role)
            if shards:
                await self.note(role.change + 1, shards)
                return {**known, role.change + 1: shards}
        return known

    async def retired(self, role: Role) -> int:
        """The P that took over from a table; 0 while it is in force."""
        return int(await self._field(role, "retired") or 0)

    async def keeper(self, role: Role) -> int | None:
        """The P of whoever wrote a table; None where there is none."""
        found = await self._field(role, "reader")
        return None if found is None else msgspec.json.decode(found, type=Stand).shards

    async def position(self, role: Role) -> int | None:
        """Where a table stands; None where there is none."""
        found = await self._field(role, "position")
        return None if found is None else int(found)

    async def _field(self, role: Role, name: str) -> bytes | None:
        async with bounded(self.settings.deadline_s):
            found: bytes | None = await cast(Any, self.redis.hget(self.table(role).state_key, name))
        return found

    async def in_force(self, known: dict[int, int], role: Role) -> Role | None:
        """The role with its change, if its P is in force, or is so until this shard too has retired."""
        for change in (max(known), max(known) - 1):
            one = replace(role, change=change)
            if known.get(change) == role.shards and not await self.retired(one):
                return one
        return None

    async def stand(self, known: dict[int, int]) -> list[int | None]:
        """Where the tables of the last P stand."""
        return [await self.position(role) for role in roles_of(known, max(known, default=0))]

    async def heritage(self, known: dict[int, int], change: int) -> Heritage | None:
        """What a change begins with, if Redis holds all of it: every shard before it has retired."""
        old = roles_of(known, change - 1)
        if not old or [await self.retired(role) for role in old] != [known[change]] * len(old):
            return None
        tables = [self.table(role) for role in old]
        saved = [one for table in tables if (one := await table.read()) is not None]
        return Heritage(change, known[change], tables[0].position, saved)

    async def first(self) -> int | None:
        """The P that the book began with; None while it is not open."""
        async for values in self._stretches():
            for message in _openings(values):
                with suppress(Refused):
                    Role(0, message.shards).opens(message)
                    return message.shards
        return None

    async def was_changed(self) -> bool:
        """Whether the journal holds anything that may be a change of P."""
        async for values in self._stretches():
            if any(_RESHARD in value for value in values):
                return True
        return False

    async def rebuild(self) -> Heritage | None:
        """The last change, folded by all shards from the beginning of the journal; None where none is done."""
        lineage, offset = Lineage(), 0
        async for values in self._stretches():
            for value in values:
                lineage.take(offset, decode_frame(value))
                offset += 1
                await asyncio.sleep(0)
        heritage = lineage.last()
        if heritage is not None:
            for change, shards in enumerate(lineage.numbers[: heritage.change + 1]):
                await self.note(change, shards)
        return heritage

    async def _stretches(self) -> AsyncIterator[list[bytes]]:
        first, end = await self.journal.ends(self.partition)
        self.require_from(first, 0)
        for start in range(0, end, STRETCH):
            yield await self.journal.frames(self.partition, start, min(start + STRETCH, end))

    async def remembered(self, saved: Saved, position: int) -> list[InputsFrame]:
        """The frames of inputs whose ids a table remembers, up to where it stands."""
        first, end = await self.journal.ends(self.partition)
        start = stand_of(saved).seen.start
        self.require_from(first, start)
        values = await self.journal.frames(self.partition, start, min(position + 1, end))
        return [frame for frame in map(decode_frame, values) if isinstance(frame, InputsFrame)]

    def require_from(self, first: int, start: int) -> None:
        """Halts when the journal begins at `first`, behind where it is needed from."""
        if start < first:
            raise Halt(
                f"the journal of {self.book} begins at {first}, and is needed from {start}: restore a Redis dump that "
                f"is not older than that, and keep the journal longer (journal_retention_ms)"
            )


def _openings(values: list[bytes]) -> Iterator[BookMessage]:
    """The messages in some records of the journal that may open the book."""
    for frame in map(decode_frame, values):
        if isinstance(frame, InputsFrame):
            yield from (message for message in frame.messages if isinstance(message, BookMessage))
