"""Live runs beside replays of their journals and fresh runs of their inputs: what must be the same is compared here."""

from __future__ import annotations

from random import Random
from types import SimpleNamespace
from typing import Any

import msgspec

from schemas import governed
from schemas.codes import Refused
from schemas.events import Event
from schemas.message import Input
from streams.driver import Sinks, Venue
from streams.rereading import JournalRun
from streams.simulation import Chances, LiveRun
from tests.against_twin import balances, entries, positions, same, statuses
from tests.random_venue import messages, random_venue

BOOK = "usd"
OPENING = 41  # messages that open the book, list, and bring the first money
Outcome = tuple[dict[str, Any], dict[str, bytes]]


def live_run(seed: int, length: int = 40, *, lock_step: bool, is_mixed: bool = False) -> LiveRun:
    """A random venue with changes of P, run to its end under delays, repeats, batch cuts and crashes.

    `is_mixed`: its inputs come over three partitions, some of which are read ahead of others.
    """
    random = Random(seed)
    settings, acts = random_venue(seed, length)
    fed = [message for message in messages(settings, acts, []) if message.book == BOOK]
    if is_mixed:
        fed = _mixed(fed, random)
    for number in range(random.randint(0, 2)):
        at = random.randint(len(fed) // 2, len(fed) - 1)
        fed.insert(at, _reshard(number, at, fed[at - 1].time_ms, random.randint(1, 4)))
    chances = Chances(
        repeat=random.choice([0, 5]), crash=random.choice([0, 1]), batch=random.choice([1, 4, 30]),
        step=random.choice([20, 80, 200]),
    )  # fmt: skip
    live = LiveRun(fed, random.randint(1, 4), random.randrange, chances, lock_step=lock_step)
    live.run()
    return live


def _mixed(fed: list[Input], random: Random) -> list[Input]:
    """What opens the book, then the rest: each partition in its own order, in bursts."""
    lanes: list[list[Input]] = [[], [], []]
    for one in reversed(fed[OPENING:]):
        random.choice(lanes).append(one)
    found = fed[:OPENING]
    while left := [lane for lane in lanes if lane]:
        lane = random.choice(left)
        for _ in range(min(len(lane), random.choice([1, 1, 2, 5, 20]))):
            found.append(lane.pop())
    return found


def _reshard(number: int, at: int, time_ms: int, shards: int) -> Input:
    rule: dict[str, Any] = {"book": BOOK, "version": 10 + at + number, "author": "t", "reason": "r"}
    return governed.Command(kind="reshard", id=f"reshard{number}", time_ms=time_ms, shards=shards, **rule)


def outcome(run: Any) -> dict[str, Any]:
    """Balances, positions, entry values and statuses over all readers of a run."""
    return {**balances(run), **positions(run), **{("entry", k): v for k, v in entries(run).items()}, **statuses(run)}


def outcome_of(live: LiveRun) -> Outcome:
    """Of a live run, from every reader's own state."""
    shards = [worker.reader.machine for worker in live.margin]
    clearing = live.clearing.reader
    return outcome(SimpleNamespace(book=clearing.book, clearing=clearing.machine, shards=shards)), live.events


def replayed(live: LiveRun, shards: int) -> Outcome:
    """Of a replay of its journal; raises Halt where a report or decision differs."""
    events: dict[str, bytes] = {}
    run = JournalRun(live.inputs[0], shards, Sinks(event=_keep(events)))  # type: ignore[arg-type]
    for record in live.log:
        try:
            run.take(record)
        except Refused:
            continue
    return outcome(run), events


def fresh(live: LiveRun) -> Outcome:
    """Of a fresh run of its inputs."""
    events: dict[str, bytes] = {}
    venue = Venue(1, Sinks(event=_keep(events)))
    for message in live.inputs:
        try:
            venue.feed(message)
        except Refused:
            continue
    return outcome(venue.books[BOOK]), events


def _keep(events: dict[str, bytes]) -> Any:
    def keep(event: Event) -> None:
        assert event.id not in events, f"two events {event.id}"
        events[event.id] = msgspec.json.encode(event)

    return keep


def require_same(found: Outcome, expected: Outcome, what: str) -> None:
    """State and event bytes."""
    same(found[0], expected[0], f"{what}: state")
    same(found[1], expected[1], f"{what}: events")
