"""`rhodian local` as a process, and what is left of it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WAIT_S = 120
END_S = 40


@contextmanager
def local(tmp_path: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The command as a process that makes its folder in `tmp_path`."""
    (tmp_path / "run").mkdir()
    environment = os.environ | {"TMPDIR": str(tmp_path / "run"), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "streams.cli", "local", *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=tmp_path
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for_line(process: subprocess.Popen[str], text: str) -> None:
    """Read what it says until a line has a text in it."""
    assert process.stderr is not None
    for line in process.stderr:
        if text in line:
            return
    pytest.fail(f"never said: {text}")


def wait_for_file(path: Path) -> None:
    """The replay beside the run has begun."""
    deadline = time.monotonic() + WAIT_S
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def children(tmp_path: Path) -> dict[int, str]:
    """Processes that name the folder of the run."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(tmp_path / "run") in command:
            found[int(folder.name)] = command
    return found


def nothing_left(tmp_path: Path) -> None:
    """No process, no file."""
    deadline = time.monotonic() + END_S
    while left := children(tmp_path):
        assert time.monotonic() < deadline, left
        time.sleep(0.1)
    assert not list((tmp_path / "run").glob("rhodian-local-*"))
