"""The generated contracts: they accept what the code writes, name every field of it, and refuse what it refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

from schemas.codes import Refused
from schemas.decode import decode
from schemas.inputs import TOPICS
from schemas.message import Input
from streams.cli import main
from streams.contracts import input_schemas
from streams.driver import Sinks, Venue
from streams.live.settings import Settings
from streams.live.topics import specs
from streams.present import Terms, event_fields, json_line
from tests.cli_venue import encode, venue
from tests.contracts import MAKERS, require_valid, validators
from tests.live_runs import live_run
from tests.random_venue import messages, random_venue

SEEDS = range(40)


def written(seed: int) -> Iterator[tuple[str, bytes]]:
    """What a fresh run of a random venue writes: inputs and entries of its journal, and events."""
    found: list[tuple[str, bytes]] = []
    run = Venue(1, Sinks(journal=lambda record: found.append(_entry(record)), event=lambda event: told.append(event)))
    told: list[Any] = []
    for message in messages(*random_venue(seed, 60), []):
        try:
            run.feed(message)
        except Refused:
            continue
    yield from found
    for event in told:
        yield "events", json_line(event_fields(event, Terms(run.books[event.book].book)))


def _entry(record: Any) -> tuple[str, bytes]:
    return ("inputs" if isinstance(record, Input) else "journal"), msgspec.json.encode(record)


def test_they_accept_what_is_written() -> None:
    """Of most types; each line with no field that its contract does not name."""
    kinds: dict[str, set[str]] = {folder: set() for folder in MAKERS}
    for seed in SEEDS:
        for folder, line in written(seed):
            kinds[folder].add(require_valid(folder, line))
    for one in live_run(4, lock_step=False).log:
        if not isinstance(one.body, Input):
            kinds["journal"].add(require_valid("journal", msgspec.json.encode(one.body)))
    assert kinds["journal"] >= {"marker", "answer", "allocation", "raised", "moved", "declared", "window"}
    assert len(kinds["inputs"]) >= 12
    assert len(kinds["events"]) >= 20


def test_they_refuse_what_is_refused() -> None:
    """Another field, one that is missing, one that is too long, one of another type; a number for a decimal is one."""
    price: dict[str, Any] = {"type": "price", "book": "b", "id": "1", "time_ms": 5, "mark": "0.1", "instrument": "X"}
    judge = Draft202012Validator(input_schemas()["price"])
    changes: list[dict[str, Any]] = [{}, {"mark": 0.1}, {"asset": None}, {"more": 1}, {"book": None}, {"id": "x" * 65}]
    changes += [{"id": ""}, {"time_ms": -1}, {"time_ms": "5"}, {"mark": True}, {"type": "trade"}]
    for change in changes:
        line = price | change
        assert judge.is_valid(line) == _is_taken(line), change
    assert [judge.is_valid(price | change) for change in changes].count(True) == 3
    del price["mark"]
    assert not judge.is_valid(price)


def _is_taken(line: dict[str, Any]) -> bool:
    try:
        decode(json.dumps(line).encode(), "prices")
    except Refused:
        return False
    return True


@pytest.mark.parametrize("folder", MAKERS)
def test_every_type_says_what_it_is(folder: str) -> None:
    """In its own words, on one line."""
    for kind, judge in validators(folder).items():
        told = judge.schema["description"]
        assert told, kind
        assert "\n" not in told, kind


def test_the_logs_of_a_venue_are_valid() -> None:
    """As a producer writes them: without defaults."""
    for content in encode(venue()).values():
        for line in content.splitlines():
            require_valid("inputs", line)


def test_the_command_writes_what_belongs_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every topic and nothing else, every reference leads somewhere, every type stands in one topic."""
    assert main(["schemas", "--out", str(tmp_path)]) == 0
    files = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.json")}
    assert f"{len(files)} files in " in capsys.readouterr().out
    document = json.loads((tmp_path / "asyncapi.json").read_text())
    assert document["asyncapi"] == "3.0.0"
    assert [one["address"] for one in document["channels"].values()] == [spec.name for spec in specs(Settings())]
    references = list(_references(document))
    for reference in references:
        if reference.startswith("./"):
            assert reference.removeprefix("./") in files
        else:
            found = document
            for step in reference.removeprefix("#/").split("/"):
                found = found[step]
    for folder in ("inputs", "events"):
        of_topics = sorted(one for one in references if one.startswith(f"./{folder}/"))
        assert of_topics == sorted(f"./{one}" for one in files if one.startswith(f"{folder}/"))
    assert {name.partition("-")[2] for name in document["operations"] if name.startswith("receive-")} == set(TOPICS)


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if "$ref" in part:
            yield part["$ref"]
        for inner in part.values():
            yield from _references(inner)
