"""Kafka and Redis as containers, where a docker engine answers and has the images or can pull them."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache

import docker
from docker.errors import DockerException, ImageNotFound
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer

from streams.local.kafka import PROPERTIES
from streams.local.process import free_port

KAFKA_IMAGE = "apache/kafka:4.1.1"
REDIS_IMAGE = "redis:7-bookworm"
ENGINE_S = 60  # to answer, and to pull


@cache
def lacking(image: str) -> str | None:
    """Why no container of the image can be had here; None if one can."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # the client leaves a socket open where no engine answers
        found = _lacking(image)
        gc.collect()
    return found


def _lacking(image: str) -> str | None:
    try:
        client = docker.from_env(timeout=ENGINE_S)
    except DockerException as error:
        return f"no docker engine answers ({error})"
    with closing(client):
        try:
            client.images.get(image)
        except ImageNotFound:
            try:
                client.images.pull(image)
            except DockerException as error:
                return f"{image} is not there and cannot be pulled ({error})"
    return None


@contextmanager
def _running(container: DockerContainer, port: int) -> Iterator[DockerContainer]:
    """The container, its port published on loopback under the same number; Ryuk removes what a killed run leaves."""
    testcontainers_config.ryuk_disabled = lacking(testcontainers_config.ryuk_image) is not None
    container.ports[f"{port}/tcp"] = ("127.0.0.1", port)
    with container:
        yield container


@contextmanager
def kafka() -> Iterator[str]:
    """Host and port of a broker of its own; the port is chosen first, since the broker must advertise it."""
    port, controller = free_port(), "127.0.0.1:9093"
    places = {
        "listeners": f"PLAINTEXT://0.0.0.0:{port},CONTROLLER://{controller}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "controller.quorum.voters": f"1@{controller}",
    }
    container = DockerContainer(KAFKA_IMAGE)
    for name, value in [line.split("=", 1) for line in PROPERTIES.splitlines()] + list(places.items()):
        container.with_env("KAFKA_" + name.upper().replace(".", "_"), value)
    with _running(container, port):
        yield f"127.0.0.1:{port}"


@contextmanager
def redis() -> Iterator[str]:
    """The address of a Redis of its own, set as the local one is."""
    port = free_port()
    container = DockerContainer(REDIS_IMAGE)
    container.with_command(["redis-server", "--port", str(port), "--appendonly", "yes", "--save", ""])
    with _running(container, port):
        yield f"redis://127.0.0.1:{port}"
