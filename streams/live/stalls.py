"""Notices a worker that stands still: records wait in a partition that is its own, and nothing is done.

Seen a few times in thousands of starts on a busy machine: Faust delivers nothing, logs nothing, and its next rebalance
may be days away. The process ends then, as for anything Transient, and says how it stood. It looks in a task and with a
connection of its own: what hangs in Faust, or waits behind its long fetches, must not silence this too.
"""

from __future__ import annotations

import asyncio
import faulthandler
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from typing import Any, cast

import faust
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from faust.exceptions import ConsumerNotStarted
from faust.types import TP

from streams.live.apps import stopping
from streams.live.connect import reader_arguments
from streams.live.settings import Settings
from streams.live.tables import Transient

ASK_S = 2
Place = Callable[[TP], Awaitable[int | None]]
"""The offset that a partition is to be taken from next; None while nothing of it need be."""
What = tuple[str, int, int, int]


class Ends:
    """Where partitions end, asked with a connection of its own."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._client: AIOKafkaConsumer | None = None

    async def of(self, partitions: set[TP]) -> dict[TP, int]:
        """The offset behind the last record of each. Raises KafkaError, and OSError."""
        if not partitions:
            return {}
        if self._client is None:
            client = AIOKafkaConsumer(**reader_arguments(self.settings))
            try:
                await client.start()
            except BaseException:
                await client.stop()
                raise
            self._client = client
        return dict(await self._client.end_offsets(list(partitions)))


class Stalls:
    """Looks after the partitions of one app. A rebalance that does not end is a stall too, and so is an app that says
    nothing. `work` counts whatever the app does: while that grows, nothing stands still.
    """

    def __init__(self, app: faust.App, settings: Settings, place: Place, work: Callable[[], int] = lambda: 0) -> None:
        self.app, self.place, self.work = app, place, work
        self.patience_s = settings.deadline_s + settings.kafka.rebalance_s
        self.ends = Ends(settings)
        self._looked: float | None = None
        self._stood_s: dict[What, float] = {}

    async def watch(self) -> None:
        """A task of the app, as long as it runs. Should this process hang outside of its tasks, where nobody can look,
        then it ends too, with where each thread hangs.
        """
        while not self.app.should_stop:
            faulthandler.dump_traceback_later(self.patience_s, exit=True)
            await asyncio.sleep(ASK_S)
            with stopping():
                await self.look()
        faulthandler.cancel_dump_traceback_later()

    async def look(self) -> None:
        """Asks once. Raises Transient.

        A look counts for the time since the last one, but not for the time in which this process could not look.
        """
        now = asyncio.get_running_loop().time()
        passed_s = min(now - (self._looked or now), 2 * ASK_S)
        self._looked = now
        self._stood_s = {what: self._stood_s.get(what, -passed_s) + passed_s for what in await self._standing()}
        for (what, partition, place, _), stood_s in self._stood_s.items():
            if stood_s > self.patience_s:
                raise Transient(f"{what}/{partition} stands still at {place}: {self._stand()}")

    async def _standing(self) -> set[What]:
        """What does not go on at this moment, by what would change if it did."""
        app, done = self.app, self.work()
        if app.rebalancing:
            return {("rebalance", app.rebalancing_count, app.consumer_generation_id, done)}
        with suppress(ConsumerNotStarted, KafkaError, OSError, TimeoutError):
            async with asyncio.timeout(ASK_S):
                assigned = app.consumer.assignment()
                places = {tp: place for tp in assigned if (place := await self.place(tp)) is not None}
                ends = await self.ends.of(set(places))
                behind = {tp: place for tp, place in places.items() if place < ends[tp]}
                return {(tp.topic, tp.partition, place, done) for tp, place in behind.items()}
        return {("who asks", 0, app.consumer_generation_id, done)}

    def _stand(self) -> str:
        """How Faust stands, and what each of its tasks waits for: for who looks for the cause."""
        app, consumer = self.app, cast(Any, self.app.consumer)
        fetches = sorted(consumer._get_active_partitions())
        told = (
            f"generation {app.consumer_generation_id}, assigned {sorted(consumer.assignment())}, fetches {fetches}, "
            f"consumer flows {consumer.flow_active}, streams flow {app.flow_control.is_active()}"
        )
        loops = (asyncio.get_running_loop(), consumer._thread.thread_loop)
        return "\n  ".join((told, *(line for loop in loops for line in _waits(loop))))


def _waits(loop: asyncio.AbstractEventLoop) -> Iterator[str]:
    """Where the tasks of a loop wait, innermost last."""
    for task in asyncio.all_tasks(loop):
        chain, awaited = list[str](), cast(Any, task.get_coro())
        while awaited is not None and hasattr(awaited, "cr_frame") and awaited.cr_frame is not None:
            chain.append(f"{awaited.cr_code.co_qualname}:{awaited.cr_frame.f_lineno}")
            awaited = awaited.cr_await
        yield f"{task.get_name()}: {' > '.join(chain)} > {awaited!r}"
