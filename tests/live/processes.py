"""Workers as processes: started as a user starts them, killed, stopped, paused, and started again when they end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from streams.exits import TEMPFAIL
from streams.live.settings import Settings
from streams.local.process import spawn, tail

ENDS = (0, TEMPFAIL, -signal.SIGTERM, -signal.SIGKILL)  # SIGTERM: it had not yet begun
DEFECT = "[ERROR] unexpected"  # neither Kafka nor Redis was away: started again it would only be hidden
DRAIN_S = 10  # what a worker has to end in when it is asked to


@dataclass(slots=True)
class Worker:
    """One process. `name` is what it is in the command line, and behind a `#` which of several it is."""

    name: str
    log: Path
    process: subprocess.Popen[bytes]

    @property
    def code(self) -> int | None:
        """Its exit code; None while it runs."""
        return self.process.poll()

    def send(self, number: signal.Signals) -> None:
        """A signal, if it still runs."""
        if self.code is None:
            os.kill(self.process.pid, number)

    def wait(self, seconds: float) -> int:
        """Its exit code, in time."""
        return self.process.wait(seconds)


@dataclass(slots=True)
class Workers:
    """All processes of one venue. `ends` are the names and codes of those that ended and were started again."""

    settings: Settings
    folder: Path
    running: dict[str, Worker] = field(default_factory=dict)
    ends: list[tuple[str, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "rhodian.toml").write_text(self.settings.describe(), encoding="utf-8")

    def start(self, *names: str, fault: str = "") -> None:
        """`intake`, `clearing`, `all`, or `margin 0/2`; a second one of a kind is `intake#2`."""
        for name in names:
            kind, *shard = name.partition("#")[0].split()
            command = ["env", f"RHODIAN_TEST_FAULT={fault}", sys.executable, "-m", "streams.cli", "worker", kind]
            command += ["--config", str(self.folder / "rhodian.toml"), *(["--shard", *shard] if shard else [])]
            log = self.folder / f"{name.replace('/', '-of-')}.log"
            with log.open("ab") as output:
                self.running[name] = Worker(name, log, spawn(command, output.fileno()))

    def kill(self, name: str) -> None:
        """At once, as a crash would."""
        worker = self.running[name]
        worker.send(signal.SIGKILL)
        worker.wait(DRAIN_S)

    def revive(self) -> None:
        """Start again what ended, as a supervisor does; only a crash or a call for a fresh start is a reason to end."""
        for name, worker in list(self.running.items()):
            code = worker.code
            if code is None:
                continue
            assert code in (-signal.SIGKILL, TEMPFAIL), f"{name} ended with {code}\n{tail(worker.log)}"
            assert DEFECT not in worker.log.read_text(errors="replace"), f"{name} has a defect\n{tail(worker.log)}"
            self.ends.append((name, code))
            self.start(name)

    def stop(self, *names: str) -> float:
        """Ask some, or all, to end; the seconds until the last of them did."""
        started = time.monotonic()
        workers = [self.running.pop(name) for name in names or list(self.running)]
        for worker in workers:
            worker.send(signal.SIGTERM)
        for worker in workers:
            code = worker.wait(2 * DRAIN_S)
            assert code in ENDS, f"{worker.name} ended with {code}\n{tail(worker.log)}"
        return time.monotonic() - started

    def end(self) -> None:
        """Kill whatever is left."""
        for worker in self.running.values():
            worker.send(signal.SIGCONT)
            worker.send(signal.SIGKILL)
            worker.wait(DRAIN_S)

    def tails(self) -> str:
        """The ends of all logs."""
        return "\n".join(tail(log) for log in sorted(self.folder.glob("*.log")))
