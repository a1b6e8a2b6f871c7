"""RULEBOOK 2a.8: an audit takes quiet inputs at once, and says what it says entry by entry, to the byte."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from schemas.codes import Refused
from schemas.governed import BookMessage
from schemas.journal import AnyEntry, Decision
from schemas.message import Input
from streams.audit import Audit
from streams.driver import BookRun, Sinks
from streams.journal import JournalEntry, live_entry
from streams.pacing import Pacing
from streams.reader import Record
from streams.replay import replay
from streams.under_way import Settings, UnderWay
from tests.test_runs import streams_of


def live_journal(seed: int, calm: int) -> list[JournalEntry]:
    """What a live venue would have written for a stream: refused inputs too, and now and then something once more."""
    random, found, counts = Random(seed), list[JournalEntry](), dict[str, int]()

    def put(body: Any, source: str) -> None:
        counts[source] = counts.get(source, 0) + 1
        record = Record(source, counts[source], body)
        found.append(live_entry(len(found) + 1, record))
        if random.random() < 0.02:
            found.append(found[-random.choice([1, min(9, len(found))])])

    def journal(body: Input | AnyEntry) -> None:
        if not isinstance(body, Input):
            put(body, "clearing" if isinstance(body, Decision) else "margin/0/0")

    stream = streams_of(seed, calm)
    opening = stream[0]
    assert isinstance(opening, BookMessage)
    run = BookRun(opening, 1, Sinks(journal=journal))
    for message in stream:
        put(message, f"in/{random.randrange(3)}")
        try:
            run.feed(message)
        except Refused:
            continue
    return found


def files_of(entries: list[JournalEntry], out: Path, until_ms: int | None) -> dict[str, Any]:
    """All that an audit writes, but for its speed."""

    def feed(run: UnderWay) -> None:
        Audit(run, lambda entry: f"entry {entry.entry}").take_all(iter(entries))

    replay(Settings(None, out, until_ms=until_ms), None, feed)
    found: dict[str, Any] = {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}
    summary = json.loads(found["summary.json"])
    return found | {"summary.json": {name: summary[name] for name in summary if not name.endswith("_s")}}


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("until_ms", [None, 4_000], ids=["whole", "until"])
def test_runs_say_what_single_entries_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, until_ms: int | None
) -> None:
    """Events, journal, dead letters, accounts, funds and summary; of calm and of wild markets."""
    entries = live_journal(seed, 10**9 if seed % 2 else 60)
    ahead = list[int]()
    advance = Pacing.advance

    def counted(self: Pacing, messages: list[Input], start: int) -> int:
        ahead.append(advance(self, messages, start))
        return ahead[-1]

    monkeypatch.setattr(Pacing, "advance", counted)
    found = files_of(entries, tmp_path / "runs", until_ms)
    assert sum(ahead) > 50
    monkeypatch.setattr(Pacing, "advance", lambda *_: 0)
    assert found == files_of(entries, tmp_path / "singly", until_ms)
    assert found["summary.json"]["end"] == ("until" if until_ms else "complete")
    assert until_ms or found["dead-letters.jsonl"]
