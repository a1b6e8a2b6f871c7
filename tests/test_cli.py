"""The command line: exit codes, clean JSON on stdout, tables for people, and files that survive Ctrl-C."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from streams.cli import main
from streams.cli.parser import time_ms
from streams.cli.show import grouped, percent
from tests.cli_venue import BOOK, START_MS, venue, write

ROOT = Path(__file__).resolve().parent.parent
MARKET = ROOT / "data" / "bitmex_xbtusd_1m_20200311_20200314.csv"


def call(*arguments: object) -> int:
    """The exit code of a command."""
    return main([str(argument) for argument in arguments])


def usage(*arguments: object) -> int:
    """The exit code of a command that argparse refuses."""
    with pytest.raises(SystemExit) as ended:
        call(*arguments)
    return int(str(ended.value.code))


def bad_venue() -> dict[str, list[dict[str, Any]]]:
    """The small venue with two faults."""
    lines = venue()
    lines["prices"][5]["mark"] = "0.1"
    lines["prices"][6]["mark"] = "0.1"
    lines["trades"][1]["seller"] = lines["trades"][1]["buyer"]
    return lines


def test_replay_shows_what_a_risk_manager_reads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One table of figures, one of layers, the largest losses, conservation and digests."""
    assert call("replay", write(tmp_path / "logs"), "--out", tmp_path / "out") == 0
    shown = capsys.readouterr()
    for words in (
        "equity of members, before", "open interest BTC, after", "margin calls: made / met / missed", "torn up, BTC",
        "Loss by layer", "haircut of gains", "uncovered", "Largest single losses", "yes, to the last unit",
        "events digest", "lines per second",
    ):  # fmt: skip
        assert words in shown.out
    assert shown.err == ""
    summary = json.loads((tmp_path / "out" / "summary.json").read_bytes())
    assert summary["balances_digest"][:16] in shown.out


def test_json_is_alone_on_stdout(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """The same document as summary.json."""
    assert call("replay", write(tmp_path / "logs"), "--out", tmp_path / "out", "--json") == 0
    shown = capsysbinary.readouterr()
    assert json.loads(shown.out) == json.loads((tmp_path / "out" / "summary.json").read_bytes())
    assert shown.err == b""


def test_strict_has_its_exit_code_and_names_the_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --strict the same logs are fine."""
    logs = write(tmp_path / "logs", bad_venue())
    assert call("replay", logs, "--out", tmp_path / "out") == 0
    capsys.readouterr()
    assert call("replay", logs, "--out", tmp_path / "out", "--strict", "--json") == 1
    shown = capsys.readouterr()
    assert json.loads(shown.out)["end"] == "strict"
    assert shown.err == "rhodian: trades.jsonl, line 2: SAME_PARTY (209): buyer and seller are one account\n"


def test_what_if_prints_both_outcomes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Side by side, as a table and as JSON; the files of the second run have a folder of their own."""
    logs, file = write(tmp_path / "logs"), tmp_path / "what-if.json"
    layers = [{"id": "rest", "kind": "uncovered", "rank": 1}]
    file.write_text(json.dumps([{"type": "waterfall", "book": BOOK, "layers": layers}]))
    assert call("replay", logs, "--out", tmp_path / "out", "--what-if", file) == 0
    shown = capsys.readouterr().out
    assert "as logged" in shown
    assert "what if" in shown
    assert call("replay", logs, "--out", tmp_path / "out", "--what-if", file, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {"logged", "what_if"}
    assert found["logged"]["books"][BOOK]["uncovered_units"] == 0
    assert found["what_if"]["books"][BOOK]["uncovered_units"] == found["what_if"]["books"][BOOK]["loss_units"] > 0
    for directory, summary in ((tmp_path / "out", "logged"), (tmp_path / "out" / "what-if", "what_if")):
        assert json.loads((directory / "summary.json").read_bytes()) == found[summary]


def test_several_what_ifs_are_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A row each, each in its own folder, told as JSON too; a file of one object holds whatever the book is named."""
    logs, files = write(tmp_path / "logs"), [tmp_path / "rest.json", tmp_path / "fund.json"]
    rest = {"id": "rest", "kind": "uncovered", "rank": 9}
    for file, layers in zip(files, ([rest], [{"id": "gf", "kind": "guarantee_fund", "rank": 1}, rest]), strict=True):
        file.write_text(json.dumps({"type": "waterfall", "book": "another", "layers": layers}))
    assert call("replay", logs, "--out", tmp_path / "out", "--what-if", *files, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {"logged", "rest", "fund"}
    books = {name: summary["books"][BOOK] for name, summary in found.items()}
    assert books["rest"]["borne_by_members"]["members"] == 0
    assert books["rest"]["uncovered_units"] == books["rest"]["loss_units"] > 0
    paid = books["fund"]["borne_by_members"]
    assert paid["amount_units"] == sum(one["drawn_units"] for one in books["fund"]["loss_by_layer"][:1]) > 0
    assert 0 < paid["largest_units"] <= paid["amount_units"]
    for name in ("rest", "fund"):
        assert json.loads((tmp_path / "out" / "what-if" / name / "summary.json").read_bytes()) == found[name]
    assert call("replay", logs, "--out", tmp_path / "out", "--what-if", *files) == 0
    shown = capsys.readouterr().out
    assert [line.split("│")[1].strip() for line in shown.splitlines() if line.startswith("│")] == [
        "logged",
        "rest",
        "fund",
    ]
    assert call("replay", logs, "--out", tmp_path / "out", "--what-if", files[0], files[0]) == 2
    assert "two runs would be named rest" in capsys.readouterr().err
    assert call("replay", logs, "--out", tmp_path / "out") == 0
    assert not (tmp_path / "out" / "what-if").exists()


def test_until_is_read_in_utc(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """ISO 8601 or milliseconds, on the command line too."""
    logs = write(tmp_path / "logs")
    for text in (str(START_MS + 25_000), "2020-09-13T12:27:05Z", "2020-09-13T14:27:05+02:00", "2020-09-13 12:27:05"):
        assert call("replay", logs, "--out", tmp_path / "out", "--until", text, "--json") == 0
        summary = json.loads(capsys.readouterr().out)
        assert summary["end"] == "until"
        assert summary["log"]["last_time_ms"] == START_MS + 25_000


def test_usage_errors_have_one_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What cannot be read, written or understood ends with 2 and a sentence, never a traceback."""
    logs = write(tmp_path / "logs")
    (tmp_path / "file").touch()
    (tmp_path / "file.json").write_text("[]")
    for arguments in (
        ("replay", tmp_path / "absent", "--out", tmp_path / "out"),
        ("replay", logs, "--out", logs),
        ("replay", logs, "--out", tmp_path / "file"),
        ("replay", logs, "--out", tmp_path / "out", "--what-if", tmp_path / "file.json"),
        ("replay", logs, "--out", tmp_path / "out", "--what-if", tmp_path / "absent"),
        ("check", tmp_path / "absent"),
        ("scenario", "--market", tmp_path / "file", "--accounts", 5, "--seed", 1, "--out", tmp_path / "new"),
    ):
        assert call(*arguments) == 2, arguments
        shown = capsys.readouterr()
        assert shown.out == ""
        assert shown.err.startswith("rhodian: ")
        assert "Traceback" not in shown.err
    assert usage() == 2
    assert usage("replay", logs) == 2
    for option, text in (
        ("--shards", "0"),
        ("--shards", "x"),
        ("--until", "soon"),
        ("--until", "9" * 20),
        ("--heartbeat-ms", "5"),
    ):
        assert usage("replay", logs, "--out", tmp_path / "out", option, text) == 2


def test_a_halt_has_its_code_and_leaves_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken invariant is ours: code 3, everything up to it written."""
    from engine.runs import Runs
    from schemas.codes import Halt
    from streams.driver import BookRun

    feed = BookRun.feed

    def halting(self: BookRun, message: Any) -> Any:
        if message.time_ms > START_MS + 20_000:
            raise Halt("money is not conserved")
        return feed(self, message)

    monkeypatch.setattr(Runs, "advance", lambda *_: 0)
    monkeypatch.setattr(BookRun, "feed", halting)
    assert call("replay", write(tmp_path / "logs"), "--out", tmp_path / "out", "--json") == 3
    summary = json.loads((tmp_path / "out" / "summary.json").read_bytes())
    assert (summary["end"], summary["reason"]) == ("halted", "money is not conserved")


def test_a_defect_of_ours_has_the_code_of_a_halt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any) -> None:
    """With the traceback on stderr, for the report."""
    monkeypatch.setattr("streams.fresh.merge_logs", lambda *_: 1 // 0)
    assert call("replay", write(tmp_path / "logs"), "--out", tmp_path / "out", "--json") == 3
    shown = capfd.readouterr()
    assert shown.out == ""
    assert "ZeroDivisionError" in shown.err


def test_check_finds_nothing_in_good_logs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Code 0."""
    assert call("check", write(tmp_path / "logs")) == 0
    assert "32 lines: 32 good, 0 repeats, 0 refused" in capsys.readouterr().out


def test_check_counts_codes_with_their_first_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Code 1, as a table and as JSON."""
    logs = write(tmp_path / "logs", bad_venue())
    with (logs / "commands.jsonl").open("ab") as file:
        file.write(b"[1]\n")
    assert call("check", logs) == 1
    shown = capsys.readouterr().out
    assert "SAME_PARTY" in shown
    assert "OFF_TICK" in shown
    assert call("check", logs, "--json") == 1
    found = json.loads(capsys.readouterr().out)
    assert found["refused"] == 4
    assert [(row["name"], row["count"], row["file"], row["line"]) for row in found["codes"]] == [
        ("NOT_AN_OBJECT", 1, "commands.jsonl", 2),
        ("OFF_TICK", 2, "prices.jsonl", 6),
        ("SAME_PARTY", 1, "trades.jsonl", 2),
    ]


def test_check_and_replay_refuse_the_same_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """But for what only an account can refuse."""
    logs = write(tmp_path / "logs", bad_venue())
    call("check", logs, "--json")
    checked = {row["name"]: row["count"] for row in json.loads(capsys.readouterr().out)["codes"]}
    call("replay", logs, "--out", tmp_path / "out", "--json")
    assert json.loads(capsys.readouterr().out)["refused"] == checked


def test_scenario_says_what_is_real(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Options reach the generator; --json gives its summary; the logs check."""
    arguments = ("scenario", "--market", MARKET, "--accounts", 30, "--seed", 2, "--isolated-share", 0)
    assert call(*arguments, "--out", tmp_path / "logs") == 0
    shown = capsys.readouterr().out
    assert "real:" in shown
    assert "assumed:" in shown
    assert call(*arguments, "--out", tmp_path / "again", "--json") == 0
    assert json.loads(capsys.readouterr().out)["isolated_accounts"] == 0
    assert (tmp_path / "logs" / "trades.jsonl").read_bytes() == (tmp_path / "again" / "trades.jsonl").read_bytes()
    assert (
        call("scenario", "--market", MARKET, "--accounts", 30, "--seed", 2, "--topup-share", 7, "--out", tmp_path) == 2
    )
    assert call("check", tmp_path / "logs") == 0


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    """Examples, exit codes, files."""
    assert usage("--help") == 0
    shown = capsys.readouterr().out
    assert "examples:" in shown
    assert "exit codes:" in shown
    assert usage("replay", "--help") == 0
    assert "dead-letters.jsonl" in capsys.readouterr().out
    assert usage("--version") == 0
    assert capsys.readouterr().out.startswith("rhodian ")


def test_times_and_numbers_are_read_and_shown() -> None:
    """At their edges."""
    assert time_ms("1970-01-01") == 0
    assert time_ms("1969-12-31T23:59:59.999Z") == -1
    assert grouped("0.00000001") == "0.00000001"
    assert grouped("-1234567") == "-1,234,567"
    assert percent(1_000_000) == "100.00%"


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_complete_files(tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C in the middle of a real run: code 130, every line whole, the summary says so."""
    assert call("scenario", "--market", MARKET, "--accounts", 300, "--seed", 1, "--out", tmp_path / "logs") == 0
    out = tmp_path / "out"
    command = [sys.executable, "-m", "streams.cli", "replay", str(tmp_path / "logs"), "--out", str(out), "--json"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not _has_begun(out):
            time.sleep(0.02)
        process.send_signal(number)
        shown, told = process.communicate(timeout=60)
    assert process.returncode == 130, told
    summary = json.loads(shown)
    assert summary["interrupted"] is True
    assert summary["conserved"] is True
    assert summary == json.loads((out / "summary.json").read_bytes())
    for name in ("events.jsonl", "journal.jsonl", "dead-letters.jsonl"):
        content = (out / name).read_bytes()
        assert content == b"" or content.endswith(b"\n")
        for line in content.splitlines():
            json.loads(line)
    count = len((out / "accounts.csv").read_text().splitlines()) - 1
    assert count == summary["books"]["bitmex-xbt"]["accounts"]
    assert b"the files will be complete" in told


def _has_begun(out: Path) -> bool:
    path = out / "journal.jsonl"
    return path.exists() and path.stat().st_size > 0
