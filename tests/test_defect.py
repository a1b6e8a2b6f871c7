"""A defect of ours: an exception while the journal is applied stops one reader for good, and says so, and no other."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from faust.types import TP

from schemas.inputs import Heartbeat
from streams.live.counts import Counts
from streams.live.desk import Desk
from streams.live.frames import CLOCK, Raw, encode_inputs
from streams.live.readers import Role
from streams.live.reading import Reading
from streams.live.settings import Settings

BEAT = msgspec.json.encode(Heartbeat(book="usd", id="clock/1", time_ms=1))
RECORD = SimpleNamespace(offset=0, value=encode_inputs([Raw(CLOCK, 0, BEAT)]))


class Fold:
    """Stands for the engine's: applies everything, or fails always."""

    def __init__(self, *, fails: bool) -> None:
        self.fails, self.is_retired, self.reader = fails, False, None

    def taken(self, _offset: int, _frame: Any) -> Iterator[None]:
        """One step."""
        yield
        if self.fails:
            raise ValueError("expected numbers >= 0")

    def drain(self) -> Any:
        """Nothing was said."""
        return SimpleNamespace(records=[], events=[], letters=[], reshard=None)


def reading(sent: list[Any]) -> Reading:
    """A clearing house of two books; the first has the defect."""

    async def send(records: Any) -> None:
        sent.extend(records)

    outlet: Any = SimpleNamespace(send=send)
    settings = Settings.model_validate({"books": ["usd", "eur"]})
    found = Reading(settings, Role(), None, outlet, None, Counts())  # type: ignore[arg-type]
    for partition, book in enumerate(settings.books):
        table: Any = SimpleNamespace(name=book)
        found.desks[partition] = Desk(partition, Role(), Fold(fails=not partition), table, 0)  # type: ignore[arg-type]
    return found


def test_a_defect_halts_its_reader_and_no_other(caplog: pytest.LogCaptureFixture) -> None:
    """Started again it would come to the same entry without end, and take the other book with it."""
    sent = list[Any]()

    async def body() -> list[bool]:
        reader = reading(sent)
        done = [await reader.step(TP("journal", partition), [RECORD]) for partition in (0, 1, 0)]
        assert [desk.is_idle for desk in reader.desks.values()] == [True, False]
        assert reader.halted == ["usd: a defect, at 0 of the journal: ValueError: expected numbers >= 0"]
        return done

    with caplog.at_level(logging.ERROR):
        assert asyncio.run(body()) == [False, True, True]  # what a halted reader is sent is dropped
    assert "Traceback" in caplog.text
    assert [record.topic for record in sent] == ["rhodian.status"]
    assert b"reader-halted" in sent[0].value
