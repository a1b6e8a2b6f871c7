"""A change of P in a live venue, and what tests look at around one."""

from __future__ import annotations

import msgspec

from schemas.governed import Command
from streams.live.settings import Settings
from tests.live.venue_of_workers import LiveVenue, small


def resharding(settings: Settings) -> Settings:
    """One book, and little patience."""
    return small(settings, books=("usd",), deadline_s=5)


async def reshard(venue: LiveVenue, shards: int) -> list[str]:
    """The command; answers the names of the margin workers that it retires."""
    old = [name for name in venue.names if name.startswith("margin")]
    number, venue.change, venue.shards = 1_000 + venue.change, venue.change + 1, shards
    rule = {"version": number, "author": "t", "reason": "r", "time_ms": venue.inputs[0].time_ms}
    command = Command(kind="reshard", book="usd", id=f"p{number}", shards=shards, **rule)  # type: ignore[arg-type]
    await venue.write("commands", msgspec.json.encode(command))
    return old


def table(venue: LiveVenue, shard: str) -> str:
    """The key of what a shard holds: `change/index`."""
    return f"{{{venue.settings.prefix}:usd:margin/{shard}}}:state"


async def forget(venue: LiveVenue) -> None:
    """What FLUSHALL does to this venue: others may stand in the same Redis."""
    await venue.redis.delete(*await venue.redis.keys(f"*{venue.settings.prefix}*"))


def new(venue: LiveVenue) -> list[str]:
    """The margin workers of the P in force."""
    return [name for name in venue.names if name.startswith("margin")]


async def half_changed(venue: LiveVenue) -> list[str]:
    """A venue at work whose change from two to three shards waits for one old shard that is down; the old workers."""
    await venue.open()
    await venue.feed(80)
    await venue.until(venue.is_quiet)
    venue.workers.stop("margin 1/2")
    old = await reshard(venue, 3)
    venue.workers.start(*new(venue))
    return old


async def has_begun(venue: LiveVenue) -> bool:
    """Whether any of the three successors holds a table."""
    return any([await venue.redis.exists(table(venue, f"1/{index}")) for index in range(3)])
