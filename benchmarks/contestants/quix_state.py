"""Quix Streams, with a counter by key in its state store."""

from __future__ import annotations

import os
import sys
import time
import uuid
from typing import Any

from quixstreams import Application
from quixstreams.state import State

address, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
seen, start = 0, 0.0


def look(_: Any, state: State) -> None:
    """Counts."""
    global seen, start
    start = start or time.perf_counter()
    seen += 1
    state.set("seen", (state.get("seen") or 0) + 1)
    if seen >= count:
        print(time.perf_counter() - start, flush=True)
        os._exit(0)


app = Application(
    address, consumer_group=f"quix-{uuid.uuid4().hex[:8]}", auto_offset_reset="earliest", loglevel="ERROR",
    state_dir=os.environ["BENCH_STATE"],
)  # fmt: skip
frame = app.dataframe(app.topic(name, value_deserializer="bytes", key_deserializer="bytes"))
frame.update(look, stateful=True)
app.run()
