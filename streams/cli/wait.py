"""Running what waits for a broker: Ctrl-C and SIGTERM end it in order, with the code of an interruption."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run_async(act: Coroutine[Any, Any, T]) -> T:
    """What `act` answers. Raises KeyboardInterrupt for a signal, once `act` has closed what it holds."""

    async def heard() -> T:
        task = asyncio.current_task()
        if task is not None:
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await act

    try:
        return asyncio.run(heard())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
