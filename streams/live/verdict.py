"""Whether a live venue, the replay of its journal and the fresh run of what it was fed came to the same."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from redis.asyncio import Redis

from engine.clearing.door import Clearing
from streams.balances import accounts_of, balances_digest
from streams.driver import BookRun
from streams.fingerprints import over_books
from streams.live.connect import redis_arguments
from streams.live.oracle import Fresh
from streams.live.settings import Settings
from streams.live.shards import readers_of
from streams.live.states import load
from streams.live.tables import Transient, table_of
from streams.live.telling import events_of


@dataclass(frozen=True, slots=True)
class Verdict:
    """The comparisons, in words; `holds` whether all came out equal."""

    lines: list[str]
    holds: bool


async def balances_in_redis(settings: Settings) -> str:
    """The digest of all balances that the workers wrote down."""
    redis, found = Redis.from_url(**redis_arguments(settings)), dict[str, str]()
    try:
        for book in settings.books:
            machines: list[Any] = []
            for role in await readers_of(redis, settings, book):
                saved = await table_of(redis, settings, book, role.source).read()
                if saved is None:
                    raise Transient(f"Redis holds no table of {role.source} of {book}")
                machines.append(load(saved, []).machine)
            clearing = cast(Clearing, machines[0])
            run = cast(BookRun, SimpleNamespace(book=clearing.state.book, clearing=clearing, shards=machines[1:]))
            found[book] = balances_digest(run, accounts_of(run))
    finally:
        await redis.aclose()
    return over_books(found)


def judge(out: Path, told: set[bytes], redis: str, fresh: Fresh | None) -> Verdict:
    """`out` holds what the replay wrote, `told` what was on the output topics."""
    summary = json.loads((out / "summary.json").read_bytes())
    events, balances = summary["events_digest"], summary["balances_digest"]
    replayed = events_of(out / "events.jsonl")
    is_replay = summary["end"] == "complete" and told == replayed and redis == balances
    same = "the same" if is_replay else "NOT THE SAME"
    counts = f"{len(told):,} events on the topics, {len(replayed):,} replayed"
    found = f"balances {redis[:16]} in Redis, {balances[:16]} replayed"
    lines = [f"live and the replay of its journal: {same}; {counts}, {found}"]
    if summary["end"] != "complete":
        lines.append(f"the replay ended: {summary['end']} {summary['reason']}")
    if fresh is None:
        return Verdict(lines, is_replay)
    is_fresh = (fresh.events_digest, fresh.balances_digest) == (events, balances)
    same = "the same" if is_fresh else "NOT THE SAME"
    lines.append(
        f"live and the fresh run of the logs: {same}; events {events[:16]} and {fresh.events_digest[:16]}, "
        f"balances {balances[:16]} and {fresh.balances_digest[:16]}"
    )
    return Verdict(lines, is_replay and is_fresh)
