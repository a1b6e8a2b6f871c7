"""A worker whose partitions stand still while records wait ends, and one that is busy, idle or behind does not."""

from __future__ import annotations

import asyncio
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
        self.is_away = False
        self.consumer = self
        self.flow_active = True

    def assignment(self) -> set[TP]:
        """One."""
        return {PLACE}

    def _get_active_partitions(self) -> set[TP]:
        return {PLACE}

    async def highwaters(self, *places: TP) -> dict[TP, int]:
        """Ten each."""
        if self.is_away:
            raise KafkaConnectionError
        return dict.fromkeys(places, 10)


def looks(app: App, monkeypatch: pytest.MonkeyPatch, change: Any = lambda _app: None) -> None:
    """Look for longer than anybody's patience, and change something between two looks."""
    monkeypatch.setattr(stalls, "ASK_S", 0.001)

    async def place(_tp: TP) -> int | None:
        return app.place

    async def body() -> None:
        watch = Stalls(app, Settings.model_validate({"books": ["usd"]}), place)  # type: ignore[arg-type]
        watch.patience_s = 0.05
        for _ in range(5):
            await watch.look()
            change(app)
            await asyncio.sleep(0.03)

    asyncio.run(body())


def test_records_that_nobody_takes_end_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """With how it stood, for who looks for the cause."""
    with pytest.raises(Transient, match="journal/0 stands still at 0: generation 1"):
        looks(App(), monkeypatch)


def test_a_rebalance_without_end_ends_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is assigned then, so no record waits."""
    app = App()
    app.rebalancing = True
    with pytest.raises(Transient, match="rebalance/1 stands still"):
        looks(app, monkeypatch)


def _move(app: App) -> None:
    app.place = (app.place or 0) + 1


def _next_rebalance(app: App) -> None:
    app.rebalancing_count += 1


@pytest.mark.parametrize(
    ("fields", "change"),
    [
        ({}, _move),
        ({"place": 10}, lambda _app: None),
        ({"place": None}, lambda _app: None),
        ({"is_away": True}, lambda _app: None),
        ({"rebalancing": True}, _next_rebalance),
    ],
    ids=["it goes on", "it is at the end", "nothing is to be taken", "Kafka is away", "one rebalance after another"],
)
def test_whoever_goes_on_or_has_nothing_to_do_stays(
    monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any], change: Any
) -> None:
    """However long it takes."""
    app = App()
    for name, value in fields.items():
        setattr(app, name, value)
    looks(app, monkeypatch, change)
