"""Faust's Kafka transport with chunks for messages (ARCHITECTURE 2): what a fetch brings of a partition is one event.

Stock Faust makes four tasks a message. Here a message is a chunk: its value is a list of records, its offset that of
the last. Chunks of a partition are acknowledged in order, so the offset to commit is the one behind the last. Where to
read from is asked of the app's `Positions`, not of the group.

This overrides private methods of Faust; `require_signatures` is called at start and refuses a Faust that changed them.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, Protocol, cast

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
        self._sought: dict[TP, int] = {}

    async def move(self, positions: Mapping[TP, int]) -> None:
        """Read on from elsewhere; what was fetched before is not delivered. Only where offsets have no gaps."""
        self._sought.update(positions)
        await self._thread.seek_wait(positions)

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Seek every assigned partition to where its reader stands."""
        positions = await self.app.positions.positions(set(self.assignment()))  # type: ignore[attr-defined]
        if positions is None:
            committed: Mapping[TP, int] = await super().seek_to_committed()
            return committed
        await self.move(positions)
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
            for start in range(0, len(found), size):
                chunk = found[start : start + size]
                expected = self._read_offset[tp]
                if chunk[0].offset < (expected or 0) or chunk[0].offset != self._sought.get(tp, chunk[0].offset):
                    continue  # fetched before a seek; what was sought is fetched again
                if self.app.consumer_generation_id != generation or not self.flow_active:
                    return
                self._sought.pop(tp, None)
                await self.wait_first(self.callback(self._chunk(tp, chunk)), self.suspend_flow.wait())
                self._read_offset[tp] = chunk[-1].offset + 1

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
