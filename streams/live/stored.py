"""What Redis holds of a book, read beside the workers: every table whole, as one write left it."""

from __future__ import annotations

import asyncio
import re

from msgspec import Struct
from redis.asyncio import Redis
from redis.exceptions import RedisError

from streams.live.connect import redis_arguments
from streams.live.settings import Settings
from streams.live.states import Saved
from streams.live.tables import Transient, table_of

_SOURCE = re.compile(r"clearing|margin/\d+/\d+")


class Stored(Struct, frozen=True):
    """The table of one reader: the offset of the journal that it reads next, and what it wrote down."""

    source: str
    position: int
    saved: Saved

    @property
    def change(self) -> int | None:
        """After how many changes of P a shard stands; None: the clearing house."""
        return int(self.source.split("/")[1]) if "/" in self.source else None

    @property
    def is_retired(self) -> bool:
        """Whether a change of P has ended this shard."""
        return "retired" in self.saved.fields


async def stored_tables(settings: Settings, book: str) -> list[Stored]:
    """All tables of a book that hold something: the clearing house, then shards. Raises Transient."""
    head, tail = f"{{{settings.prefix}:{book}:", "}:state"
    pattern = re.sub(r"([\\*?\[\]^])", r"\\\1", head) + "*" + tail
    try:
        async with asyncio.timeout(settings.deadline_s), Redis.from_url(**redis_arguments(settings)) as redis:
            names = [key.decode() async for key in redis.scan_iter(match=pattern, count=1000)]
            sources = [name.removeprefix(head).removesuffix(tail) for name in names]
            ours = sorted(filter(_SOURCE.fullmatch, sources), key=_order)  # of a book, not of one whose name goes on
            found = [await _read(redis, settings, book, source) for source in ours]
    except (RedisError, OSError, TimeoutError) as error:
        raise Transient(f"Redis at {settings.redis.url}: {str(error) or 'no answer in time'}") from error
    return [one for one in found if one is not None]


async def _read(redis: Redis, settings: Settings, book: str, source: str) -> Stored | None:
    """One of them, if it holds something."""
    table = table_of(redis, settings, book, source)
    saved = await table.read()
    return None if saved is None else Stored(source, table.position, saved)


def _order(source: str) -> tuple[int, ...]:
    """The clearing house, then shards by change and index."""
    return tuple(int(part) for part in source.split("/")[1:])
