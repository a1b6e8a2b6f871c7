"""Faust as it comes: an agent that only counts."""

from __future__ import annotations

import os
import sys
import time
import uuid
from typing import Any

import faust

address, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
app = faust.App(
    f"stock-{uuid.uuid4().hex[:8]}", broker=f"kafka://{address}", value_serializer="raw", web_enabled=False,
    topic_allow_declare=False, topic_disable_leader=True, store="memory://", consumer_auto_offset_reset="earliest",
)  # fmt: skip


@app.agent(app.topic(name, value_serializer="raw"))
async def read(stream: Any) -> None:
    """Counts."""
    seen, start = 0, 0.0
    async for _ in stream:
        start = start or time.perf_counter()
        seen += 1
        if seen == count:
            print(time.perf_counter() - start, flush=True)
            os._exit(0)


faust.Worker(app, loglevel="ERROR", quiet=True, redirect_stdouts=False).execute_from_commandline()
