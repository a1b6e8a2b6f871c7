"""`rhodian local` with logs that change the number of shards: workers of the new one start, and no result changes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from streams.cli import main
from tests.cli_venue import BOOK, RULES, START_MS, Lines, venue, write
from tests.live.local_command import WAIT_S, local, nothing_left

pytestmark = pytest.mark.live


def resharded(lines: Lines) -> Lines:
    """To three shards while the price falls, to two when it has, and back to three, whose workers are there."""
    rules = RULES | {"type": "command", "kind": "reshard", "book": BOOK}
    for number, (second, shards) in enumerate([(31, 3), (52, 2), (58, 3)], 2):
        change = {"id": f"p{number}", "version": number, "time_ms": START_MS + 1_000 * second, "shards": shards}
        lines["commands"].append(rules | change)
    return lines


@pytest.mark.parametrize(
    ("first", "more"), [(1, ()), (2, ("--shards", "2", "--apart")), (1, ("--speed", "20"))], ids=str
)
def test_a_change_of_the_number_of_shards(tmp_path: Path, first: int, more: tuple[str, ...]) -> None:
    """In lock-step and by time: the book goes on, and in lock-step comes to what the fresh run comes to."""
    logs, out, fresh = write(tmp_path / "logs", resharded(venue())), tmp_path / "out", tmp_path / "fresh"
    with local(tmp_path, "--logs", str(logs), "--out", str(out), "--heartbeat-ms", "60000", *more) as process:
        _, told = process.communicate(timeout=WAIT_S)
    assert process.returncode == 0, told
    assert "live and the replay of its journal: the same;" in told
    nothing_left(tmp_path)
    entries = map(json.loads, (out / "journal.jsonl").read_bytes().splitlines())
    retired = [entry["shards"] for entry in entries if entry["value"]["type"] == "retired"]
    assert retired == [first] * first + [3] * 3 + [2] * 2
    if "--speed" not in more:
        assert "live and the fresh run of the logs: the same;" in told
        assert main(["replay", str(logs), "--out", str(fresh)]) == 0
        found, expected = (json.loads((folder / "summary.json").read_bytes()) for folder in (out, fresh))
        for digest in ("events_digest", "balances_digest"):
            assert found[digest] == expected[digest]
