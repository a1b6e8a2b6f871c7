"""Programs as children of this process: found, started, run to their end, and the ends of their logs.

A child stands in a process group of its own, so that Ctrl-C reaches us first and we end it in our order; and the kernel
kills it when the thread that launched it ends, so launch from the main thread.
"""

from __future__ import annotations

import ctypes
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

TAIL_LINES = 25
PORTS = (20_000, 32_000)
PR_SET_PDEATHSIG = 1


class ServiceError(Exception):
    """A server that cannot run here; the message says what is missing, or ends with the last lines of its log."""


class Missing(ServiceError):
    """What a server needs is not on this machine, and trying again is of no use."""


def spawn(
    command: Sequence[str],
    output: int,
    *,
    talks: bool = False,
    environment: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """A child that cannot outlive us, its output going to a file descriptor; if it `talks`, only its errors do."""
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE if talks else subprocess.DEVNULL,
        stdout=subprocess.PIPE if talks else output,
        stderr=output,
        start_new_session=True,
        env=environment,
        preexec_fn=_die_with_parent(),
    )


def _die_with_parent() -> Callable[[], None] | None:
    """What the child does before it becomes the server; only Linux offers it."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)  # loaded here: between fork and exec as little as possible
    parent = os.getpid()

    def bind() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before we asked
            os._exit(1)

    return bind


def run(command: Sequence[str], log: Path, seconds: float) -> None:
    """Run a tool to its end; ServiceError with its output if it fails or takes longer."""
    with log.open("ab") as output:
        process = spawn(command, output.fileno())
        try:
            code = process.wait(seconds)
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if isinstance(error, subprocess.TimeoutExpired):
                raise ServiceError(f"{command[0]} took more than {seconds} s\n{tail(log)}") from None
            raise
    if code:
        raise ServiceError(f"{command[0]} failed with code {code}\n{tail(log)}")


def require(program: str, package: str) -> str:
    """The path of a program, or Missing, which says what to install."""
    found = shutil.which(program)
    if found is None:
        raise Missing(f"{program} is not installed (on Debian and Ubuntu: apt-get install {package})")
    return found


def free_port() -> int:
    """A port of loopback that nobody has now, outside the range that systems take for outgoing connections: one of
    those could have it before the server that it is for listens.
    """
    while True:
        port = random.randrange(*PORTS)
        with socket.socket() as bound, suppress(OSError):
            bound.bind(("127.0.0.1", port))
            return port


def tail(log: Path) -> str:
    """The last lines of a log, under its name."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL_LINES:] if log.exists() else []
    return "\n".join([f"the end of {log}:", *lines])
