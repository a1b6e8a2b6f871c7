"""How clients reach Kafka and Redis with the settings, and what it may mean when they do not."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from streams.live.settings import KafkaSettings, Settings
from streams.live.topics import RECORD_BYTES_MAX


class Unreachable(Exception):
    """A service does not let us in, or not in time; the message says what that may mean."""


def kafka_arguments(settings: Settings) -> dict[str, Any]:
    """What every client of aiokafka takes to connect."""
    kafka = settings.kafka
    arguments: dict[str, Any] = {"bootstrap_servers": kafka.bootstrap.split(","), "security_protocol": kafka.security}
    if kafka.security.endswith("SSL"):
        arguments["ssl_context"] = ssl.create_default_context(cafile=kafka.ca_file)
    if kafka.security.startswith("SASL_"):
        arguments["sasl_mechanism"] = kafka.mechanism
        arguments["sasl_plain_username"] = kafka.user
        arguments["sasl_plain_password"] = kafka.password.get_secret_value() if kafka.password else None
    return arguments


def reader_arguments(settings: Settings) -> dict[str, Any]:
    """What a client takes that reads beside the groups, and asks where partitions end."""
    return kafka_arguments(settings) | {
        "enable_auto_commit": False,
        "max_partition_fetch_bytes": RECORD_BYTES_MAX,
        "fetch_max_wait_ms": 100,  # a question waits behind the fetch that its connection has under way
    }


def redis_arguments(settings: Settings) -> dict[str, Any]:
    """What `Redis.from_url` takes; every answer is waited for at most `deadline_s`."""
    redis = settings.redis
    arguments: dict[str, Any] = {
        "url": redis.url,
        "socket_timeout": settings.deadline_s,
        "socket_connect_timeout": settings.deadline_s,
    }
    if redis.password:
        arguments["password"] = redis.password.get_secret_value()
    if redis.ca_file:
        arguments["ssl_ca_certs"] = str(redis.ca_file)
    return arguments


@asynccontextmanager
async def kafka_admin(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    """An administrator that is connected; Unreachable if that, or what is done with it, takes `deadline_s`."""
    admin = AIOKafkaAdminClient(**kafka_arguments(settings), request_timeout_ms=int(settings.deadline_s * 1000))
    try:
        async with asyncio.timeout(settings.deadline_s):
            await admin.start()
            yield admin
    except (KafkaError, TimeoutError) as error:
        raise Unreachable(_meaning(settings.kafka, error)) from error
    finally:
        await admin.close()


def _meaning(kafka: KafkaSettings, error: Exception) -> str:
    """The client says only that it could not bootstrap, whether the port is closed or the password wrong."""
    may = ["no broker listens there"]
    if kafka.security.endswith("SSL"):
        may.append("its certificate is for another name, or not signed by ca_file")
    if kafka.security.startswith("SASL_"):
        may.append("user, password or mechanism is wrong")
    else:
        may.append("it wants a login")
    if not kafka.security.endswith("SSL"):
        may.append("it wants TLS")
    told = str(error) or "no answer in time"
    return f"Kafka at {kafka.bootstrap} by {kafka.security}: {told}; it may be that {', or '.join(may)}"
