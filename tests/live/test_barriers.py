"""Barriers, and the groups of a lock-step feed: what intake merges is what the fresh run took, in that order."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from faust.types import TP

from schemas.inputs import TOPICS
from streams.live.barriers import ALIGN_S, HEADER, Barriers
from streams.live.lockstep import Lockstep
from streams.live.oracle import Group, groups
from tests.cli_venue import BOOK, START_MS, venue, write

GRID_MS = (START_MS // 60_000 + 20) * 60_000
ONE, TWO = TP("prices", 0), TP("trades", 0)


def line() -> Any:
    """A record of a producer."""
    return SimpleNamespace(headers=())


def barrier(number: int) -> Any:
    """A barrier."""
    return SimpleNamespace(headers=((HEADER, str(number).encode()),))


def test_a_group_goes_when_all_partitions_came_to_its_barrier() -> None:
    """Not before, whichever is read first; lines behind a barrier wait for the next."""
    barriers = Barriers()
    first = line()
    assert barriers.without(ONE, [first, barrier(1)]) == [first]
    assert barriers.must_hold([ONE, TWO], 100.0)
    assert barriers.without(TWO, [barrier(1)]) == []
    assert not barriers.must_hold([ONE, TWO], 100.0)
    barriers.without(TWO, [line()])
    assert barriers.must_hold([ONE, TWO], 101.0)
    barriers.without(TWO, [barrier(2)])
    barriers.without(ONE, [barrier(2)])
    assert not barriers.must_hold([ONE, TWO], 102.0)


def test_a_barrier_that_never_comes_holds_for_a_while() -> None:
    """A producer that died between two partitions stops nobody for ever."""
    barriers = Barriers()
    barriers.without(ONE, [line(), barrier(1)])
    assert barriers.must_hold([ONE, TWO], 100.0)
    assert barriers.must_hold([ONE, TWO], 100.0 + ALIGN_S / 2)
    assert not barriers.must_hold([ONE, TWO], 100.0 + ALIGN_S)


def merged(group: Group) -> list[bytes]:
    """As intake orders the lines of a group: by running maximum of time in each topic, then rank."""
    latest = dict.fromkeys(range(len(TOPICS)), 0)
    keyed = []
    for place, (rank, value) in enumerate(group.lines):
        latest[rank] = max(latest[rank], json.loads(value)["time_ms"])
        keyed.append((latest[rank], rank, place, value))
    return [value for *_, value in sorted(keyed)]


def test_intake_would_merge_every_group_as_it_stands(tmp_path: Path) -> None:
    """Also where a heartbeat stands behind a price of its own time, though its topic has the lower rank."""
    lines = venue()
    lines["prices"].append(
        {
            "type": "price",
            "book": BOOK,
            "id": "on-grid",
            "time_ms": GRID_MS,
            "instrument": "BTC",
            "mark": "9000",
        }
    )
    lines["prices"].append(lines["prices"][-1] | {"id": "later", "time_ms": GRID_MS + 60_000})
    found = list(groups(write(tmp_path, lines), 60_000, Lockstep(1)))
    assert all(merged(group) == [value for _, value in group.lines] for group in found)
    fed = [value for group in found for _, value in group.lines]
    at = next(place for place, value in enumerate(fed) if b'"on-grid"' in value)
    assert f'"heartbeat/{GRID_MS}"'.encode() in fed[at + 1]
    assert sum(group.good for group in found) == len(fed)
