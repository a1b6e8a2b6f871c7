"""`rhodian verify`: whatever Redis or the journal says that the journal does not give is named."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiokafka import AIOKafkaProducer
from redis import Redis

from schemas.codes import Refused
from schemas.journal import Raised
from streams.cli import main
from streams.live.connect import kafka_arguments
from streams.live.frames import encode_entries
from streams.live.recount import Recount, canonical
from streams.live.settings import Settings
from streams.live.topics import Topics
from tests.cli_venue import BOOK, START_MS, Lines
from tests.live.venue import ROOT, await_quiet, feed, later, live_settings, open_venue, workers
from tests.live_runs import live_run

Ran = tuple[Settings, Path]


def verified(config: Path, capsysbinary: Any, code: int) -> dict[str, Any]:
    """The one book of a verification."""
    capsysbinary.readouterr()
    assert main(["verify", "--config", str(config), "--json"]) == code
    (book,) = json.loads(capsysbinary.readouterr().out)["books"]
    return dict(book)


@pytest.fixture
def table(ran: Ran) -> Iterator[tuple[Redis, str]]:
    """The table of shard 1, put back as it was."""
    with Redis.from_url(ran[0].redis.url) as redis:
        name = f"{{{ran[0].prefix}:{BOOK}:margin/0/1}}"
        saved = {key: redis.dump(f"{name}:{key}") for key in ("state", "accounts")}
        yield redis, name
        for key, value in saved.items():
            redis.restore(f"{name}:{key}", 0, value, replace=True)


@pytest.mark.live
def test_all_agree(ran: Ran, capsysbinary: Any) -> None:
    """Every reader stands at the end, and the balances are those of the replay."""
    book = verified(ran[1], capsysbinary, 0)
    assert book["same"]
    assert [(one["reader"], one["behind"], one["result"]) for one in book["tables"]] == [
        ("clearing", 0, "same"), ("margin/0/0", 0, "same"), ("margin/0/1", 0, "same"),
    ]  # fmt: skip
    assert sum(one["accounts"] for one in book["tables"]) == 6
    assert book["journal"]["difference"] is None
    assert main(["replay", "--from-kafka", "--config", str(ran[1]), "--out", str(ran[1].parent / "r"), "--json"]) == 0
    summary = json.loads(capsysbinary.readouterr().out)
    assert summary["books"][BOOK]["balances_digest"] == book["balances_digest"]


@pytest.mark.live
@pytest.mark.parametrize(
    ("key", "field", "change", "told"),
    [
        ("accounts", "alice", {"cash": 17}, "account alice, cash: Redis has 17, the journal gives "),
        ("accounts", "zoe", {"cash": 1}, "account zoe: Redis has {"),
        ("state", "reader", {"numbered": 3}, "numbered: Redis has 3, the journal gives "),
        ("state", "shard.ledger", {"cash": {"@transit": 5}}, "shard.ledger, cash, @outside: Redis has nothing, the jo"),
        ("state", "reader", 7, "cannot be read: "),
        ("state", "book.clock_ms", 7, "book.clock_ms: Redis has 7, the journal gives 1600000200000"),
    ],
)
def test_what_redis_has_otherwise_is_named(
    ran: Ran, table: tuple[Redis, str], capsysbinary: Any, key: str, field: str, change: Any, told: str
) -> None:
    """An account, one too many, what was said, a fund, the time of the book."""
    redis, name = table
    before = msgspec.json.decode(redis.hget(f"{name}:{key}", field) or b"{}")
    after = {**before, **change} if isinstance(change, dict) else change
    redis.hset(f"{name}:{key}", field, json.dumps(after))
    book = verified(ran[1], capsysbinary, 1)
    assert [one["result"] for one in book["tables"]] == ["same", "same", "differs"]
    assert book["tables"][2]["difference"].startswith(told)
    assert book["journal"]["difference"] is None


@pytest.mark.live
def test_a_table_that_is_gone_or_beyond_the_journal_is_named(
    ran: Ran, table: tuple[Redis, str], capsysbinary: Any
) -> None:
    """As after a flush, or a journal that lost its end."""
    redis, name = table
    redis.hset(f"{name}:state", "position", 9_999)
    assert "stands at 9999, but the journal ends at" in verified(ran[1], capsysbinary, 1)["tables"][2]["difference"]
    redis.delete(f"{name}:state", f"{name}:accounts")
    assert verified(ran[1], capsysbinary, 1)["missing"] == ["margin/0/1"]
    assert main(["verify", "--config", str(ran[1])]) == 1
    assert b"margin/0/1" in capsysbinary.readouterr().out


def busy(second: int) -> Lines:
    """Trades of one second, which move money at every one."""
    head = {"type": "trade", "book": BOOK, "time_ms": START_MS + 1000 * second, "instrument": "BTC"}
    sides = [("bob", "erin"), ("erin", "frank"), ("frank", "bob")]
    return {
        "trades": [
            {**head, "id": f"t{second}-{n}", "buyer": one, "seller": two, "quantity": "0.001", "price": str(7000 + n)}
            for n in range(20)
            for one, two in sides[n % 3 : n % 3 + 1]
        ]
    }


@pytest.mark.live
def test_workers_may_run_and_start_again_and_a_false_report_is_named(
    settings: Settings, tmp_path: Path, capsysbinary: Any
) -> None:
    """Each table is compared where it stands, while the journal grows; code 3 where it holds what nobody said."""
    settings, config = live_settings(settings), tmp_path / "rhodian.toml"
    config.write_text(settings.describe(), encoding="utf-8")
    asyncio.run(open_venue(settings))
    command = [sys.executable, "-m", "streams.cli", "verify", "--config", str(config), "--json"]
    with workers(config):
        await_quiet(settings)
    with workers(config):
        seen, second = set[int](), 100
        while len(seen) < 4:
            second += 1
            asyncio.run(feed(settings, busy(second)))
            if second % 3 == 0:
                found = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=60)
                assert found.returncode == 0, found.stdout + found.stderr
                seen.add(json.loads(found.stdout)["books"][0]["tables"][0]["position"])
            assert second < 400, "the workers do not move"
        asyncio.run(feed(settings, later(500)))
        await_quiet(settings)
    assert verified(config, capsysbinary, 0)["same"]
    asyncio.run(say_falsely(settings))
    book = verified(config, capsysbinary, 3)
    assert "recorded report" in book["journal"]["difference"]
    assert "was not recomputed" in book["journal"]["difference"]


async def say_falsely(settings: Settings) -> None:
    """A report of shard 1, with its next number, that shard 1 never said."""
    with Redis.from_url(settings.redis.url) as redis:
        stand = json.loads(redis.hget(f"{{{settings.prefix}:{BOOK}:margin/0/1}}:state", "reader"))
    false = Raised(book=BOOK, seq=1, account="alice", what="hole", number=99)
    async with AIOKafkaProducer(**kafka_arguments(settings)) as producer:
        frame = encode_entries("margin/0/1", stand["numbered"] + 1, 1, 2, [false])
        await producer.send_and_wait(Topics(settings.prefix).journal, frame, partition=0)


@pytest.mark.parametrize("seed", range(12))
def test_a_recount_holds_what_live_readers_hold(seed: int) -> None:
    """Through delays, crashes, repeats and changes of P: every account, every field, every number said."""
    live = live_run(seed, lock_step=False)
    first = next(worker.reader for worker in [*live.margin, *live.retired] if not worker.change)
    run = Recount(msgspec.structs.replace(live.inputs[0], shards=first.shards))  # type: ignore[type-var]
    for record in live.log:
        with suppress(Refused):
            run.take(record)
    readers = [live.clearing.reader, *(worker.reader for worker in live.margin)]
    assert run.sources() == [reader.source for reader in readers]
    for reader in readers:
        saved = reader.save()
        shard = saved["source"] != "clearing"
        rest = saved["machine"]["rest"] if shard else saved["machine"]
        found = {f"{'shard' if shard else 'clearing'}.{name}": value for name, value in rest.items()}
        found |= {f"book.{name}": value for name, value in saved["book"].items() if name != "seen"}
        found |= {f"account {name}": one for name, one in (saved["machine"]["accounts"] if shard else {}).items()}
        found |= {name: saved[name] for name in ("source", "shards", "numbered", "last")}
        assert canonical(json.loads(msgspec.json.encode(found))) == run.expected(reader.source)
