"""`rhodian replay --from-kafka`: the journal on the broker is the one that is audited, and its dump is a journal."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from streams.cli import main
from streams.live.connect import kafka_arguments
from streams.live.frames import Raw, encode_inputs
from streams.live.settings import Settings
from streams.live.topics import Topics
from streams.live.topics_admin import create
from streams.outputs import WRITTEN
from tests.cli_venue import BOOK, START_MS
from tests.live.venue import live_lines, records

pytestmark = pytest.mark.live


def content(folder: Path) -> dict[str, Any]:
    """What a run wrote, but for how long it took."""
    files: dict[str, Any] = {name: (folder / name).read_bytes() for name in WRITTEN}
    summary = json.loads(files["summary.json"])
    del summary["elapsed_s"], summary["entries_per_s"]
    return files | {"summary.json": summary}


def test_it_is_the_replay_of_its_dump(ran: tuple[Settings, Path], tmp_path: Path) -> None:
    """Same files, same bytes, for any number of shards; what happened live is in them."""
    live, again = tmp_path / "live", tmp_path / "again"
    assert main(["replay", "--from-kafka", "--config", str(ran[1]), "--out", str(live)]) == 0
    assert main(["replay", str(live / "journal.jsonl"), "--out", str(again)]) == 0
    assert content(live) == content(again)
    assert main(["replay", str(live / "journal.jsonl"), "--shards", "3", "--out", str(again)]) == 0
    assert content(live)["events.jsonl"] == content(again)["events.jsonl"]
    summary = content(live)["summary.json"]
    assert summary["end"] == "complete"
    assert summary["conserved"]
    assert summary["refused"] == {"UNKNOWN_BOOK": 1, "UNKNOWN_INSTRUMENT": 1, "UNKNOWN_ACCOUNT": 1}
    assert summary["repeats"] == 1
    assert summary["events"]["loss-allocated"] == 1
    assert summary["log"]["inputs"] == sum(map(len, live_lines().values())) - 3 + 2
    assert summary["log"]["awaited"] == {"reports": 0, "decisions": 0}


def test_its_events_are_those_that_were_published(ran: tuple[Settings, Path], tmp_path: Path) -> None:
    """Id and bytes."""
    assert main(["replay", "--from-kafka", "--config", str(ran[1]), "--out", str(tmp_path)]) == 0
    told = {
        dict(record.headers)["ce_id"].decode(): record.value
        for record in asyncio.run(records(ran[0], *Topics(ran[0].prefix).outputs))
    }
    lines = (tmp_path / "events.jsonl").read_bytes().splitlines()
    assert {json.loads(line)["id"]: line for line in lines} == told


def test_until_is_event_time(ran: tuple[Settings, Path], tmp_path: Path) -> None:
    """As in a replay of files."""
    until = ["--until", "2020-09-13T12:27:00Z"]
    assert main(["replay", "--from-kafka", "--config", str(ran[1]), "--out", str(tmp_path / "a"), *until]) == 0
    assert content(tmp_path / "a")["summary.json"]["end"] == "until"
    assert main(["replay", "--from-kafka", "--config", str(ran[1]), "--out", str(tmp_path / "b")]) == 0
    assert main(["replay", str(tmp_path / "b" / "journal.jsonl"), "--out", str(tmp_path / "c"), *until]) == 0
    assert content(tmp_path / "a") == content(tmp_path / "c")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--from", "7"], "needs the state that stands there"),
        (["--from", "2020-09-13T12:27:00Z"], "needs the state that stands there"),
        (["--book", "other"], f"the settings name {BOOK}"),
        (["logs"], "which one?"),
        (["--what-if", "rules.json"], "needs topic logs"),
    ],
)
def test_what_cannot_be_is_said(
    ran: tuple[Settings, Path], tmp_path: Path, arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Code 2, and nothing is written."""
    out = tmp_path / "out"
    assert main(["replay", "--from-kafka", "--config", str(ran[1]), "--out", str(out), *arguments]) == 2
    assert told in capsys.readouterr().err
    assert not out.exists()


async def write(settings: Settings, partition: int, values: list[bytes]) -> None:
    """Records into the journal, as workers write them."""
    async with AIOKafkaProducer(**kafka_arguments(settings)) as producer:
        for value in values:
            await producer.send_and_wait(Topics(settings.prefix).journal, value, partition=partition)


def openings(book: str) -> list[Raw]:
    """The reference messages of a book."""
    lines = [line | {"book": book} for line in live_lines()["reference"]]
    return [Raw("reference/0", offset, json.dumps(line).encode()) for offset, line in enumerate(lines)]


def books_in(folder: Path) -> list[str]:
    """Whose entries stand in a dump."""
    return [json.loads(line)["value"]["book"] for line in (folder / "journal.jsonl").read_bytes().splitlines()]


def test_books_come_one_after_the_other(settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each up to its own end, or until a time; one alone, if asked for; none where there is no journal."""
    config, out = tmp_path / "rhodian.toml", tmp_path / "out"
    settings = settings.model_copy(update={"books": ("a", "b")})
    config.write_text(settings.describe(), encoding="utf-8")
    command = ["replay", "--from-kafka", "--config", str(config), "--out", str(out)]
    asyncio.run(create(settings))
    for partition, book in enumerate(settings.books):
        beat = {"type": "heartbeat", "book": book, "id": "1", "time_ms": START_MS + 5_000}
        raws = [*openings(book), Raw("commands/0", partition, json.dumps(beat).encode())]
        asyncio.run(write(settings, partition, [encode_inputs(raws)]))
    assert main(command) == 0
    assert books_in(out) == ["a"] * 5 + ["b"] * 5
    assert main([*command, "--until", str(START_MS + 4_000)]) == 0
    assert books_in(out) == ["a"] * 4 + ["b"] * 4
    assert content(out)["summary.json"]["end"] == "until"
    assert main([*command, "--book", "b"]) == 0
    assert list(content(out)["summary.json"]["books"]) == ["b"]
    config.write_text(settings.model_copy(update={"prefix": "none", "deadline_s": 5}).describe(), encoding="utf-8")
    assert main(command) == 2
    assert "Kafka" in capsys.readouterr().err


def test_repeats_are_dropped_and_what_is_no_frame_halts(settings: Settings, tmp_path: Path) -> None:
    """Inputs that intake wrote twice are one entry each; nothing is guessed."""
    config = tmp_path / "rhodian.toml"
    settings = settings.model_copy(update={"books": (BOOK,)})
    config.write_text(settings.describe(), encoding="utf-8")
    raws = openings(BOOK)
    asyncio.run(create(settings))
    asyncio.run(write(settings, 0, [encode_inputs(raws[:3]), encode_inputs(raws[1:]), encode_inputs(raws)]))
    command = ["replay", "--from-kafka", "--config", str(config), "--out", str(tmp_path / "out")]
    assert main(command) == 0
    assert len((tmp_path / "out" / "journal.jsonl").read_bytes().splitlines()) == len(raws)
    asyncio.run(write(settings, 0, [b"no frame"]))
    assert main(command) == 3
    reason = content(tmp_path / "out")["summary.json"]["reason"]
    assert reason.startswith(f"record 3 of {Topics(settings.prefix).journal}/0: a record of the journal is no frame")
    assert len((tmp_path / "out" / "journal.jsonl").read_bytes().splitlines()) == len(raws)
