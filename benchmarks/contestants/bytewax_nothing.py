"""Bytewax, with an operator that only counts."""

from __future__ import annotations

import os
import sys
import time
from typing import Any

import bytewax.operators as op
from bytewax.connectors.kafka import operators as kop
from bytewax.connectors.stdio import StdOutSink
from bytewax.dataflow import Dataflow
from bytewax.testing import cluster_main

address, topic, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
seen, start = 0, 0.0


def look(records: list[Any]) -> list[str]:
    """Counts a batch."""
    global seen, start
    start = start or time.perf_counter()
    seen += len(records)
    if seen >= count:
        print(time.perf_counter() - start, flush=True)
        os._exit(0)
    return []


flow = Dataflow("nothing")
found = kop.input("in", flow, brokers=[address], topics=[topic], batch_size=4_000)
op.output("out", op.flat_map_batch("look", found.oks, look), StdOutSink())
cluster_main(flow, [], 0)
