"""Faust apps: one for each kind of worker, each its own consumer group, its agent a thin shell over what it drives."""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, cast

import faust
from faust.auth import SASLCredentials, SSLCredentials
from faust.types import TP
from mode.supervisors import CrashingSupervisor
from redis.asyncio import Redis

from streams.exits import FINDINGS, TEMPFAIL
from streams.live.connect import redis_arguments
from streams.live.health import Health
from streams.live.intake import TICK_S, Intake
from streams.live.journal import Journal
from streams.live.outlet import Outlet
from streams.live.readers import Role
from streams.live.reading import Reading
from streams.live.seats import Hopeless
from streams.live.settings import Settings
from streams.live.stalls import Stalls
from streams.live.tables import Fenced, Transient, bounded
from streams.live.topics import RECORD_BYTES_MAX, Topics
from streams.live.transport import SCHEME

log = logging.getLogger("rhodian")
LOOK_S = 0.5


def stop(reason: str, code: int = TEMPFAIL) -> NoReturn:
    """End the process at once, before anything could be acknowledged; its supervisor starts it again."""
    log.critical("stopping: %s", reason)
    sys.stderr.flush()
    os._exit(code)


@contextmanager
def stopping() -> Iterator[None]:
    """Around everything that a worker does: whatever is raised ends it, for nothing may be acknowledged after.

    What may come of the world is a line; a defect of ours is shown from where it comes.
    """
    try:
        yield
    except Hopeless as reason:
        stop(str(reason), FINDINGS)
    except (Fenced, Transient) as reason:
        stop(str(reason))
    except Exception as error:
        log.exception("unexpected")
        stop(f"{type(error).__name__}: {error}")


def app_of(settings: Settings, group: str, positions: Any) -> faust.App:
    """An app with our transport and nothing of Faust's that we do not use."""
    kafka = settings.kafka
    servers = ";".join(f"{SCHEME}://{server}" for server in kafka.bootstrap.split(","))
    app = faust.App(
        f"{settings.prefix}.{group}",
        broker=servers,
        broker_credentials=_credentials(settings),
        broker_session_timeout=kafka.session_timeout_s,
        broker_heartbeat_interval=kafka.heartbeat_s,
        broker_rebalance_timeout=kafka.rebalance_s,
        broker_max_poll_records=4 * settings.chunk,
        broker_commit_interval=1.0,
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=RECORD_BYTES_MAX,
        stream_buffer_maxsize=4,
        stream_wait_empty=False,
        stream_publish_on_commit=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        store="memory://",
        datadir=Path(tempfile.gettempdir()) / "rhodian-faust",  # made at start, else where the user stands; stays empty
        key_serializer="raw",
        value_serializer="raw",
        agent_supervisor=CrashingSupervisor,
    )
    app.positions = positions  # type: ignore[attr-defined]  # read by our transport
    return app


def _credentials(settings: Settings) -> Any:
    kafka = settings.kafka
    context = ssl.create_default_context(cafile=kafka.ca_file) if kafka.security.endswith("SSL") else None
    if kafka.security.startswith("SASL_"):
        secret = kafka.password.get_secret_value() if kafka.password else None
        return SASLCredentials(username=kafka.user, password=secret, mechanism=kafka.mechanism, ssl_context=context)
    return SSLCredentials(context) if context else None


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
        self.stalls = Stalls(self.app, settings, self.place)

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
                await self.stalls.look()


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
        self.stalls = Stalls(self.app, settings, self.place)

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
                await self.stalls.look()
