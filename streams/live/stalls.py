"""Notices a worker that stands still: records wait in a partition that is its own, and none of them is taken.

Seen a few times in thousands of starts on a busy machine: Faust delivers nothing, logs nothing, and its next rebalance
may be days away. The process ends then, as for anything Transient, and says how it stood.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, cast

import faust
from aiokafka.errors import KafkaError
from faust.types import TP

from streams.live.settings import Settings
from streams.live.tables import Transient

ASK_S = 2
Place = Callable[[TP], Awaitable[int | None]]
"""The offset that a partition is to be taken from next; None while nothing of it need be."""


class Stalls:
    """Looks after the partitions of one app. A rebalance that does not end is a stall too."""

    def __init__(self, app: faust.App, settings: Settings, place: Place) -> None:
        self.app, self.place = app, place
        self.patience_s = settings.deadline_s + settings.kafka.rebalance_s
        self._asked = 0.0
        self._since: dict[tuple[str, int, int], float] = {}

    async def look(self) -> None:
        """Called often, asks now and then. Raises Transient."""
        now = asyncio.get_running_loop().time()
        if now < self._asked + ASK_S:
            return
        self._asked = now
        with suppress(KafkaError, TimeoutError):  # whoever writes to Kafka notices that it is away
            async with asyncio.timeout(ASK_S):
                self._since = {what: self._since.get(what, now) for what in await self._standing()}
        for (what, partition, place), since in self._since.items():
            if now > since + self.patience_s:
                raise Transient(f"{what}/{partition} stands still at {place}: {self._stand()}")

    async def _standing(self) -> set[tuple[str, int, int]]:
        """What does not go on at this moment, by what would change if it did."""
        if self.app.rebalancing:
            return {("rebalance", self.app.rebalancing_count, self.app.consumer_generation_id)}
        assigned = self.app.consumer.assignment()
        ends = await self.app.consumer.highwaters(*assigned) if assigned else {}
        places = {tp: await self.place(tp) for tp in assigned}
        return {
            (tp.topic, tp.partition, place) for tp, place in places.items() if place is not None and place < ends[tp]
        }

    def _stand(self) -> str:
        """How Faust stands: for who looks for the cause."""
        app, consumer = self.app, cast(Any, self.app.consumer)
        fetches = sorted(consumer._get_active_partitions())
        return (
            f"generation {app.consumer_generation_id}, assigned {sorted(consumer.assignment())}, fetches {fetches}, "
            f"consumer flows {consumer.flow_active}, streams flow {app.flow_control.is_active()}"
        )
