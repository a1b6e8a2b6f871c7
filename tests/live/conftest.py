"""What live tests stand on: one Kafka and one Redis for the session, and names that no other test has."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from streams.live.settings import Settings


@pytest.fixture(scope="session")
def kafka_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Host and port of a real broker."""
    from tests.live import services

    with services.kafka(tmp_path_factory.mktemp("kafka", numbered=True)) as address:
        yield address


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real Redis."""
    from tests.live import services

    with services.redis(tmp_path_factory.mktemp("redis", numbered=True)) as url:
        yield url


@pytest.fixture
def prefix() -> str:
    """What topics, groups and keys of this test begin with."""
    return f"test-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def settings(prefix: str, kafka_address: str, redis_url: str) -> Settings:
    """Settings that reach both services, under the prefix of this test."""
    return Settings.model_validate(
        {"prefix": prefix, "kafka": {"bootstrap": kafka_address}, "redis": {"url": redis_url}, "http": {"port": 0}}
    )
