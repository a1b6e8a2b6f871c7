"""Whether a broker does what its first client will ask: earlier answers are of the kind 'not yet'."""

from __future__ import annotations

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code

TOPIC = "rhodian-local-probe"
GROUP = "rhodian-local-probe"
REQUEST_MS = 4_000


async def probe_kafka(address: str) -> None:
    """Create a topic, see its leader, and have its offsets from a group's coordinator; raises until all is so."""
    admin = AIOKafkaAdminClient(bootstrap_servers=address, request_timeout_ms=REQUEST_MS)
    try:
        await admin.start()
        answer = await admin.create_topics([NewTopic(TOPIC, 1, 1)])
        codes = [
            code for _topic, code, *_message in answer.topic_errors if for_code(code) is not TopicAlreadyExistsError
        ]
        (topic,) = await admin.describe_topics([TOPIC])
        codes += [topic["error_code"], *(partition["error_code"] for partition in topic["partitions"])]
        for code in codes:
            if code:
                raise for_code(code)
        await admin.list_consumer_group_offsets(GROUP, partitions=[TopicPartition(TOPIC, 0)])
    finally:
        await admin.close()
