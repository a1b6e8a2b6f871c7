"""A private Redis: append-only file, fsync every second, all in one folder; with TLS and a password if asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from redis.asyncio import Redis

from streams.local.certificate import Certificate
from streams.local.process import free_port, require
from streams.local.service import Service


class LocalRedis(Service):
    """`url` is its address, for as long as this object lives. Its configuration is in `redis.conf` of the folder."""

    name = "redis-server"

    def __init__(self, folder: Path, password: str | None = None, certificate: Certificate | None = None) -> None:
        super().__init__(folder)
        self.password = password
        self.certificate = certificate
        self.port = free_port()

    @property
    def url(self) -> str:
        """Without the password."""
        return f"{'rediss' if self.certificate else 'redis'}://127.0.0.1:{self.port}"

    def prepare(self) -> Sequence[str]:
        """A file, not arguments: anybody may read the arguments of a process."""
        program = require("redis-server", "redis-server")
        path = self.folder / "redis.conf"
        path.touch(mode=0o600)
        path.write_text("".join(f"{line}\n" for line in self._lines()), encoding="utf-8")
        return [program, str(path)]

    def _lines(self) -> list[str]:
        port = ["port 0", f"tls-port {self.port}"] if self.certificate else [f"port {self.port}"]
        lines = ["bind 127.0.0.1", *port, f'dir "{self.folder}"', "appendonly yes", "appendfsync everysec", 'save ""']
        if self.password:
            lines.append(f'requirepass "{self.password}"')
        if self.certificate:
            lines += [
                f'tls-cert-file "{self.certificate.certificate}"',
                f'tls-key-file "{self.certificate.key}"',
                "tls-auth-clients no",
            ]
        return lines

    async def probe(self) -> None:
        """A ping is refused while the file is loaded."""
        ca_file: dict[str, Any] = {"ssl_ca_certs": str(self.certificate.certificate)} if self.certificate else {}
        async with Redis.from_url(self.url, password=self.password, **ca_file) as client:
            await client.ping()
