"""`rhodian local`: the live run is the fresh run, and whatever ends it, nothing is left running."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from streams.cli import main
from streams.exits import TEMPFAIL, UNAVAILABLE
from tests.cli_venue import venue, write
from tests.live.local_command import END_S, ROOT, WAIT_S, children, local, nothing_left, wait_for_file, wait_for_line

pytestmark = pytest.mark.live


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """The hand-written venue: calls, liquidations, a default and a loss."""
    return write(tmp_path / "logs", venue())


@pytest.mark.parametrize("more", [(), ("--shards", "2", "--apart")])
def test_live_is_the_replay_of_its_journal_and_the_fresh_run(tmp_path: Path, logs: Path, more: tuple[str, ...]) -> None:
    """In lock-step, one process for all workers or one for each, one shard or two; and then all is gone."""
    out, fresh = tmp_path / "out", tmp_path / "fresh"
    with local(tmp_path, "--logs", str(logs), "--out", str(out), "--heartbeat-ms", "60000", *more) as process:
        shown, told = process.communicate(timeout=WAIT_S)
    assert process.returncode == 0, told
    assert "live and the replay of its journal: the same;" in told
    assert "live and the fresh run of the logs: the same;" in told
    assert "loss of window" in told
    assert "money and lots conserved" in shown
    nothing_left(tmp_path)
    assert main(["replay", str(logs), "--out", str(fresh)]) == 0
    found, expected = (json.loads((folder / "summary.json").read_bytes()) for folder in (out, fresh))
    for digest in ("events_digest", "balances_digest"):
        assert found[digest] == expected[digest]


def test_a_paced_feed_is_the_replay_of_its_journal(tmp_path: Path, logs: Path) -> None:
    """Without lock-step there is no fresh run to compare with."""
    with local(tmp_path, "--logs", str(logs), "--out", str(tmp_path / "out"), "--speed", "1000") as process:
        _, told = process.communicate(timeout=WAIT_S)
    assert process.returncode == 0, told
    assert "live and the replay of its journal: the same;" in told
    assert "fresh run" not in told
    nothing_left(tmp_path)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_the_middle_ends_all(tmp_path: Path, logs: Path, number: signal.Signals) -> None:
    """At real time the feed takes minutes; what was replayed so far is written."""
    with local(tmp_path, "--logs", str(logs), "--out", str(tmp_path / "out"), "--speed", "1") as process:
        wait_for_line(process, "feeding")
        wait_for_file(tmp_path / "out" / "journal.jsonl")
        process.send_signal(number)
        process.wait(END_S)
    assert process.returncode == 130
    nothing_left(tmp_path)
    assert json.loads((tmp_path / "out" / "summary.json").read_bytes())["interrupted"]


def test_a_dead_child_is_named_and_all_ends(tmp_path: Path, logs: Path) -> None:
    """With the end of its log."""
    with local(tmp_path, "--logs", str(logs), "--speed", "1") as process:
        wait_for_line(process, "feeding")
        worker = next(pid for pid, command in children(tmp_path).items() if " worker " in command)
        os.kill(worker, signal.SIGKILL)
        _, told = process.communicate(timeout=END_S)
    assert process.returncode == TEMPFAIL
    assert "worker all ended by itself" in told
    assert "the end of" in told
    nothing_left(tmp_path)


def test_without_logs_it_says_where_it_is(tmp_path: Path) -> None:
    """And waits for Ctrl-C."""
    with local(tmp_path) as process:
        assert process.stdout is not None
        shown = [process.stdout.readline() for _ in range(8)]
        assert any(line.startswith("Kafka    127.0.0.1:") for line in shown)
        assert any("kcat -P" in line for line in shown)
        process.send_signal(signal.SIGINT)
        process.wait(END_S)
    assert process.returncode == 130
    nothing_left(tmp_path)


def programs_without(folder: Path, *hidden: str) -> Path:
    """What this machine has, but for some programs."""
    folder.mkdir()
    for place in ("/usr/bin", "/bin", "/usr/local/bin"):
        for program in Path(place).iterdir():
            if program.name not in hidden and not (folder / program.name).exists():
                (folder / program.name).symlink_to(program)
    return folder


@pytest.mark.parametrize("program", ["java", "redis-server"])
def test_a_missing_program_has_a_code_of_its_own(
    tmp_path: Path, logs: Path, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    """No other start on this machine would do better; what had begun is ended."""
    monkeypatch.setenv("PATH", str(programs_without(tmp_path / "bin", program)))
    with local(tmp_path, "--logs", str(logs)) as process:
        _, told = process.communicate(timeout=WAIT_S)
    assert process.returncode == UNAVAILABLE
    assert told.splitlines()[-1].startswith(f"rhodian: {program} is not installed (")
    nothing_left(tmp_path)


def demo(tmp_path: Path, programs: Path) -> subprocess.CompletedProcess[str]:
    """A small demo."""
    environment = os.environ | {"PATH": str(programs), "DEMO_ACCOUNTS": "200", "DEMO_OUT": str(tmp_path / "demo")}
    return subprocess.run(
        [ROOT / "script" / "demo"], env=environment, capture_output=True, text=True, timeout=WAIT_S, check=False
    )


def test_the_demo_replays_where_there_is_no_java(tmp_path: Path) -> None:
    """It says what is missing."""
    ran = demo(tmp_path, programs_without(tmp_path / "bin", "java", "mvn", "apt-get"))
    assert ran.returncode == 0, ran.stderr
    assert "java is not installed" in ran.stderr
    assert "replaying from files instead" in ran.stderr
    assert "money and lots conserved" in ran.stdout
    assert (tmp_path / "demo" / "result" / "summary.json").exists()


def test_the_demo_fails_where_something_breaks(tmp_path: Path) -> None:
    """A Java that is there and ends by itself is no reason to show something else."""
    programs = programs_without(tmp_path / "bin", "java")
    (programs / "java").write_text("#!/bin/sh\necho no room >&2\nexit 1\n")
    (programs / "java").chmod(0o755)
    ran = demo(tmp_path, programs)
    assert ran.returncode == TEMPFAIL, ran.stderr
    assert "no room" in ran.stderr
    assert "replaying from files instead" not in ran.stderr
