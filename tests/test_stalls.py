"""A worker whose partitions stand still while records wait ends, and one that is busy, idle or behind does not."""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError
from faust.types import TP

from streams.live import stalls
from streams.live.settings import Settings
from streams.live.stalls import Stalls
from streams.live.tables import Transient

PLACE = TP("journal", 0)


class App:
    """Stands for Faust's: one partition with ten records, whose `place` a test moves."""

    def __init__(self) -> None:
        self.rebalancing, self.rebalancing_count, self.consumer_generation_id = False, 1, 1
        self.flow_control = SimpleNamespace(is_active=lambda: True)
        self.place: int | None = 0
        self.is_away = self.hangs = False
        self.work = 0
        self.consumer = self._thread = self
        self.thread_loop = asyncio.get_running_loop()
        self.flow_active = True

    def assignment(self) -> set[TP]:
        """One."""
        return {PLACE}

    def _get_active_partitions(self) -> set[TP]:
        return {PLACE}

    async def of(self, places: set[TP]) -> dict[TP, int]:
        """Where they end: ten each."""
        if self.is_away:
            raise KafkaConnectionError
        if self.hangs:
            await asyncio.sleep(60)
        return dict.fromkeys(places, 10)


def looks(monkeypatch: pytest.MonkeyPatch, change: Any = lambda _app: None, **fields: Any) -> None:
    """Look for longer than anybody's patience, and change something between two looks."""
    monkeypatch.setattr(stalls, "ASK_S", 0.02)

    async def body() -> None:
        app = App()
        for name, value in fields.items():
            setattr(app, name, value)

        async def place(_tp: TP) -> int | None:
            return app.place

        settings = Settings.model_validate({"books": ["usd"]})
        watch = Stalls(app, settings, place, lambda: app.work)  # type: ignore[arg-type]
        watch.patience_s, watch.ends = 0.05, app  # type: ignore[assignment]
        for _ in range(6):
            await watch.look()
            change(app)
            await asyncio.sleep(0.02)

    asyncio.run(body())


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, "journal/0 stands still at 0: generation 1"),
        ({"rebalancing": True}, "rebalance/1 stands still"),
        ({"is_away": True}, "who asks/0 stands still"),
        ({"hangs": True}, "who asks/0 stands still"),
    ],
    ids=["records wait", "a rebalance does not end", "Kafka is away", "nobody answers"],
)
def test_a_worker_that_stands_still_ends(monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any], told: str) -> None:
    """With how it stood, and what its tasks wait for, for who looks for the cause."""
    with pytest.raises(Transient, match=told) as found:
        looks(monkeypatch, **fields)
    assert "looks.<locals>.body:" in str(found.value)


def _move(app: App) -> None:
    app.place = (app.place or 0) + 1


def _work(app: App) -> None:
    app.work += 1


def _next_rebalance(app: App) -> None:
    app.rebalancing_count += 1


@pytest.mark.parametrize(
    ("fields", "change"),
    [
        ({}, _move),
        ({"place": 10}, lambda _app: None),
        ({"place": None}, lambda _app: None),
        ({}, _work),
        ({"rebalancing": True}, _next_rebalance),
    ],
    ids=["it goes on", "it is at the end", "nothing is to be taken", "a step is long", "one rebalance after another"],
)
def test_whoever_goes_on_or_has_nothing_to_do_stays(
    monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any], change: Any
) -> None:
    """However long it takes."""
    looks(monkeypatch, change, **fields)


def test_the_time_in_which_the_process_could_not_look_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """A large table is loaded in one go, and nobody looks meanwhile: that it goes on right after is in time."""
    turns = iter([lambda _app: time.sleep(0.2)])
    looks(monkeypatch, lambda app: next(turns, _move)(app))
