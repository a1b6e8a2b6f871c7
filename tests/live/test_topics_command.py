"""`rhodian topics`: exit codes, lines for people, JSON for scripts."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from streams.cli import main
from streams.live.settings import Settings
from streams.live.topics import specs
from streams.local.process import free_port


@pytest.fixture
def config(settings: Settings, tmp_path: Path) -> Path:
    """The settings of this test as a file."""
    path = tmp_path / "rhodian.toml"
    path.write_text(settings.describe(), encoding="utf-8")
    return path


@pytest.mark.live
def test_topics_are_created_and_then_fine(config: Path, prefix: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Check before and after, for people."""
    assert main(["topics", "check", "--config", str(config)]) == 1
    assert f"{prefix}.journal: is missing\n" in capsys.readouterr().out
    assert main(["topics", "create", "--config", str(config)]) == 0
    shown = capsys.readouterr()
    assert f"created {prefix}.journal\n" in shown.out
    assert main(["topics", "check", "--config", str(config)]) == 0
    assert capsys.readouterr().out == "all topics are as they must be\n"
    assert shown.err == ""


@pytest.mark.live
def test_json_is_alone_on_stdout(
    config: Path, settings: Settings, capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was created, and what is wrong; the environment is heard."""
    assert main(["topics", "create", "--config", str(config), "--json"]) == 0
    shown = json.loads(capsysbinary.readouterr().out)
    assert shown == {"created": [spec.name for spec in specs(settings)], "problems": []}
    monkeypatch.setenv("RHODIAN_INPUT_PARTITIONS", "2")
    assert main(["topics", "check", "--config", str(config), "--json"]) == 1
    problems = json.loads(capsysbinary.readouterr().out)["problems"]
    assert problems[0] == {"topic": f"{settings.prefix}.reference", "text": "has 1 partitions; expected 2"}
    assert len(problems) == 5


def test_what_cannot_be_done_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No such file, a wrong setting, nobody there, no live packages: code 2 and one message each."""
    assert main(["topics", "check", "--config", str(tmp_path / "none.toml")]) == 2
    assert "No such file" in capsys.readouterr().err
    monkeypatch.setenv("RHODIAN_SHARD", "1")
    assert main(["topics", "check"]) == 2
    assert capsys.readouterr().err == "rhodian: shard: no such setting\n"
    monkeypatch.delenv("RHODIAN_SHARD")
    monkeypatch.setenv("RHODIAN_KAFKA__BOOTSTRAP", f"127.0.0.1:{free_port()}")
    assert main(["topics", "check"]) == 2
    assert "no broker listens there" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "aiokafka.admin", None)
    monkeypatch.delitem(sys.modules, "streams.live.connect")
    assert main(["topics", "check"]) == 2
    assert "install the extra 'live'" in capsys.readouterr().err
