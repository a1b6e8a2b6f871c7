"""The app of margin shards and of the clearing house: its agent is a thin shell over the readings of a worker."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, cast

from faust.types import TP
from redis.asyncio import Redis

from streams.live.apps import app_of, stopping
from streams.live.connect import redis_arguments
from streams.live.health import Health
from streams.live.journal import Journal
from streams.live.outlet import Outlet
from streams.live.readers import Role
from streams.live.reading import Reading
from streams.live.settings import Settings
from streams.live.stalls import Stalls
from streams.live.tables import bounded
from streams.live.topics import Topics

LOOK_S = 0.5


class Reader:
    """The app of margin shards and of the clearing house."""

    def __init__(self, settings: Settings, role: Role, health: Health) -> None:
        self.settings = settings
        self.outlet, self.journal = Outlet(settings), Journal(settings)
        self.redis = Redis.from_url(**redis_arguments(settings))
        self.reading = Reading(settings, role, self.redis, self.outlet, self.journal, health.counts)
        self.reading.halted = health.halted
        self.reading.is_behind = self._is_behind
        health.readers.append(self.reading.desks)
        self.is_open = False
        group = "clearing" if role.index is None else f"margin.{role.index}-of-{role.shards}"
        self.app = app_of(settings, group, self)
        topic = self.app.topic(Topics(settings.prefix).journal, key_serializer="raw", value_serializer="raw")
        self.app.agent(topic, concurrency=1, name=f"{group}.read")(self.read)
        self.app.task(self.look)
        self.app.task(Stalls(self.app, settings, self.place, self.work).watch)

    @property
    def chunk(self) -> int:
        """The most frames of one chunk."""
        return self.reading.chunk

    async def positions(self, assigned: set[TP]) -> Mapping[TP, int]:
        """Where the tables in Redis stand."""
        with stopping():
            if not self.is_open:
                await self.outlet.start()
                await self.journal.start()
                self.is_open = True
            return await self.reading.positions(assigned)

    async def place(self, tp: TP) -> int | None:
        """Where a partition is read from next, if it is read."""
        return self.reading.place(tp.partition)

    def work(self) -> int:
        """Grows with whatever is read or applied here, also before there is a desk."""
        return self.reading.steps + self.journal.delivered

    def _is_behind(self, partition: int, position: int) -> bool:
        tp = TP(Topics(self.settings.prefix).journal, partition)
        return tp in self.app.consumer.assignment() and position < (self.app.consumer.highwater(tp) or 0)

    async def read(self, stream: Any) -> None:
        """The agent: the steps of each chunk, then its acknowledgement."""
        async for event in stream.noack().events():
            if event.message.generation_id != self.app.consumer_generation_id:
                continue  # from before a rebalance: it comes again, to whom it belongs
            with stopping():
                is_done = await self.reading.step(event.message.tp, event.value)
            if is_done:
                event.ack()

    async def look(self) -> None:
        """Whether a change of P has work for us, and Kafka and Redis are there."""
        topic = Topics(self.settings.prefix).journal
        while not self.app.should_stop:
            await asyncio.sleep(LOOK_S)
            if not self.is_open:
                continue
            with stopping():
                found = await self.reading.look()
                if found:
                    places = {TP(topic, partition): position for partition, position in found.items()}
                    await cast(Any, self.app.consumer).move(places)
                await self.outlet.pulse()
                async with bounded(self.settings.deadline_s):
                    await cast(Any, self.redis.ping())
