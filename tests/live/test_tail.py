"""`rhodian tail`, and the smallest consumer: every event once, in order, as it was told."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from schemas.events import Event
from streams.cli import main
from streams.cli.tail import MATTERS, told_line
from streams.live.connect import kafka_arguments
from streams.live.settings import Settings
from streams.live.topics import Topics
from streams.live.topics_admin import create
from streams.present import count_of
from tests.live.venue import ROOT, records

Ran = tuple[Settings, Path]


def shown(config: Path, capsysbinary: Any, *arguments: str) -> list[dict[str, Any]]:
    """What is there, as JSON."""
    command = ["tail", "--config", str(config), "--from", "beginning", "--no-follow", "--json", *arguments]
    assert main(command) == 0
    return [json.loads(line) for line in capsysbinary.readouterr().out.splitlines()]


@pytest.mark.live
def test_all_that_was_there_comes_in_order(ran: Ran, capsysbinary: Any) -> None:
    """Of all topics, by event time; the same bytes."""
    events = shown(ran[1], capsysbinary)
    told = {record.value for record in asyncio.run(records(ran[0], *Topics(ran[0].prefix).outputs))}
    assert len(events) == len(told) > 20
    assert [(one["time_ms"], one["seq"]) for one in events] == sorted((one["time_ms"], one["seq"]) for one in events)
    assert {event["id"] for event in events} == {json.loads(value)["id"] for value in told}


@pytest.mark.live
def test_types_members_and_times_choose(ran: Ran, capsysbinary: Any) -> None:
    """Each alone, and a line for people."""
    chosen = shown(ran[1], capsysbinary, "--type", "default-declared,loss-allocated")
    assert [one["type"] for one in chosen] == ["default-declared"] * 3 + ["loss-allocated"]
    assert {one["account"] for one in shown(ran[1], capsysbinary, "--member", "dave")} == {"dave/btc"}
    command = ["tail", "--config", str(ran[1]), "--no-follow", "--from", "2020-09-13T12:28:20Z"]
    assert main([*command, "--type", "loss-allocated"]) == 0
    told = capsysbinary.readouterr().out.decode()
    assert told.startswith("2020-09-13T12:28:20.000Z  loss-allocated            1  ")
    assert told.endswith("shortfall 27300.00, liquidation_loss 0.00, uncovered 0.00, borne by fund 500.00, "
                         "mutual 1500.00, gains 25300.00\n")  # fmt: skip
    assert main([*command, "--type", "margin-called"]) == 0
    assert capsysbinary.readouterr().out == b""


@pytest.mark.live
def test_a_group_goes_on_where_it_was(ran: Ran) -> None:
    """Followed until a signal, which ends it with 130 and no word; what was shown is not shown again."""
    command = [sys.executable, "-m", "streams.cli", "tail", "--config", str(ran[1]), "--group", f"{ran[0].prefix}.me"]
    assert len(ended(signal.SIGINT, [*command, "--from", "beginning"], 27)) == 27
    assert ended(signal.SIGTERM, [*command, "--from", "beginning"], 1, seconds=12) == []


@contextmanager
def ended_at_last(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """A process that does not end is a failure, and not waited for."""
    try:
        yield
    finally:
        process.kill()


def ended(number: signal.Signals, command: list[str], lines: int, seconds: float = 30) -> list[str]:
    """What a command shows until it has shown so many lines, or time is over, and is sent a signal."""
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(ROOT)}
    ) as process:
        assert process.stdout is not None
        os.set_blocking(process.stdout.fileno(), False)
        found, deadline = b"", time.monotonic() + seconds
        while found.count(b"\n") < lines and time.monotonic() < deadline:
            found += process.stdout.read() or b""
            time.sleep(0.05)
        time.sleep(1)  # the group says where it stands after it has shown something
        process.send_signal(number)
        with ended_at_last(process):
            rest, errors = process.communicate(timeout=15)
        assert (process.returncode, errors.decode()) == (130, "")
        return (found + (rest or b"")).decode().splitlines()


@pytest.mark.live
def test_what_is_told_again_is_shown_once(settings: Settings, tmp_path: Path, capsysbinary: Any) -> None:
    """And what is no event of ours is passed over."""
    config = tmp_path / "rhodian.toml"
    config.write_text(settings.describe(), encoding="utf-8")
    command = ["tail", "--config", str(config), "--from", "beginning", "--no-follow"]
    assert main(command) == 2
    assert b"rhodian topics create makes it" in capsysbinary.readouterr().err
    topic = Topics(settings.prefix).defaults
    headers = [("ce_id", b"b/1/hole-found/a"), ("ce_type", b"hole-found")]
    value = (
        b'{"id":"b/1/hole-found/a","type":"hole-found","seq":1,"time_ms":7,"subject":"a","account":"a","equity":"-1"}'
    )

    async def tell() -> None:
        await create(settings)
        async with AIOKafkaProducer(**kafka_arguments(settings)) as producer:
            for some in (headers, headers, []):
                await producer.send_and_wait(topic, value, headers=some, partition=0)

    asyncio.run(tell())
    assert main(command) == 0
    assert capsysbinary.readouterr().out == told_line("hole-found", value)


@pytest.mark.live
def test_the_smallest_consumer_says_defaults_and_losses(ran: Ran) -> None:
    """examples/alerts.py, as it is."""
    example = ROOT / "examples" / "alerts.py"
    assert len(example.read_text().splitlines()) < 40
    command = [sys.executable, str(example), ran[0].kafka.bootstrap, ran[0].prefix]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = sorted(process.stdout.readline() for _ in range(11))
        process.terminate()
    assert "2020-09-13T12:28:20.000Z loss-allocated 1 27300.00\n" in lines
    assert "2020-09-13T12:28:11.000Z default-declared alice/1/1 14000.00\n" in lines


def test_what_matters_is_there() -> None:
    """Every type of event says something, of fields that it has, or of their texts."""
    kinds = {str(kind.__struct_config__.tag): set(kind.__struct_fields__) for kind in Event.__subclasses__()}
    assert set(MATTERS) == set(kinds) >= {"default-declared", "margin-called"}
    for kind, names in kinds.items():
        texts = {text for name in names if (text := count_of(name)[1])}
        assert set(MATTERS[kind]) <= names | texts, kind


def test_a_type_that_is_none_is_told(capsys: Any) -> None:
    """With those that there are."""
    with pytest.raises(SystemExit, match="2"):
        main(["tail", "--type", "margin-called,defaults"])
    assert "no such type: defaults; expected some of margin-called, " in capsys.readouterr().err
