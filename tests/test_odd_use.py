"""What a user may do by mistake: nothing of theirs is lost, and what is said is true."""

from __future__ import annotations

import errno
import gzip
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zstandard

from schemas.codes import Code
from schemas.decode import decode_block
from streams.cli import main
from streams.journal import read_journal
from streams.logs import LogsError
from streams.replay import replay
from streams.scenario import UnknownMarketFile, make_scenario
from streams.under_way import Settings
from streams.what_if import WhatIfError, read_what_if
from tests.cli_venue import BOOK, venue, write

MARKET = Path(__file__).resolve().parent.parent / "data" / "bitmex_xbtusd_1m_20200311_20200314.csv"
Pack = Callable[[bytes], bytes]


class Deaf(io.StringIO):
    """A stdout that takes nothing; what the command does to its descriptor, it does to a file of no use."""

    def __init__(self, error: OSError, descriptor: int) -> None:
        super().__init__()
        self.error, self.descriptor, self.buffer = error, descriptor, self

    def write(self, _: object) -> int:
        raise self.error

    def fileno(self) -> int:
        return self.descriptor


def call(*arguments: object) -> int:
    """The exit code of a command."""
    return main([str(argument) for argument in arguments])


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """The journal of a run of the small venue."""
    assert call("replay", write(tmp_path / "logs"), "--out", tmp_path / "out") == 0
    return tmp_path / "out" / "journal.jsonl"


def test_a_journal_is_never_replayed_onto_itself(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By name, through a link, or as its directory: code 2, and every byte is still there; nor a packed one beside."""
    before = journal.read_bytes()
    link = journal.parent.parent / "link"
    link.symlink_to(journal.parent)
    packed = journal.parent / "packed" / "journal.jsonl.gz"
    packed.parent.mkdir()
    packed.write_bytes(gzip.compress(before))
    places = (journal, journal.parent), (journal, link), (journal.parent, link), (packed, packed.parent)
    for source, out in places:
        assert call("replay", source, "--out", out) == 2
        assert "--out is where the" in capsys.readouterr().err
        with pytest.raises(LogsError, match="--out is where the journal is"):
            replay(Settings(source, out))
    assert journal.read_bytes() == before
    assert list(packed.parent.iterdir()) == [packed]


@pytest.mark.parametrize("name", ["events.jsonl", "summary.json", "what-if/journal.jsonl"])
def test_a_run_never_writes_through_to_its_source(tmp_path: Path, journal: Path, name: str) -> None:
    """A link among the old results, or an old what-if as the source: refused before anything is opened."""
    before, out = journal.read_bytes(), tmp_path / "new"
    (out / name).parent.mkdir(parents=True)
    (out / name).symlink_to(journal)
    with pytest.raises(LogsError, match="--out is where the journal is"):
        replay(Settings(journal, out))
    assert journal.read_bytes() == before
    assert (out / name).is_symlink()


def test_logs_are_never_replayed_into_their_directory(tmp_path: Path) -> None:
    """By the library too; a journal beside them would make the directory two sources."""
    logs = write(tmp_path / "logs")
    before = sorted(logs.iterdir())
    with pytest.raises(LogsError, match="--out is where the logs are"):
        replay(Settings(logs, logs))
    assert sorted(logs.iterdir()) == before


def test_an_old_what_if_does_not_stay_beside_a_new_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It would look like the other side of this run; what somebody else keeps there stays."""
    change, out = tmp_path / "what-if.json", tmp_path / "out"
    change.write_text(json.dumps([{"type": "parameters", "book": BOOK, "stop_ppm": 1_200_000}]))
    logs = write(tmp_path / "logs")
    assert call("replay", logs, "--out", out, "--what-if", change) == 0
    assert (out / "what-if" / "summary.json").exists()
    (out / "what-if" / "notes.txt").touch()
    assert call("replay", logs, "--out", out) == 0
    assert [path.name for path in (out / "what-if").iterdir()] == ["notes.txt"]
    (out / "what-if" / "notes.txt").unlink()
    assert call("replay", logs, "--out", out) == 0
    assert not (out / "what-if").exists()


def test_a_run_that_fails_leaves_no_end_of_an_earlier_one(tmp_path: Path, journal: Path) -> None:
    """accounts.csv, funds.csv and summary.json beside half an events.jsonl would be those of another run."""
    assert (journal.parent / "summary.json").exists()
    bad = tmp_path / "bad" / "journal.jsonl"
    bad.parent.mkdir()
    bad.write_bytes(journal.read_bytes()[:-5])
    assert call("replay", bad, "--out", journal.parent) == 2
    assert sorted(path.name for path in journal.parent.iterdir()) == [
        "dead-letters.jsonl", "events.jsonl", "journal.jsonl",
    ]  # fmt: skip


def test_a_missing_entry_is_seen_by_its_number(journal: Path) -> None:
    """Also where no report or decision tells of it; and so is one that stands twice."""
    lines = journal.read_bytes().splitlines(keepends=True)
    at = max(place for place, line in enumerate(lines[:-1]) if b'"type":"price"' in line)
    journal.write_bytes(b"".join(lines[:at] + lines[at + 1 :]))
    with pytest.raises(LogsError, match=f"line {at + 1}: entry {at + 2} stands where {at + 1} should"):
        list(read_journal(journal))
    journal.write_bytes(b"".join([*lines[: at + 1], *lines[at:]]))
    with pytest.raises(LogsError, match=f"line {at + 2}: entry {at + 1} stands where {at + 2} should"):
        list(read_journal(journal))


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".zst", zstandard.compress)])
def test_a_packed_journal_that_is_cut_is_no_journal(journal: Path, suffix: str, pack: Pack) -> None:
    """Wherever the cut is, at the end of a line too; parts packed one by one are read to the last."""
    lines = journal.read_bytes().splitlines(keepends=True)
    parts = pack(b"".join(lines[:20])), pack(b"".join(lines[20:]))
    path = journal.parent / f"journal.jsonl{suffix}"
    path.write_bytes(b"".join(parts))
    assert len(list(read_journal(path))) == len(lines)
    path.write_bytes(parts[0] + parts[1][:5])
    with pytest.raises(LogsError, match=r"ends before its end|not an entry"):
        list(read_journal(path))


def test_nobody_reads_the_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """A pipe whose reader has gone and a full disk are code 2, for tables and for JSON, and no defect of ours."""
    logs = write(tmp_path / "logs")
    told = {errno.EPIPE: "", errno.ENOSPC: "rhodian: cannot write to stdout: No space left on device\n"}
    commands = ("replay", logs, "--out", tmp_path / "out"), ("check", logs)
    for number, words in told.items():
        error = OSError(number, "No space left on device")
        for arguments in (*commands, *((*command, "--json") for command in commands)):
            with monkeypatch.context() as patch, (tmp_path / "stdout").open("wb") as file:
                patch.setattr(sys, "stdout", Deaf(error, file.fileno()))
                assert call(*arguments) == 2
            assert capsys.readouterr().err == words


def test_closed_streams_are_silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """Without stdout a run goes on to its files; without stderr no message lands among the results."""
    monkeypatch.setattr(sys, "stdout", None)
    assert call("replay", write(tmp_path / "logs"), "--out", tmp_path / "out", "--json") == 0
    assert (tmp_path / "out" / "summary.json").exists()
    monkeypatch.undo()
    monkeypatch.setattr(sys, "stderr", None)
    assert call("check", tmp_path / "absent") == 2
    assert capsys.readouterr().out == ""


def test_what_is_not_conserved_is_a_halt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """The last look, over all accounts at the end of a run, has the code of the others."""
    monkeypatch.setattr("streams.tally.Tally.are_met", lambda _: False)
    assert call("replay", write(tmp_path / "logs"), "--out", tmp_path / "out") == 3
    assert "not conserved" in capsys.readouterr().err


def test_a_what_if_that_was_not_run_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The first run ended before its end: there is nothing to compare it with."""
    lines = venue()
    lines["prices"][5]["mark"] = "0.1"
    change = tmp_path / "what-if.json"
    change.write_text(json.dumps([{"type": "parameters", "book": BOOK, "stop_ppm": 1_200_000}]))
    logs = write(tmp_path / "logs", lines)
    assert call("replay", logs, "--out", tmp_path / "out", "--what-if", change, "--strict") == 1
    assert "the what-if was not run" in capsys.readouterr().err


@pytest.mark.parametrize("value", ['"\\ud800"', "1" + "0" * 30])
def test_a_what_if_may_hold_anything_json_can(tmp_path: Path, value: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Half a surrogate pair and more than 64 bits are refused like in a log, with a code."""
    change = tmp_path / "what-if.json"
    change.write_text(f'[{{"type":"parameters","book":"{BOOK}","call_ms":{value}}}]')
    assert call("replay", write(tmp_path / "logs"), "--out", tmp_path / "out", "--what-if", change) == 2
    assert "parameters of book perp, version 1: " in capsys.readouterr().err


def test_a_key_stands_once_in_a_what_if(tmp_path: Path) -> None:
    """One of the two is a mistake, and nobody knows which."""
    path = tmp_path / "what-if.json"
    path.write_text('[{"type":"parameters","book":"perp","call_ms":1,"call_ms":2}]')
    with pytest.raises(WhatIfError, match="twice"):
        read_what_if(path)


def test_a_byte_order_mark_is_called_by_its_name() -> None:
    """An invisible character at byte 0 is hard to find otherwise."""
    (refused,) = decode_block(b'\xef\xbb\xbf{"type":"heartbeat"}', "commands")
    assert (refused.code, refused.reason) == (Code.NOT_JSON, "a byte order mark stands before the JSON")


@pytest.mark.parametrize("option", [("--seed", -1), ("--seed", "x"), ("--accounts", 3), ("--accounts", 1.5)])
def test_a_scenario_says_what_numbers_it_takes(tmp_path: Path, option: tuple[str, Any]) -> None:
    """Before anything is drawn."""
    arguments = {"--seed": 1, "--accounts": 10, **dict([option])}
    with pytest.raises(SystemExit) as ended:
        call("scenario", "--market", MARKET, "--out", tmp_path / "new", *sum(arguments.items(), ()))
    assert ended.value.code == 2
    assert not (tmp_path / "new").exists()


def test_a_scenario_that_is_stopped_leaves_no_cut_logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while it writes: what was there before is there as it was, and nothing else."""

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    out = tmp_path / "logs"
    make_scenario(MARKET, 10, 1, out)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    with monkeypatch.context() as patch:
        patch.setattr("streams.scenario.build.summarize", stopped)  # the logs are written by then
        with pytest.raises(KeyboardInterrupt):
            make_scenario(MARKET, 20, 2, out)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    make_scenario(MARKET, 20, 2, out)
    after = {path.name: path.read_bytes() for path in out.iterdir()}
    assert after.keys() == before.keys()
    assert after["trades.jsonl"] != before["trades.jsonl"]


@pytest.mark.parametrize(("option", "value"), [("size_tail", 1e-300), ("size_tail", float("inf")), ("scale", 1e9)])
def test_an_option_beyond_its_bounds_is_refused(tmp_path: Path, option: str, value: float) -> None:
    """What overflows would be drawn as nonsense."""
    with pytest.raises(msgspec.ValidationError, match=option):
        make_scenario(MARKET, 10, 1, tmp_path, **{option: value})


def test_a_market_file_that_is_cut_or_broken_is_told(tmp_path: Path) -> None:
    """By its name, whatever its reader stumbles over."""
    whole = MARKET.read_bytes()
    tape = (MARKET.parent / "binance_trades_2023_2024.csv.gz").read_bytes()
    files = {
        "cut.csv": whole[:3000], "head.csv": whole[: whole.index(b"\n")], "text.csv": b"\xff\xfe" + whole,
        "word.csv": whole[:4000].replace(b"7", b"x").rpartition(b"\n")[0],
        "cut.csv.gz": tape[:3000], "not.csv.gz": whole,
    }  # fmt: skip
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UnknownMarketFile, match=name):
            make_scenario(tmp_path / name, 10, 1, tmp_path / "new")


def test_an_opening_that_is_refused_opens_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All that follows is for an unknown book, and no heartbeat of ours; check says the same; the journal is empty."""
    lines = venue()
    lines["reference"][0]["effective_ms"] = lines["reference"][0]["time_ms"] - 1
    logs, count = write(tmp_path / "logs", lines), sum(map(len, lines.values()))
    assert call("replay", logs, "--out", tmp_path / "out", "--json") == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["refused"] == {"UNKNOWN_BOOK": count - 1, "EFFECTIVE_IN_THE_PAST": 1}
    assert (summary["books"], (tmp_path / "out" / "journal.jsonl").read_bytes()) == ({}, b"")
    assert call("check", logs, "--json") == 1
    found = json.loads(capsys.readouterr().out)
    assert {row["name"]: row["count"] for row in found["codes"]} == summary["refused"]


def test_a_log_of_no_topic_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A misspelt name is not a topic without lines; the files of a run beside its logs are nobody's mistake."""
    logs = write(tmp_path / "logs")
    (logs / "prices.jsonl").rename(logs / "price.jsonl.gz")
    (logs / "events.jsonl").touch()
    assert call("check", logs, "--json") == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out)["refused"] == 0
    assert shown.err == "rhodian: not read, no topic has such a name: price.jsonl.gz\n"
    call("replay", logs, "--out", tmp_path / "out")
    assert "price.jsonl.gz" in capsys.readouterr().err


def test_names_are_shown_where_the_terminal_has_no_letters_for_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Escaped; the files are UTF-8 in any case."""
    lines = json.loads(json.dumps(venue()).replace('"perp"', '"p\\u00e9rp"'))
    screen = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", screen)
    assert call("replay", write(tmp_path / "logs", lines), "--out", tmp_path / "out") == 0
    assert b"p\\xe9rp, in USD" in screen.buffer.getvalue()  # type: ignore[attr-defined]  # a BytesIO
    assert "pérp" in (tmp_path / "out" / "accounts.csv").read_text(encoding="utf-8")
