"""Version 2 of a dump (16.3): entries in their envelopes, as a live journal has them."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest

from schemas.message import Input
from streams.journal import journal_line, live_line, read_journal
from streams.logs import LogsError
from streams.present import Fields
from streams.reader import Record
from streams.replay import replay
from streams.under_way import Settings
from tests.live_runs import live_run


def dumped(path: Path, log: list[Record]) -> Path:
    """A live journal in a file, as it came: repeats too, inputs with a partition for a source."""
    path.write_bytes(b"".join(live_line(entry, record) for entry, record in enumerate(log, 1)))
    return path


def result(folder: Path, journal: Path, shards: int = 1) -> Fields:
    """The summary of a replay, but for what differs from run to run."""
    found = replay(Settings(journal, folder, shards))
    return {name: value for name, value in found.items() if name not in ("elapsed_s", "entries_per_s", "shards")}


@pytest.mark.parametrize("seed", [1, 2, 4, 5, 6])
def test_a_live_journal_is_replayed_from_its_dump(seed: int, tmp_path: Path) -> None:
    """Repeats dropped, answers of P shards united, and what is written is again a journal, with the same replay."""
    live = live_run(seed, lock_step=False)
    found = result(tmp_path / "one", dumped(tmp_path / "journal.jsonl", live.log))
    assert (found["end"], found["conserved"]) == ("complete", True)
    assert found["log"]["awaited"] == {"reports": 0, "decisions": 0}
    written = list(read_journal(tmp_path / "one" / "journal.jsonl"))
    names = [(one.live.source, one.live.number) for one in written if one.live]
    assert len(set(names)) == len(names) == len({(one.source, one.number) for one in live.log})
    assert result(tmp_path / "two", tmp_path / "one" / "journal.jsonl", 3) == found


def test_what_its_writer_said_before_is_missed(tmp_path: Path) -> None:
    """An entry that was left out is named by the next of the same writer."""
    live = live_run(8, lock_step=False)
    said = [one for one in live.log if not isinstance(one.body, Input)]
    gone, after = next(pair for pair in pairwise(said) if _follows(*pair))
    log = [one for one in live.log if (one.source, one.number) != (gone.source, gone.number)]
    found = result(tmp_path / "out", dumped(tmp_path / "journal.jsonl", log))
    assert found["end"] == "halted"
    assert f"number {after.number} of {after.source} stands behind number {gone.number - 1}" in found["reason"]


def _follows(one: Record, other: Record) -> bool:
    return (one.source, one.number + 1) == (other.source, other.number)


@pytest.mark.parametrize(
    "change",
    [{"v": 3}, {"v": 1}, {"line": 4}, {"source": None}, {"number": None}, {"more": 1}],
)
def test_a_line_is_of_one_version(change: Fields, tmp_path: Path) -> None:
    """Nothing is guessed about one that is of none."""
    record = live_run(1, lock_step=False).log[0]
    path = tmp_path / "journal.jsonl"
    path.write_bytes(live_line(1, record))
    assert [one.record for one in read_journal(path)] == [record]
    path.write_text(json.dumps(json.loads(live_line(1, record)) | change))
    with pytest.raises(LogsError, match="line 1: not an entry of a journal"):
        list(read_journal(path))


def test_a_line_of_version_1_has_no_envelope(tmp_path: Path) -> None:
    """Old dumps are read as they were."""
    record = live_run(1, lock_step=False).log[0]
    path = tmp_path / "journal.jsonl"
    path.write_bytes(journal_line(1, record.body, "reference", 7))
    (entry,) = read_journal(path)
    assert (entry.line, entry.live, entry.record) == (7, None, Record("journal", 1, record.body))
