"""Running what waits for a broker: Ctrl-C and SIGTERM end it in order, with the code of an interruption."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine
from typing import Any, TypeVar

from streams.cli.world import SIGNALS
from streams.exits import INTERRUPTED

T = TypeVar("T")
GRACE_S = 5


def run_async(act: Coroutine[Any, Any, T]) -> T:
    """What `act` answers. Raises KeyboardInterrupt for a signal, once `act` has closed what it holds.

    A client that leaves its group was seen not to end at all: what has not closed in GRACE_S is not waited for.
    """

    async def heard() -> T:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()

        def stop() -> None:
            if task is not None:
                task.cancel()
            loop.call_later(GRACE_S, os._exit, INTERRUPTED)

        for number in SIGNALS:
            loop.add_signal_handler(number, stop)
        return await act

    try:
        return asyncio.run(heard())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
