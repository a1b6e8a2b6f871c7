"""A whole venue on loopback: Kafka, Redis, topics, workers. Nothing of it outlives the `async with`."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import NoReturn, Self

from redis.asyncio import Redis

from streams.live.connect import redis_arguments
from streams.live.settings import Settings
from streams.live.shards import numbers_of
from streams.live.tables import Transient
from streams.live.topics_admin import create
from streams.local.kafka import LocalKafka
from streams.local.process import ServiceError, tail
from streams.local.redis import LocalRedis
from streams.local.service import Service
from streams.local.workers import Worker

WATCH_S = 0.2


class LocalVenue:
    """`settings` are in force from the start of the `async with` on; `beside` are children that end with the venue.

    `numbers` are the numbers of shards that have their workers; while it is watched, a change of P gets its own.
    """

    def __init__(self, folder: Path, books: tuple[str, ...], shards: int, heartbeat_ms: int, *, apart: bool) -> None:
        self.folder, self.apart = folder, apart
        self.kafka, self.redis = LocalKafka(folder / "kafka"), LocalRedis(folder / "redis")
        self.settings = Settings.model_validate(
            {
                "books": books,
                "shards": shards,
                "heartbeat_ms": heartbeat_ms,
                "kafka": {"bootstrap": self.kafka.address},
                "redis": {"url": self.redis.url},
            }
        )
        self.workers: list[Worker] = []
        self.numbers = {shards}
        self.beside: list[Service] = []

    async def __aenter__(self) -> Self:
        try:
            self.kafka.launch()
            self.redis.launch()
            await asyncio.gather(self.kafka.ready(), self.redis.ready())
            await create(self.settings)
            self.workers = self._workers()
            for worker in self.workers:
                worker.launch()
            await asyncio.gather(*(worker.ready() for worker in self.workers))
        except BaseException:
            self.end()
            raise
        return self

    async def __aexit__(self, *_error: object) -> None:
        self.end()

    def _workers(self) -> list[Worker]:
        if not self.apart:
            return [self._worker("all")]
        return [self._worker("intake"), self._worker("clearing"), *self._margin(self.settings.shards)]

    def _worker(self, kind: str) -> Worker:
        return Worker(self.folder / kind, self.settings, kind)

    def _margin(self, shards: int) -> list[Worker]:
        """A process for each margin shard."""
        return [
            Worker(self.folder / f"margin-{index}-of-{shards}", self.settings, "margin", f"{index}/{shards}")
            for index in range(shards)
        ]

    def launch(self, child: Service) -> None:
        """Start something that ends with the venue, and whose failure is the venue's."""
        self.beside.append(child)
        child.launch()

    async def watch(self) -> NoReturn:
        """Wait until a child ends by itself; ServiceError says which, with the end of its log."""
        async with Redis.from_url(**redis_arguments(self.settings)) as redis:
            while True:
                for child in (self.kafka, self.redis, *self.workers, *self.beside):
                    if child.pid is None and not child.has_finished:
                        raise ServiceError(f"{child.name} ended by itself\n{tail(child.log)}")
                with suppress(Transient):  # the child that it comes from ends, and is named
                    await self._follow(redis)
                await asyncio.sleep(WATCH_S)

    async def _follow(self, redis: Redis) -> None:
        """Workers for each new number of shards: the first shard to retire has noted it; they wait for the others."""
        for book in self.settings.books:
            for shards in set((await numbers_of(redis, self.settings, book)).values()) - self.numbers:
                self.numbers.add(shards)
                for worker in self._margin(shards):
                    self.workers.append(worker)
                    worker.launch()

    def end(self) -> None:
        """Ask workers and what runs beside them to end; what they stand on keeps nothing, and is killed."""
        for child in self.beside:
            child.stop()
        for worker in self.workers:
            worker.ask()
        for worker in self.workers:
            worker.stop()
        self.redis.kill()
        self.kafka.kill()
