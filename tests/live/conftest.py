"""What live tests stand on: one Kafka and one Redis for the session, and names that no other test has."""

from __future__ import annotations

import asyncio
import gc
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from streams.live.settings import Settings

if TYPE_CHECKING:
    from tests.live.guarded import Guarded


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


@pytest.fixture(scope="module")
def guarded_services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """A broker and a Redis that ask for TLS and a login."""
    from tests.live.guarded import run_guarded

    with run_guarded(tmp_path_factory.mktemp("guarded")) as services:
        yield services


@pytest.fixture
def guarded(guarded_services: Guarded) -> Iterator[Guarded]:
    """The same for one test. Both clients leave sockets open behind TLS, and when they are refused; these tests ignore
    the warnings, so the sockets must end here, and not in a later test where an open socket is a fault.
    """
    yield guarded_services
    gc.collect()


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


@pytest.fixture(scope="session")
def ran(kafka_address: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, Path]:
    """A small venue whose workers have run until all was quiet, and stopped; with its file of settings. Read only."""
    from tests.live.venue import await_quiet, feed, later, live_settings, open_venue, workers

    given = {"prefix": f"ran-{uuid.uuid4().hex[:12]}", "kafka": {"bootstrap": kafka_address}}
    settings = live_settings(Settings.model_validate({**given, "redis": {"url": redis_url}}))
    config = tmp_path_factory.mktemp("ran") / "rhodian.toml"
    config.write_text(settings.describe(), encoding="utf-8")
    asyncio.run(open_venue(settings))
    with workers(config):
        await_quiet(settings)
        for second in (100, 200):  # the window closes, and its loss is shared
            asyncio.run(feed(settings, later(second)))
            await_quiet(settings)
    return settings, config
