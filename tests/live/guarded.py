"""A real broker and a real Redis that both ask for TLS and a login, and settings that have one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streams.live.settings import Settings
from streams.local.certificate import Certificate, make_certificate
from streams.local.kafka import Guard, LocalKafka
from streams.local.redis import LocalRedis

USER, PASSWORD = "rhodian", "a secret = with spaces"
DEADLINE_S = 10


@dataclass(frozen=True)
class Guarded:
    """Both services, and the certificate that they show."""

    kafka: LocalKafka
    redis: LocalRedis
    certificate: Certificate

    def settings(self, kafka: dict[str, Any] | None = None, redis: dict[str, Any] | None = None) -> Settings:
        """Settings that are right, but for what the arguments change."""
        ca_file = self.certificate.certificate
        login = {"security": "SASL_SSL", "user": USER, "password": PASSWORD, "ca_file": ca_file}
        return Settings.model_validate(
            {
                "deadline_s": DEADLINE_S,
                "kafka": {"bootstrap": self.kafka.guarded_address, **login, **(kafka or {})},
                "redis": {"url": self.redis.url, "password": PASSWORD, "ca_file": ca_file, **(redis or {})},
                "http": {"port": 0},
            }
        )


@contextmanager
def run_guarded(folder: Path) -> Iterator[Guarded]:
    """Processes of this machine, whatever the other tests run on: only here is it known who may log in."""
    certificate = make_certificate(folder / "tls")
    kafka = LocalKafka(folder / "kafka", Guard(certificate, USER, PASSWORD))
    with kafka, LocalRedis(folder / "redis", PASSWORD, certificate) as redis:
        yield Guarded(kafka, redis, certificate)
