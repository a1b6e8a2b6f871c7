"""TLS and logins: a real broker and a real Redis that ask for both, reached with the settings and with wrong ones."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, RedisError

from streams.live.connect import Unreachable, kafka_admin, kafka_arguments, redis_arguments
from streams.live.settings import Settings
from streams.live.topics import Topics
from streams.live.topics_admin import create
from streams.local.certificate import make_certificate
from streams.local.process import free_port
from tests.live.guarded import DEADLINE_S, PASSWORD, Guarded

# Both clients leave sockets open behind TLS: the fixture `guarded` ends them.
pytestmark = [pytest.mark.live, pytest.mark.filterwarnings("ignore::ResourceWarning")]


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_kafka_by_sasl_ssl(guarded: Guarded, prefix: str, mechanism: str) -> None:
    """Topics are created, a record is written and read back."""
    settings = guarded.settings({"mechanism": mechanism}).model_copy(update={"prefix": prefix})
    topic = Topics(prefix).trades

    async def run() -> bytes | None:
        await create(settings)
        async with AIOKafkaProducer(**kafka_arguments(settings)) as producer:
            await producer.send_and_wait(topic, b"a trade")
        async with AIOKafkaConsumer(**kafka_arguments(settings), auto_offset_reset="earliest") as consumer:
            consumer.assign([TopicPartition(topic, 0)])
            return (await asyncio.wait_for(consumer.getone(), DEADLINE_S)).value

    assert asyncio.run(run()) == b"a trade"


@pytest.mark.parametrize(
    ("kafka", "said"),
    [
        ({"password": "wrong"}, "user, password or mechanism is wrong"),
        ({"user": "nobody"}, "user, password or mechanism is wrong"),
        ({"mechanism": "PLAIN"}, "user, password or mechanism is wrong"),
        ({"ca_file": None}, "not signed by ca_file"),
        ({"security": "PLAINTEXT", "ca_file": None}, "it wants TLS"),
    ],
)
def test_what_keeps_us_out_of_kafka_is_told(guarded: Guarded, kafka: dict[str, Any], said: str) -> None:
    """The client says the same whatever it is, so the message says what it may be; and no secret, and in time."""
    settings = guarded.settings(kafka)
    started = time.monotonic()
    with pytest.raises(Unreachable, match=said) as failed:
        asyncio.run(_connect(settings))
    assert time.monotonic() - started < DEADLINE_S + 5
    assert guarded.kafka.guarded_address in str(failed.value)
    assert PASSWORD not in str(failed.value)


def test_a_closed_port_is_told() -> None:
    """Nobody listens there."""
    settings = Settings.model_validate({"kafka": {"bootstrap": f"127.0.0.1:{free_port()}"}, "deadline_s": DEADLINE_S})
    with pytest.raises(Unreachable, match="no broker listens there"):
        asyncio.run(_connect(settings))


async def _connect(settings: Settings) -> None:
    async with kafka_admin(settings):
        pass


def test_redis_by_tls_and_password(guarded: Guarded) -> None:
    """A value is written and read back."""
    assert asyncio.run(_written(guarded.settings())) == b"a value"


@pytest.mark.parametrize(
    ("redis", "error", "said"),
    [
        ({"password": "wrong"}, AuthenticationError, "invalid username-password"),
        ({"password": None}, AuthenticationError, "HELLO must be called with the client already authenticated"),
        ({"ca_file": None}, RedisError, "CERTIFICATE_VERIFY_FAILED"),
    ],
)
def test_what_keeps_us_out_of_redis_is_told(
    guarded: Guarded, redis: dict[str, Any], error: type[Exception], said: str
) -> None:
    """Here the client says it well."""
    with pytest.raises(error, match=said):
        asyncio.run(_written(guarded.settings(redis=redis)))


async def _written(settings: Settings) -> bytes | None:
    async with Redis.from_url(**redis_arguments(settings)) as client:
        await client.set("key", b"a value")
        found: bytes | None = await client.get("key")
        return found


def test_the_certificate_must_be_for_the_name(guarded: Guarded, tmp_path: Path) -> None:
    """Another authority's word is not enough, even where it says the same name."""
    other = make_certificate(tmp_path)
    with pytest.raises(Unreachable, match="its certificate"):
        asyncio.run(_connect(guarded.settings({"ca_file": other.certificate})))
