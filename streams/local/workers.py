"""Workers of a private venue, and what runs beside them, as children of this process."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from streams.live.settings import PREFIX, Settings
from streams.local.process import free_port
from streams.local.service import Service


def own_environment() -> dict[str, str]:
    """Ours, without the variables that would change settings."""
    return {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}


class Worker(Service):
    """One `rhodian worker`. It is ready when every reader has its table and has read what the journal held."""

    def __init__(self, folder: Path, settings: Settings, kind: str, shard: str | None = None) -> None:
        super().__init__(folder)
        self.name = f"worker {kind}" if shard is None else f"worker {kind} {shard}"
        self.environment = own_environment()
        self.kind, self.shard = kind, shard
        self.port = free_port()
        http = settings.http.model_copy(update={"port": self.port})
        self.settings = settings.model_copy(update={"http": http})

    def prepare(self) -> Sequence[str]:
        """Its settings are a file of its own, for its port."""
        config = self.folder / "rhodian.toml"
        config.write_text(self.settings.describe(), encoding="utf-8")
        shard = [] if self.shard is None else ["--shard", self.shard]
        return [sys.executable, "-m", "streams.cli", "worker", self.kind, *shard, "--config", str(config)]

    async def probe(self) -> None:
        """Ask its health; raises while it is not ready."""
        answer = await asyncio.to_thread(_get, f"http://{self.settings.http.host}:{self.port}/readyz")
        readers = {"intake": 0, "all": len(self.settings.books) * (1 + self.settings.shards)}
        expected = readers.get(self.kind, len(self.settings.books))
        if not answer["ready"] or len(answer["readers"]) < expected:
            raise ConnectionError(f"not ready yet: {answer}")


class Child(Service):
    """A module of ours that is talked with over its input and output; its errors are its log."""

    talks = True

    def __init__(self, folder: Path, name: str, module: str, *arguments: str) -> None:
        super().__init__(folder)
        self.name, self.command = name, [sys.executable, "-m", module, *arguments]
        self.environment = own_environment()

    def prepare(self) -> Sequence[str]:
        """The command."""
        return self.command


def _get(url: str) -> dict[str, list[str]]:
    with urllib.request.urlopen(url, timeout=2) as answer:
        found: dict[str, list[str]] = json.load(answer)
        return found
