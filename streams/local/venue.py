"""A whole venue on loopback: Kafka, Redis, topics, workers. Nothing of it outlives the `async with`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import NoReturn, Self

from streams.live.settings import Settings
from streams.live.topics_admin import create
from streams.local.kafka import LocalKafka
from streams.local.process import ServiceError, tail
from streams.local.redis import LocalRedis
from streams.local.service import Service
from streams.local.workers import Worker

WATCH_S = 0.2


class LocalVenue:
    """`settings` are in force from the start of the `async with` on; `beside` are children that end with the venue."""

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
        kinds: list[tuple[str, str | None]] = [("all", None)]
        if self.apart:
            shards = self.settings.shards
            margin: list[tuple[str, str | None]] = [("margin", f"{index}/{shards}") for index in range(shards)]
            kinds = [("intake", None), ("clearing", None), *margin]
        names = [kind if shard is None else f"{kind}-{shard.partition('/')[0]}" for kind, shard in kinds]
        return [
            Worker(self.folder / name, self.settings, kind, shard)
            for name, (kind, shard) in zip(names, kinds, strict=True)
        ]

    def launch(self, child: Service) -> None:
        """Start something that ends with the venue, and whose failure is the venue's."""
        self.beside.append(child)
        child.launch()

    async def watch(self) -> NoReturn:
        """Wait until a child ends by itself; ServiceError says which, with the end of its log."""
        while True:
            for child in (self.kafka, self.redis, *self.workers, *self.beside):
                if child.pid is None and not child.has_finished:
                    raise ServiceError(f"{child.name} ended by itself\n{tail(child.log)}")
            await asyncio.sleep(WATCH_S)

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
