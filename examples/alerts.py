"""The smallest consumer of Rhodian's alerts: defaults and shared losses, one line each. Needs aiokafka alone.

    python examples/alerts.py 127.0.0.1:9092 rhodian

Events are CloudEvents in binary mode: the id is a header, the value is JSON, money stands there as integer units and as
decimal text. A worker that starts again may tell an event once more, with the same id: whoever acts on one drops those.
"""

import asyncio
import json
import sys

from aiokafka import AIOKafkaConsumer


async def main(broker: str, prefix: str) -> None:
    topics = [f"{prefix}.defaults", f"{prefix}.socialized-losses"]
    consumer = AIOKafkaConsumer(
        *topics,
        bootstrap_servers=broker,
        group_id="alerts",
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=2**24,
    )
    seen = set()
    async with consumer:
        async for record in consumer:
            name = dict(record.headers)["ce_id"]
            if name not in seen:
                seen.add(name)
                event = json.loads(record.value)
                money = event.get("shortfall") or event.get("amount") or ""
                print(event["time"], event["type"], event["subject"], money, flush=True)


asyncio.run(main(*sys.argv[1:]))
