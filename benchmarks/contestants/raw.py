"""aiokafka alone, doing nothing with what it fetches."""

from __future__ import annotations

import asyncio
import sys
import time

from aiokafka import AIOKafkaConsumer


async def main(address: str, topic: str, count: int) -> None:
    """Reads `count` records."""
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=address, auto_offset_reset="earliest")
    await consumer.start()
    seen, start = 0, 0.0
    while seen < count:
        for records in (await consumer.getmany(timeout_ms=1000, max_records=16_000)).values():
            start = start or time.perf_counter()
            seen += len(records)
    print(time.perf_counter() - start, flush=True)
    await consumer.stop()


asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
