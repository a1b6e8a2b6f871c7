"""Feeding logs to a live venue: in lock-step, or by event time, so many times faster than it was."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from streams.live.feeding import STALL_S, Feeding
from streams.live.lockstep import Lockstep
from streams.live.oracle import Line, goes_in, groups, lines_of
from streams.live.tables import Transient
from streams.logs import find_logs
from streams.merge import merge_logs

DUE_S = 0.05  # lines of a paced feed that are due within this go together


@asynccontextmanager
async def background(act: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """The body, with something beside it that ends when it does."""
    task = asyncio.create_task(act)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def feed_lockstep(feeding: Feeding, logs: Path, heartbeat_ms: int) -> None:
    """An input that causes something is answered before the next one: the result is that of a fresh run."""
    for group in groups(logs, heartbeat_ms, Lockstep(feeding.settings.shards)):
        await feeding.step(group)


async def feed_paced(feeding: Feeding, logs: Path, heartbeat_ms: int, speed: float) -> None:
    """Lines when they are due by their event time; only at the end it is waited for what was written."""
    async with background(_hear(feeding)):
        await _write_due(feeding, logs, heartbeat_ms, speed)
        async with asyncio.timeout(10 * STALL_S):
            while feeding.heard < feeding.wanted:
                await asyncio.sleep(0.1)


async def _write_due(feeding: Feeding, logs: Path, heartbeat_ms: int, speed: float) -> None:
    loop, due, lockstep = asyncio.get_running_loop(), list[Line](), Lockstep(feeding.settings.shards)
    started, first = loop.time(), -1
    for batch in merge_logs(find_logs(logs), heartbeat_ms):
        rows = zip(batch.messages, lines_of(batch, lockstep), batch.times_ms.tolist(), strict=True)
        for message, line, time_ms in rows:
            first = time_ms if first < 0 else first
            wait_s = started + (time_ms - first) / 1000 / speed - loop.time()
            if due and wait_s > DUE_S:
                await feeding.write(due, barrier=False)
                due = []
                await asyncio.sleep(wait_s)
            due.append(line)
            is_good = goes_in(message, feeding.settings.books)
            feeding.wanted += is_good
            feeding.refused += not is_good
    await feeding.write(due, barrier=False)


async def _hear(feeding: Feeding) -> None:
    """What the journals have; that nothing comes for a while is no fault here."""
    while True:
        with suppress(Transient):
            await feeding.hear(1.0)
