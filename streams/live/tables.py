"""The state table of one reader in Redis, written by one fenced script (docs/live.md).

Two hashes in one slot: `{<prefix>:<book>:<reader>}:state` holds what belongs to no account, with `position`, the offset
of the journal to read next, and who may write; `{...}:accounts` one field per account. Whoever takes the table over
raises `epoch`, so the writer before, if it wakes again, is refused. A script that is sent twice finds its own write.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from streams.live.settings import Settings
from streams.live.states import Fields, Saved

_OWN = ("epoch", "writer", "position", "written")

CLAIM = """
local epoch = redis.call('HINCRBY', KEYS[1], 'epoch', 1)
redis.call('HSET', KEYS[1], 'writer', ARGV[1])
return epoch
"""

# ARGV: epoch, position before, position after, name of this write, number of state fields, then fields and values. Of
# accounts 500 go in one call; Lua's stack takes some thousand values.
SAVE = """
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return 'fenced' end
if redis.call('HGET', KEYS[1], 'written') == ARGV[4] then return 'ok' end
local position = redis.call('HGET', KEYS[1], 'position') or '0'
if position ~= ARGV[2] then return 'moved to ' .. position end
local split = 5 + 2 * tonumber(ARGV[5])
for at = 6, split, 2 do redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 1]) end
for at = split + 1, #ARGV, 1000 do
  redis.call('HSET', KEYS[2], unpack(ARGV, at, math.min(at + 999, #ARGV)))
end
redis.call('HSET', KEYS[1], 'position', ARGV[3], 'written', ARGV[4])
return 'ok'
"""


class Fenced(Exception):
    """Another worker has taken the table over; what is held here is no longer the state."""


class Transient(Exception):
    """Kafka or Redis did not do what was asked in time; a fresh start from what they hold may."""


@asynccontextmanager
async def bounded(seconds: float) -> AsyncIterator[None]:
    """Around calls of Redis: its client tries again by itself, for so long at most. Raises Transient."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except (RedisError, OSError, TimeoutError) as error:
        raise Transient(f"Redis: {type(error).__name__} {error}") from error


@dataclass(slots=True)
class Table:
    """The table of one reader. `epoch` 0: not claimed; `position`: of what was written last."""

    redis: Redis
    name: str
    writer: str
    deadline_s: float = 30
    epoch: int = 0
    position: int = 0
    writes: int = 0
    fields: Fields | None = None

    @property
    def state_key(self) -> str:
        """The hash of what belongs to no account."""
        return f"{{{self.name}}}:state"

    @property
    def accounts_key(self) -> str:
        """The hash of accounts."""
        return f"{{{self.name}}}:accounts"

    async def claim(self) -> Saved | None:
        """Become the writer; what the table holds, None when it holds nothing. Raises Transient."""
        self.epoch = int(await self._script(CLAIM, [self.state_key], [self.writer]))
        saved = await self.read()
        self.fields = dict(saved.fields) if saved else {}
        return saved

    async def read(self) -> Saved | None:
        """What the table holds now, whoever writes it."""
        async with bounded(self.deadline_s), self.redis.pipeline(transaction=True) as both:  # in between one may write
            both.hgetall(self.state_key)
            both.hgetall(self.accounts_key)
            state, accounts = await both.execute()
        self.position = int(state.get(b"position", 0))
        fields = {name.decode(): value for name, value in state.items() if name.decode() not in _OWN}
        if not fields:
            return None
        return Saved(fields, dict(zip(map(bytes.decode, accounts), accounts.values(), strict=True)))

    async def save(self, position: int, fields: Fields, accounts: Fields) -> None:
        """Write what changed and move the position, all of it or nothing. Raises Fenced, Transient."""
        known = self.fields or {}
        changed = {name: value for name, value in fields.items() if known.get(name) != value}
        self.writes += 1
        arguments: list[Any] = [self.epoch, self.position, position, f"{self.writer}/{self.epoch}/{self.writes}"]
        arguments.append(len(changed))
        for name, value in (*changed.items(), *accounts.items()):
            arguments += (name, value)
        answer = await self._script(SAVE, [self.state_key, self.accounts_key], arguments)
        if answer != b"ok":
            raise Fenced(f"table {self.name} at {self.position}: {bytes(answer).decode()}")
        self.position, self.fields = position, {**known, **changed}

    async def _script(self, script: str, keys: list[str], arguments: list[Any]) -> Any:
        """EVAL, so that a flushed script cache costs nothing but bytes."""
        async with bounded(self.deadline_s):
            return await cast(Any, self.redis.eval(script, len(keys), *keys, *arguments))


def table_of(redis: Redis, settings: Settings, book: str, source: str, writer: str = "") -> Table:
    """The table of a reader of a book."""
    return Table(redis, f"{settings.prefix}:{book}:{source}", writer, settings.deadline_s)
