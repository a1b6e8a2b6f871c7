"""`rhodian snapshot`, `rhodian worker --snapshot`: what Redis lost comes back, and the journal does the rest."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zstandard
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.structs import TopicPartition
from redis import Redis

from streams.cli import main
from streams.live.connect import kafka_arguments
from streams.live.settings import Settings
from streams.live.snapshots import SnapshotError, read_snapshot, restore_snapshot
from streams.live.states import stand_of
from streams.live.stored import stored_tables
from streams.live.topics import Topics
from streams.live.topics_admin import create
from tests.cli_venue import BOOK
from tests.live.venue import await_quiet, feed, later, live_settings, open_venue, workers

pytestmark = pytest.mark.live
Ran = tuple[Settings, Path]


@contextmanager
def emptied(settings: Settings) -> Iterator[None]:
    """Redis without the tables of a venue, which come back afterwards."""
    with Redis.from_url(settings.redis.url) as redis:
        keys = list(redis.scan_iter(f"{{{settings.prefix}:*"))
        before = {key: redis.dump(key) for key in keys}
        redis.delete(*keys)
        try:
            yield
        finally:
            for key in redis.scan_iter(f"{{{settings.prefix}:*"):
                redis.delete(key)
            for key, value in before.items():
                redis.restore(key, 0, value)


def test_a_snapshot_is_what_redis_holds(ran: Ran, tmp_path: Path, capsys: Any) -> None:
    """To the byte, readable by any tool, and put back where nothing is; what is there stays."""
    settings, config = ran
    path = tmp_path / "perp.zst"
    assert main(["snapshot", "--config", str(config), "--out", str(path)]) == 0
    assert "margin/0/1: at " in capsys.readouterr().out
    document = json.loads(zstandard.ZstdDecompressor().stream_reader(path.read_bytes()).read())
    assert document["tables"][2]["accounts"]["alice"]["status"] == "settled"
    before = asyncio.run(stored_tables(settings, BOOK))
    with emptied(settings):
        everyone = ["clearing", "margin/0/0", "margin/0/1"]
        assert asyncio.run(restore_snapshot(settings, path)) == everyone
        assert asyncio.run(stored_tables(settings, BOOK)) == before
        assert main(["verify", "--config", str(config)]) == 0
        with Redis.from_url(settings.redis.url) as redis:
            redis.delete(f"{{{settings.prefix}:{BOOK}:clearing}}:state")
        assert asyncio.run(restore_snapshot(settings, path)) == ["clearing"]
        assert main(["snapshot", "--config", str(config), "--out", str(path)]) == 0
    with emptied(settings):
        assert main(["snapshot", "--config", str(config), "--out", str(path)]) == 2
        assert "Redis holds nothing" in capsys.readouterr().err


def test_a_file_of_something_else_is_refused(ran: Ran, settings: Settings, tmp_path: Path) -> None:
    """No snapshot; another venue's; another journal's, under the same names."""
    path = tmp_path / "perp.zst"
    path.write_bytes(b"nothing")
    with pytest.raises(SnapshotError, match="is no snapshot"):
        read_snapshot(path)
    assert main(["snapshot", "--config", str(ran[1]), "--out", str(path)]) == 0
    with pytest.raises(SnapshotError, match=f"is of book {BOOK} under {ran[0].prefix}"):
        asyncio.run(restore_snapshot(settings, path))
    taken = read_snapshot(path)
    tables = [msgspec.structs.replace(one, before="0" * 64) for one in taken.tables]
    changed = msgspec.structs.replace(taken, tables=tables)
    path.write_bytes(zstandard.ZstdCompressor().compress(msgspec.json.encode(changed)))
    with pytest.raises(SnapshotError, match="is of another journal"):
        asyncio.run(restore_snapshot(ran[0], path))
    mine = msgspec.structs.replace(taken, prefix=settings.prefix)
    path.write_bytes(zstandard.ZstdCompressor().compress(msgspec.json.encode(mine)))
    fresh = settings.model_copy(update={"books": (BOOK,)})
    asyncio.run(create(fresh))
    with pytest.raises(SnapshotError, match="but the journal holds 0 to 0"):
        asyncio.run(restore_snapshot(fresh, path))


def test_a_worker_begins_with_it(settings: Settings, tmp_path: Path, capsys: Any) -> None:
    """Redis lost all, and the journal what lies before: without the snapshot nobody can begin, with it all go on."""
    settings, config, path = live_settings(settings), tmp_path / "rhodian.toml", tmp_path / "perp.zst"
    config.write_text(settings.describe(), encoding="utf-8")
    asyncio.run(open_venue(settings))
    with workers(config):
        await_quiet(settings)
        asyncio.run(feed(settings, later(300)))  # ids of before are forgotten
        await_quiet(settings)
        assert main(["snapshot", "--config", str(config), "--out", str(path)]) == 0
        asyncio.run(feed(settings, later(310)))
        await_quiet(settings)
    expected = balances(settings)
    start = min(stand_of(one.saved).seen.start for one in asyncio.run(stored_tables(settings, BOOK)))
    assert start > 1
    asyncio.run(forget(settings, start))
    with Redis.from_url(settings.redis.url) as redis:
        redis.delete(*redis.scan_iter(f"{{{settings.prefix}:*"))
    with workers(config, "--snapshot", str(path)):
        await_quiet(settings)
    assert "restored clearing, margin/0/0, margin/0/1" in config.with_suffix(".log").read_text()
    assert balances(settings) == expected
    assert main(["verify", "--config", str(config)]) == 2
    assert f"begins at {start}" in capsys.readouterr().err


async def forget(settings: Settings, before: int) -> None:
    """The beginning of the journal goes, as by retention."""
    admin = AIOKafkaAdminClient(**kafka_arguments(settings))
    await admin.start()
    await admin.delete_records({TopicPartition(Topics(settings.prefix).journal, 0): RecordsToDelete(before)})
    await admin.close()


def balances(settings: Settings) -> dict[str, Any]:
    """Cash by account."""
    tables = asyncio.run(stored_tables(settings, BOOK))
    return {name: json.loads(one)["cash"] for table in tables for name, one in table.saved.accounts.items()}
