"""The app of intake: its agent is a thin shell over what puts inputs into the journal."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, cast

from faust.types import TP

from streams.live.apps import app_of, stopping
from streams.live.health import Health
from streams.live.intake import TICK_S, Intake
from streams.live.outlet import Outlet
from streams.live.settings import Settings
from streams.live.stalls import Stalls
from streams.live.topics import Topics


class Taker:
    """The app of intake."""

    def __init__(self, settings: Settings, health: Health) -> None:
        self.settings = settings
        self.outlet = Outlet(settings)
        self.intake = Intake(settings, self.outlet, self._behind, health.counts)
        self.is_open = False
        self.paused: set[TP] = set()
        self.app = app_of(settings, "intake", self)
        topics = Topics(settings.prefix).inputs
        topic = self.app.topic(*topics, key_serializer="raw", value_serializer="raw")
        self.app.agent(topic, concurrency=1, name="intake.take")(self.take)
        self.app.task(self.tick)
        self.app.task(Stalls(self.app, settings, self.place).watch)

    @property
    def chunk(self) -> int:
        """The most records of one chunk."""
        return self.settings.chunk

    async def positions(self, assigned: set[TP]) -> None:
        """What the group has committed."""
        with stopping():
            if not self.is_open:
                await self.outlet.start()
                self.is_open = True
            self.intake.assign(assigned)
            self.paused = set()

    async def place(self, tp: TP) -> int | None:
        """Where a partition is fetched from next, if its lane is not full; a transaction's end has an offset too."""
        return None if tp in self.paused else await cast(Any, self.app.consumer).position(tp)

    def _is_ours(self, generation: int) -> Callable[[], bool]:
        return lambda: generation == self.app.consumer_generation_id

    def _behind(self, tp: TP, offset: int) -> bool | None:
        assigned = self.app.consumer.assignment()  # in a rebalance it is not what our lanes are
        high: int | None = self.app.consumer.highwater(tp) if tp in assigned else None
        return None if high is None else offset < high

    async def take(self, stream: Any) -> None:
        """The agent: each chunk into the journal; acknowledged when it is there."""
        async for event in stream.noack().events():
            message = event.message
            with stopping():
                await self.intake.take(message.tp, event.value, event.ack, self._is_ours(message.generation_id))
                self._throttle()

    def _throttle(self) -> None:
        """Fetch what is missing, not what waits."""
        full = self.intake.full()
        if full != self.paused:
            self.app.consumer.resume_partitions((self.paused - full) & self.app.consumer.assignment())
            self.app.consumer.pause_partitions(full)
            self.paused = full

    async def tick(self) -> None:
        """What waited long enough for other partitions goes on; time passes in the journal."""
        while not self.app.should_stop:
            await asyncio.sleep(TICK_S)
            with stopping():
                await self.intake.go_on()
                self._throttle()
                await self.intake.beat(int(time.time() * 1000))
                if self.is_open:
                    await self.outlet.pulse()
