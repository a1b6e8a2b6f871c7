"""RULEBOOK 2a.3, 2a.5: an audit finds what a journal leaves out, and never takes its end for a fault."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from schemas.codes import Halt, Refused
from schemas.journal import Answer, AnyEntry, Raised, Retired
from streams.awaited import Awaited
from streams.cli import main
from streams.reader import Record
from streams.replay import replay
from streams.rereading import JournalRun
from streams.simulation import LiveRun
from streams.under_way import Settings
from tests.cli_venue import write
from tests.live_runs import live_run

FEW = (1, 2, 4, 5, 6, 7, 8, 10, 11, 12)  # venues where something happens


def audited(live: LiveRun, log: list[Record]) -> tuple[int, int]:
    """What is awaited at the end of a log; raises Halt where it differs."""
    run = JournalRun(live.inputs[0], 2)  # type: ignore[arg-type]  # a book message
    for record in log:
        with suppress(Refused):
            run.take(record)
    return run.awaited.counts()


def said_at(log: list[Record]) -> list[int]:
    """Where reports and decisions stand for the first time; `retired` says who computed, which no replay knows."""
    seen, found = set[tuple[str, int]](), []
    for at, record in enumerate(log):
        if (
            isinstance(record.body, AnyEntry)
            and not isinstance(record.body, Retired)
            and (record.source, record.number) not in seen
        ):
            found.append(at)
        seen.add((record.source, record.number))
    return found


@pytest.mark.parametrize("seed", FEW)
def test_every_beginning_of_a_live_journal_is_one(seed: int) -> None:
    """Stopped anywhere, its last reports and decisions are awaited; stopped when all was quiet, none is."""
    live = live_run(seed, lock_step=False)
    assert audited(live, live.log) == (0, 0)
    run = JournalRun(live.inputs[0], 2)  # type: ignore[arg-type]  # a book message
    most = [0, 0]
    for record in live.log:
        with suppress(Refused):
            run.take(record)
        most = [max(pair) for pair in zip(most, run.awaited.counts(), strict=True)]
    assert min(most) > 0


@pytest.mark.parametrize("seed", FEW)
def test_what_is_left_out_does_not_pass(seed: int) -> None:
    """Of each report and decision that is not there, a later entry tells, or the count at the end."""
    live = live_run(seed, 20, lock_step=False)
    halted = 0
    for at in said_at(live.log):
        left = live.log[at]
        others = [one for one in live.log if (one.source, one.number) != (left.source, left.number)]
        try:
            assert sum(audited(live, others)) > 0, f"seed {seed}: nobody misses {left}"
        except Halt:
            halted += 1
    assert halted


@pytest.fixture
def journal(tmp_path: Path) -> list[dict[str, Any]]:
    """The entries of a run of the small venue."""
    replay(Settings(write(tmp_path / "logs"), tmp_path / "out"))
    return [json.loads(line) for line in (tmp_path / "out" / "journal.jsonl").read_bytes().splitlines()]


def put(directory: Path, entries: list[dict[str, Any]]) -> Path:
    """A dump of these, numbered anew."""
    directory.mkdir(exist_ok=True)
    lines = [json.dumps(one | {"entry": number}) for number, one in enumerate(entries, 1)]
    (directory / "journal.jsonl").write_text("".join(f"{line}\n" for line in lines))
    return directory / "journal.jsonl"


def test_a_report_replaced_by_a_repeat_of_an_input_does_not_pass(tmp_path: Path, journal: list[dict[str, Any]]) -> None:
    """A repeat changes nothing, and the numbers have no gap; each report is missed, whoever else was heard."""
    again = next(one for one in journal if one["topic"] == "prices")
    reports = [at for at, one in enumerate(journal) if one["topic"] == "reports"]
    kinds = {journal[at]["value"]["type"] for at in reports}
    assert kinds == {"raised", "answer", "moved", "declared"}
    for at in reports:
        changed = put(tmp_path / "changed", [*journal[:at], again, *journal[at + 1 :]])
        summary = replay(Settings(changed, tmp_path / "again"))
        assert summary["end"] == "halted", f"nobody misses {journal[at]}"


def test_the_end_of_a_journal_is_told(
    tmp_path: Path, journal: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    """A report, and a decision, that are not in it yet are counted in the summary, the table and a message; code 0."""
    for kind, told, counts in (("raised", "1 report(s)", (1, 0)), ("marker", "1 decision(s)", (0, 1))):
        at = next(place for place, one in enumerate(journal) if one["value"]["type"] == kind)
        cut = put(tmp_path / kind, journal[:at])
        out = tmp_path / f"out-{kind}"
        assert main(["replay", str(cut), "--out", str(out)]) == 0
        shown = capsys.readouterr()
        assert f"rhodian: {told} computed here are not in the journal yet" in shown.err
        assert "not in the journal yet" in shown.out
        summary = json.loads((out / "summary.json").read_bytes())
        assert summary["end"] == "complete"
        assert summary["log"]["awaited"] == dict(zip(("reports", "decisions"), counts, strict=True))
    whole = put(tmp_path / "whole", journal)
    assert main(["replay", str(whole), "--out", str(tmp_path / "out-whole")]) == 0
    shown = capsys.readouterr()
    assert "not in the journal yet" not in shown.err + shown.out


def raised(account: str, number: int) -> Raised:
    """A report of an account."""
    return Raised(book="b", seq=1, account=account, what="hole", number=number)


def answer(number: int) -> Answer:
    """The answers to a marker, all of nothing."""
    return Answer(book="b", seq=1, round=number, attempt=1)


def test_a_later_report_of_its_member_proves_that_one_was_left_out() -> None:
    """2a.5: one shard has all accounts of a member; other members' reports may stand anywhere between them."""
    awaited = Awaited()
    for cause, account, number in ((1, "a", 1), (1, "b", 1), (1, "b/x", 1), (2, "a", 2), (2, "b", 2), (3, "c", 1)):
        awaited.expect(cause, raised(account, number))
    for account, number in (("c", 1), ("b/x", 1)):  # of another member; of one cause, by another account
        awaited.report(raised(account, number))
    for account, number, first in (("a", 2, "a"), ("b", 2, "b")):
        with pytest.raises(Halt, match=f'"account":"{first}",.*"number":1.*left out'):
            awaited.report(raised(account, number))
    with pytest.raises(Halt, match="was not recomputed"):
        awaited.report(raised("a", 3))
    assert awaited.counts() == (4, 0)


def test_an_answer_proves_what_was_left_out_before_its_marker() -> None:
    """2a.5: all that its shards caused up to the marker is there, earlier answers too; what came with it may follow."""
    awaited = Awaited()
    awaited.expect(1, raised("a", 1))
    awaited.answers |= {(1, 1): (1, answer(1)), (2, 1): (2, answer(2))}
    awaited.expect(2, raised("b", 1))
    with pytest.raises(Halt, match=r'"account":"a",.*left out'):
        awaited.answer((2, 1), answer(2))
    awaited.report(raised("a", 1))
    awaited.answers[2, 1] = (2, answer(2))
    with pytest.raises(Halt, match=r'"round":1,.*left out'):
        awaited.answer((2, 1), answer(2))
    awaited.answer((1, 1), answer(1))
    awaited.answers[2, 1] = (2, answer(2))
    awaited.answer((2, 1), answer(2))
    assert awaited.counts() == (1, 0)
