"""RULEBOOK 2a.8, 8: calls, charges and deleveraging while workers die: what a fresh run says, to the byte."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from schemas.codes import Refused
from schemas.events import Event
from schemas.loss_events import LossAllocated
from streams.driver import Sinks, Venue
from streams.live.settings import Settings
from streams.present import Terms, event_fields
from tests.against_twin import same
from tests.live.venue_of_workers import LiveVenue, small

pytestmark = pytest.mark.live
SEED, FED = 230, 125  # a venue where much happens early
KINDS = {
    "operator", "guarantee_fund", "assessment", "assessment-called", "assessment-missed", "open_interest_charge",
    "equity_haircut", "gains_haircut", "position-deleveraged",
}  # fmt: skip
EVERY = 13  # inputs between two kills


def fresh(venue: LiveVenue) -> tuple[dict[str, Any], set[str]]:
    """The events that a fresh run of a venue's inputs tells, by id; their kinds, and those of layers that paid."""
    found, kinds = dict[str, Any](), set[str]()

    def event(one: Event) -> None:
        found[one.id] = msgspec.json.decode(msgspec.json.encode(event_fields(one, Terms(run.books["usd"].book))))
        kinds.add(one.kind)
        if isinstance(one, LossAllocated):
            kinds.update(layer.kind for layer in one.layers if layer.drawn_units)

    run = Venue(1, Sinks(event=event))
    for message in venue.inputs:
        try:
            run.feed(message)
        except Refused:
            continue
    return found, kinds


def test_every_layer_pays_the_same_while_workers_die(settings: Settings, tmp_path: Path) -> None:
    """Fed one by one, each when all is quiet; a worker of each kind in turn is killed just before every 13th."""

    async def body() -> None:
        async with LiveVenue(small(settings, books=("usd",)), tmp_path, SEED, 400) as venue:
            venue.inputs = venue.inputs[:FED]
            expected, happened = fresh(venue)
            assert happened >= KINDS
            venue.workers.start(*venue.names)
            while venue.inputs:
                if len(venue.inputs) % EVERY == 0:
                    venue.workers.kill(venue.names[len(venue.inputs) // EVERY % len(venue.names)])
                await venue.feed(1)
                await venue.until(venue.is_quiet)
            await venue.judge()
            heard = {dict(one.headers)["ce_id"]: one.value for one in await venue.heard.outputs()}
            found = {str(name and name.decode()): msgspec.json.decode(value) for name, value in heard.items()}
            same(found, expected, "live and fresh")

    asyncio.run(body())
