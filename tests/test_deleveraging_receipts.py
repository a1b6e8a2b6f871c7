"""The verifier of deleveraging accepts the events of random venues, and rejects each single number tampered with."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.against_twin import run_venue
from tests.random_venue import random_venue
from tests.scripts import ended

SCRIPT = Path(__file__).resolve().parent.parent / "examples" / "verify_deleveraging.py"
Events = list[dict[str, Any]]


@pytest.fixture(scope="module")
def told() -> Events:
    """What some venues tell of deleveraging, one book each."""
    found: Events = []
    for seed in range(12):
        pair = run_venue(*random_venue(seed, 60), 1 + seed % 3)
        for event in pair.events:
            if event.kind in ("deleveraging-allocated", "position-offset"):
                fields = msgspec.to_builtins(event)
                found.append({**fields, "id": event.id, "book": f"{seed}/{event.book}"})
    return found


def verify(events: Events, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """What the script ends with."""
    return ended(SCRIPT, events, monkeypatch) or capsys.readouterr().out


def giving(events: Events) -> dict[str, Any]:
    """A tier with two who have room, of which one gives all it can and one something."""
    draws = (draw for event in events for draw in event.get("draws", ()) if draw["rule"] == "queue")
    return next(draw for draw in draws if sum(share["lots"] > 0 for share in draw["shares"]) > 1)


def swap(rows: list[Any]) -> None:
    """Two rows change places."""
    rows[0], rows[1] = rows[1], rows[0]


def bump(where: dict[str, Any], name: str, by: int = 1) -> None:
    """One number changed."""
    where[name] += by


def first(events: Events, kind: str) -> dict[str, Any]:
    """The first event of a type."""
    return next(event for event in events if event["type"] == kind)


TAMPERED: dict[str, Callable[[Events], object]] = {
    **{
        name: lambda e, name=name: bump(giving(e)["shares"][0], name)  # type: ignore[misc]
        for name in ("score_ppm", "weight", "room_lots", "lots", "remainder_rank", "before_lots", "after_lots")
    },
    "swapped rows": lambda e: swap(giving(e)["shares"]),
    "missing row": lambda e: giving(e)["shares"].pop(),
    "amount": lambda e: bump(giving(e), "amount_lots"),
    "refused": lambda e: bump(first(e, "deleveraging-allocated"), "refused_lots"),
    "market": lambda e: bump(first(e, "deleveraging-allocated"), "market_lots"),
    "money of a lot": lambda e: bump(first(e, "deleveraging-allocated"), "paid_num", 10**12),
    "cash": lambda e: bump(first(e, "position-offset"), "cash_units"),
    "missing round": lambda e: e.remove(first(e, "deleveraging-allocated")),
}


def test_true_events_are_accepted(told: Events, monkeypatch: Any, capsys: Any) -> None:
    """Queues and divisions, at several prices."""
    rules = {draw["rule"] for event in told for draw in event.get("draws", ())}
    assert {"queue", "pro_rata"} <= rules
    assert verify(told, monkeypatch, capsys).endswith("ALL AGREE\n")


def test_no_deleveraging_is_not_called_agreement(monkeypatch: Any, capsys: Any) -> None:
    """It is told as it is."""
    assert verify([], monkeypatch, capsys) == "NO DELEVERAGING\n"


@pytest.mark.parametrize("name", TAMPERED)
def test_a_tampered_number_is_found(told: Events, monkeypatch: Any, capsys: Any, name: str) -> None:
    """What is wrong is named in one line."""
    events = copy.deepcopy(told)
    TAMPERED[name](events)
    assert events != told
    assert verify(events, monkeypatch, capsys).startswith("WRONG in ")
