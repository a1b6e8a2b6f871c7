"""Where a reader sits down: at its table as it stands, at the beginning of its book, at a change of P, or, idle, beside
the book while another number of shards keeps it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from dataclasses import dataclass

from redis.asyncio import Redis

from schemas.codes import Halt
from streams.live.desk import Desk
from streams.live.fold import Fold
from streams.live.journal import Journal
from streams.live.lineage import Heritage
from streams.live.readers import NotInForce, Role
from streams.live.settings import Settings
from streams.live.shards import Shards
from streams.live.states import accounts_of, fields_of, load, stand_of, succeed

TOLD_S = 60  # between two lines about waiting
log = logging.getLogger("rhodian")


class Hopeless(Exception):
    """This worker's number of shards is neither in force nor coming."""


@dataclass(slots=True)
class Wait:
    """Since when a book is kept by others, and where their tables stood then; `is_over`: it was, or is, ours."""

    since: float
    told: float
    stand: list[int | None]
    is_over: bool = False
    has_looked: bool = False


class Seats:
    """Finds the seats of one worker."""

    def __init__(self, settings: Settings, role: Role, redis: Redis, journal: Journal) -> None:
        self.settings, self.role, self.redis, self.journal = settings, role, redis, journal
        self.writer = f"{socket.gethostname()}/{os.getpid()}"
        self.waits: dict[int, Wait] = {}

    def shards(self, partition: int) -> Shards:
        """The numbers of shards of a book."""
        return Shards(self.settings, self.redis, self.journal, partition)

    async def arrive(self, partition: int) -> Desk:
        """The desk of a partition that was just assigned; with a `halt` if it cannot begin."""
        try:
            return await self._find(partition) or await self._idle(partition)
        except Halt as halt:
            desk = await self._idle(partition)
            desk.halt = halt
            return desk

    async def _idle(self, partition: int) -> Desk:
        """Beside the book."""
        _, end = await self.journal.ends(partition)
        table = self.shards(partition).table(self.role, self.writer)
        return Desk(partition, self.role, Fold(self.role.opens), table, end, end, is_waiting=True)

    async def _find(self, partition: int) -> Desk | None:
        """At work, if Redis says where, or there is nothing yet that it could have forgotten."""
        shards = self.shards(partition)
        if self.role.index is None:
            return await self._sit(shards, self.role)
        known = await shards.known()
        if not known:
            return await self._sit(shards, self.role) if await self._is_first(shards) else None
        role = await shards.in_force(known, self.role)
        if role is None:
            return None
        heritage = None
        if role.change and await shards.position(role) is None:
            heritage = await shards.heritage(known, role.change)
            if heritage is None:
                return None
        return await self._sit(shards, role, heritage)

    async def _is_first(self, shards: Shards) -> bool:
        """Whether, where Redis has no word about changes, our table of the first P is at work, or there is no journal.

        A table may be of another P: its name has only the change and the index.
        """
        keeper = await shards.keeper(self.role)
        if keeper is None:
            _, end = await self.journal.ends(shards.partition)
            return not end
        await shards.note(0, keeper)  # its worker died before it could say so
        return keeper == self.role.shards and not await shards.retired(self.role)

    async def _sit(self, shards: Shards, role: Role, heritage: Heritage | None = None) -> Desk:
        """Claim the table, and go on from it; or begin with what was inherited, or with the book."""
        table = shards.table(role, self.writer)
        saved = await table.claim()
        first, end = await self.journal.ends(shards.partition)
        if table.position > end:
            raise Halt(f"table {table.name} stands at {table.position}, but the journal of {shards.book} ends at {end}")
        desk = Desk(shards.partition, role, Fold(role.opens, refuses=role.refuses), table, end, table.position)
        if saved is not None:
            reader = load(saved, await shards.remembered(saved, table.position))
            desk.fold = Fold(role.opens, reader, stand_of(saved).seen, refuses=role.refuses)
        elif heritage is not None and role.index is not None:
            old = heritage.saved
            frames = await shards.remembered(old[0], heritage.position)
            reader = succeed(old, heritage.change, role.index, heritage.shards, frames)
            desk.fold, desk.position = Fold(role.opens, reader, stand_of(old[0]).seen), heritage.position
            await table.save(desk.position, fields_of(desk.fold), accounts_of(desk.fold))
        else:
            shards.require_from(first, 0)
        return desk

    async def saved(self, desk: Desk, retired: int | None) -> None:
        """After a table was written: what there is to remember, once; a shard that retired waits from now on."""
        shards, role = self.shards(desk.partition), desk.role
        if role.index is not None and not desk.is_noted:
            await shards.note(role.change, role.shards)
            desk.is_noted = True
            self.waits.setdefault(desk.partition, Wait(0, 0, [])).is_over = True
        if retired is not None:
            await shards.note(role.change + 1, retired)
            log.warning("%s has retired, the book goes on with %s shards", desk.table.name, retired)
            desk.is_waiting = True

    async def leave(self, desk: Desk, reason: NotInForce) -> None:
        """The book was opened with another P."""
        await self.shards(desk.partition).note(0, reason.shards)
        desk.is_waiting = True

    async def look(self, desk: Desk) -> Desk | None:
        """A seat at work for a desk that waits, once there is one. Raises Hopeless."""
        if not desk.is_waiting or desk.halt is not None:
            return None
        shards = self.shards(desk.partition)
        found = await self._find(desk.partition) or await self._remembered(shards, desk)
        if found is not None:
            self.waits.pop(desk.partition, None)
            found.is_moved = True
        return found

    async def _remembered(self, shards: Shards, desk: Desk) -> Desk | None:
        """What the journal says where Redis has forgotten: at once if all, after a while if its tables do not move."""
        now, known = asyncio.get_running_loop().time(), await shards.known()
        stand = await shards.stand(known)
        wait = self.waits.get(desk.partition)
        if wait is None or not wait.since:
            wait = self.waits[desk.partition] = Wait(now, now, stand, wait is not None)
        is_late = now > wait.since + self.settings.deadline_s
        if now >= wait.told:
            wait.told = now + TOLD_S
            log.warning("%s waits: the book is kept by %s shards", desk.table.name, known.get(max(known, default=0)))
        if not known or (is_late and not wait.has_looked and (None in stand or stand == wait.stand)):
            wait.has_looked = True
            heritage = await shards.rebuild() if await shards.was_changed() else None
            if heritage is None and not known:
                first = await shards.first()
                if first in (None, self.role.shards):
                    return await self._sit(shards, self.role)
                await shards.note(0, first)
                return None
            if heritage is not None and heritage.shards == self.role.shards:
                role = Role(self.role.index, heritage.shards, heritage.change)
                return await self._sit(shards, role, heritage)
        kept = known.get(max(known, default=0))
        if is_late and not wait.is_over and kept not in (None, self.role.shards):
            raise Hopeless(
                f"{shards.book} is kept by {kept} shards, {self.role.shards} are neither in force nor coming"
            )
        return None
