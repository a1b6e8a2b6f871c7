"""One server as a child of this process: started, waited for until it answers, stopped, killed, started again."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Self

from streams.local.process import ServiceError, spawn, tail

READY_S = 60  # on a busy machine; a quiet one needs three
STOP_S = 20
PROBE_S = 5
PAUSE_S = 0.05


class Service:
    """A server with a folder of its own for its data and its log. Ports and data outlive `stop` and `kill`."""

    name = "service"
    talks = False
    environment: Mapping[str, str] | None = None

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "log.txt"
        self._process: subprocess.Popen[bytes] | None = None

    def prepare(self) -> Sequence[str]:
        """Write what the server reads, and answer the command that runs it."""
        raise NotImplementedError

    async def probe(self) -> None:
        """Return when the server does all that is asked of it; raise anything while it does not."""
        raise NotImplementedError

    @property
    def pid(self) -> int | None:
        """The process while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    @property
    def has_finished(self) -> bool:
        """Whether a child that talks has done its work and ended."""
        return self.talks and self._process is not None and self._process.poll() == 0

    @property
    def pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        """The input and output of a child that talks."""
        if self._process is None or self._process.stdin is None or self._process.stdout is None:
            raise ServiceError(f"{self.name} does not run, or does not talk")
        return self._process.stdin, self._process.stdout

    def launch(self) -> None:
        """Start the process; `ready` waits for it."""
        if self.pid:
            raise ServiceError(f"{self.name} runs already")
        self.folder.mkdir(parents=True, exist_ok=True)
        command = self.prepare()
        with self.log.open("ab") as log:
            self._process = spawn(command, log.fileno(), talks=self.talks, environment=self.environment)

    async def ready(self) -> None:
        """Wait until the server answers, at most READY_S."""
        deadline = time.monotonic() + READY_S
        while True:
            if not self.pid:
                raise ServiceError(f"{self.name} ended while it started\n{tail(self.log)}")
            try:
                async with asyncio.timeout(PROBE_S):
                    return await self.probe()
            except Exception as error:  # of many kinds while a server starts; the last one is told
                if time.monotonic() > deadline:
                    reason = f"{type(error).__name__}: {error}"
                    message = f"{self.name} did not answer within {READY_S} s ({reason})\n{tail(self.log)}"
                    raise ServiceError(message) from error
            await asyncio.sleep(PAUSE_S)

    def start(self) -> Self:
        """Launch and wait, for callers without an event loop."""
        self.launch()
        try:
            asyncio.run(self.ready())
        except BaseException:
            self.kill()
            raise
        return self

    def wait(self, seconds: float) -> int:
        """The exit code of a child that ends by itself; ServiceError if it does not in time."""
        if self._process is None:
            raise ServiceError(f"{self.name} does not run")
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise ServiceError(f"{self.name} did not end within {seconds} s\n{tail(self.log)}") from None

    def ask(self) -> None:
        """Ask to end, and do not wait: `stop` does."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGTERM)

    def stop(self) -> None:
        """Ask to end, wait, and after STOP_S kill."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End at once, as a crash would."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        for each in (number, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, each)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_S)
                break
        self._process = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_error: object) -> None:
        self.stop()
