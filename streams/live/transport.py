"""Faust's Kafka transport with chunks for messages (docs/live.md): what a fetch brings of a partition is one event.

Stock Faust makes four tasks a message. Here a message is a chunk: its value is a list of records, its offset that of
the last. Chunks of a partition are acknowledged in order, so the offset to commit is the one behind the last. Where to
read from is asked of the app's `Positions`, not of the group.

This overrides private methods of Faust; `require_signatures` is called at start and refuses a Faust that changed them.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Protocol, cast

from aiokafka.errors import IllegalStateError
from faust.transport.consumer import Consumer as BaseConsumer
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from schemas.codes import Halt

SCHEME = "rhodian"
_OVERRIDDEN = {
    "_drain_messages": ["self", "fetcher"],
    "_new_offset": ["self", "tp"],
    "seek_to_committed": ["self"],
    "_wait_next_records": ["self", "timeout"],
}


class Positions(Protocol):
    """Where to read from; an app that uses this transport has one as `app.positions`."""

    async def positions(self, assigned: set[TP]) -> Mapping[TP, int] | None:
        """The next offset to read of each partition assigned; None: what the group has committed."""
        ...

    @property
    def chunk(self) -> int:
        """The most records of one chunk."""
        ...


class ChunkConsumer(driver.Consumer):
    """Delivers chunks, and reads from where `app.positions` says."""

    def on_init(self) -> None:
        """Nothing is sought yet."""
        super().on_init()
        self._next: dict[TP, int] = {}  # the offset to deliver next
        self._gaps: dict[TP, int] = {}  # where what came did not begin there, and was sought once more

    def on_buffer_full(self, tp: TP) -> None:
        """Nothing: who delivers waits for room in the queue. Faust would fetch from the other partitions alone, which
        have nothing, and wait a second for them.
        """

    async def move(self, positions: Mapping[TP, int]) -> None:
        """Read on from elsewhere; what was fetched before is not delivered."""
        self._set_next(positions)
        await self._try_seek(positions)

    def _set_next(self, positions: Mapping[TP, int]) -> None:
        self._next.update(positions)
        self._gaps.clear()

    async def _try_seek(self, positions: Mapping[TP, int]) -> None:
        with suppress(IllegalStateError):  # a rebalance is under way: whatever is ours after it is sought then
            await self._thread.seek_wait(positions)

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Seek every assigned partition to where its reader stands; else to what is committed, or its beginning."""
        positions = await self.app.positions.positions(set(self.assignment()))  # type: ignore[attr-defined]
        if positions is None:
            found = await super().seek_to_committed()
            first = await self._thread.earliest_offsets(*found)
            positions = {tp: max(offset or 0, first[tp]) for tp, offset in found.items()}
        self._set_next(positions)
        await self._thread.seek_wait(positions)
        return positions  # type: ignore[no-any-return]

    async def _drain_messages(self, fetcher: Any) -> None:
        """Fetch, and hand over chunk by chunk, until the consumer or its fetcher stops."""
        try:
            while not (self._stopped.is_set() or fetcher._stopped.is_set()):
                records, _ = await self._wait_next_records(timeout=1.0)
                if self.flow_active:
                    await self._deliver(records or {})
        except self.consumer_stopped_errors:
            if not self.app.should_stop:
                raise

    async def _deliver(self, records: Mapping[Any, list[Any]]) -> None:
        generation, size = self.app.consumer_generation_id, self.app.positions.chunk  # type: ignore[attr-defined]
        for partition, found in records.items():
            tp = TP(partition.topic, partition.partition)
            fresh = await self._from_next(tp, found)
            for start in range(0, len(fresh), size):
                chunk = fresh[start : start + size]
                if self.app.consumer_generation_id != generation or not self.flow_active:
                    return
                before = self._next.get(tp)
                await self.wait_first(self.callback(self._chunk(tp, chunk)), self.suspend_flow.wait())
                if self.suspend_flow.is_set() or self._next.get(tp) != before:
                    return  # it may not have been delivered, and is sought again; or was sought meanwhile
                self._next[tp] = self._read_offset[tp] = chunk[-1].offset + 1

    async def _from_next(self, tp: TP, found: list[Any]) -> list[Any]:
        """What is to be delivered of records that were fetched, perhaps before a seek.

        Nothing twice; and nothing that begins behind the next offset, unless it does so when that was sought again:
        then the topic has a gap there.
        """
        following = self._next.get(tp, found[0].offset)
        if found[0].offset > following and self._gaps.get(tp) != following:
            self._gaps[tp] = following
            await self._try_seek({tp: following})
            return []
        return [record for record in found if record.offset >= following]

    def _chunk(self, tp: TP, records: list[Any]) -> ConsumerMessage:
        last, value = records[-1], cast(Any, records)
        return ConsumerMessage(
            tp.topic, tp.partition, last.offset, last.timestamp / 1000, last.timestamp_type, None, None, value,
            None, None, None, tp, generation_id=self.app.consumer_generation_id,
        )  # fmt: skip

    def _new_offset(self, tp: TP) -> int | None:
        """Chunks are acknowledged in order: everything up to the last acknowledged offset is done."""
        acked = self._acked[tp]
        if not acked:
            return None
        last = max(acked)
        acked.clear()
        self._acked_index[tp].clear()
        return last + 1


class Transport(driver.Transport):
    """Registered as `rhodian://` under the entry point `faust.transports`."""

    Consumer = ChunkConsumer


def require_signatures() -> None:
    """Halts when Faust's private methods are not what this overrides."""
    for name, expected in _OVERRIDDEN.items():
        found = list(inspect.signature(getattr(BaseConsumer, name)).parameters)
        if found != expected:
            raise Halt(f"this Faust has Consumer.{name}({', '.join(found)}), expected ({', '.join(expected)})")
