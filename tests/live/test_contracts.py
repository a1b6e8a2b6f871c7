"""The generated contracts accept what stands in real topics, headers included."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

from streams.live.asyncapi import asyncapi
from streams.live.frames import EntriesFrame, decode_frame
from streams.live.settings import Settings
from streams.live.topics import Topics
from tests.contracts import require_valid
from tests.live.venue import records

pytestmark = pytest.mark.live


def _headers(record: Any) -> dict[str, str]:
    return {name: value.decode() for name, value in record.headers}


def test_events_and_letters_are_as_the_contracts_say(ran: tuple[Settings, Path]) -> None:
    """Each event in the topic that names it, with the headers of its message; each letter with its code."""
    settings = ran[0]
    document, topics = asyncapi(settings), Topics(settings.prefix)
    messages = document["components"]["messages"]
    channels = {one["address"]: set(one["messages"]) for one in document["channels"].values()}
    told = asyncio.run(records(settings, *topics.outputs))
    assert len(told) > 20
    for record in told:
        kind = f"event-{require_valid('events', record.value)}"
        assert kind in channels[record.topic]
        Draft202012Validator(messages[kind]["headers"]).validate(_headers(record))
    letters = asyncio.run(records(settings, topics.dead_letters))
    assert len(letters) == 4
    for record in letters:
        Draft202012Validator(messages["dead-letter"]["headers"]).validate(_headers(record))


def test_the_journal_is_as_the_contracts_say(ran: tuple[Settings, Path]) -> None:
    """Lines of inputs as they were written, entries as they were encoded."""
    for record in asyncio.run(records(ran[0], Topics(ran[0].prefix).journal)):
        frame = decode_frame(record.value)
        for line in record.value.split(b"\n")[1:]:
            require_valid("journal" if isinstance(frame, EntriesFrame) else "inputs", line)
            assert msgspec.json.decode(line)["book"] == ran[0].books[0]
