"""`rhodian local` leaves every refused line in its result, whoever refused it."""

from __future__ import annotations

import asyncio
import base64
import json
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from schemas.codes import Code, Refused
from streams.cli import main
from streams.live.frames import Raw
from streams.live.letters import refused_at_intake
from streams.live.outlet import Outlet
from streams.live.outputs import outgoing_letter
from streams.live.settings import Settings
from streams.live.topics import Topics
from streams.live.topics_admin import create
from tests.cli_venue import START_MS, write
from tests.live.local_command import WAIT_S, local, nothing_left
from tests.live.venue import BAD, live_lines

pytestmark = pytest.mark.live

PRICE = json.dumps(
    {"type": "price", "book": "elsewhere", "id": "p", "time_ms": START_MS, "instrument": "BTC", "mark": "1"}
).encode()  # of a book that is not kept, and on the wrong topic


@pytest.mark.parametrize("speed", ["max", "100"])
def test_every_refused_line_is_in_the_result(tmp_path: Path, speed: str) -> None:
    """Those that no journal has too, the last one of a log among them: as many, and the same, as of a fresh run."""
    logs, out, fresh = write(tmp_path / "logs", live_lines()), tmp_path / "out", tmp_path / "fresh"
    for topic, line in (("trades", BAD), ("trades", b"\xff\xfe"), ("trades", PRICE), ("prices", PRICE)):
        with (logs / f"{topic}.jsonl").open("ab") as log:
            log.write(line + b"\n")
    with local(tmp_path, "--logs", str(logs), "--out", str(out), "--shards", "2", "--speed", speed) as process:
        _, told = process.communicate(timeout=WAIT_S)
    assert process.returncode == 0, told
    nothing_left(tmp_path)
    assert main(["replay", str(logs), "--out", str(fresh)]) == 0
    assert letters(out) == letters(fresh)
    found, expected = (json.loads((folder / "summary.json").read_bytes()) for folder in (out, fresh))
    assert found["refused"] == expected["refused"]
    assert found["repeats"] == expected["repeats"] == 1


def test_letters_of_intake_are_waited_for(settings: Settings) -> None:
    """Nobody knows how far intake has read where it has nothing to write into a journal."""
    settings = settings.model_copy(update={"books": ("elsewhere",)})

    async def body() -> None:
        await create(settings)
        outlet, topics = Outlet(settings), Topics(settings.prefix)
        await outlet.start()
        await outlet.send([outgoing_letter(topics, Raw("prices/0", 3, PRICE), Refused(Code.UNKNOWN_INSTRUMENT, "BTC"))])
        waiting = asyncio.create_task(refused_at_intake(settings, 1))
        await asyncio.sleep(1)
        assert not waiting.done(), "what a book refused is in its journal"
        await outlet.send([outgoing_letter(topics, Raw("trades/0", 7, BAD), Refused(Code.NOT_JSON, "cut"))])
        assert [(one.topic, one.offset, one.value) for one in await waiting] == [("trades", 7, BAD)]
        await outlet.stop()

    asyncio.run(body())


def letters(result: Path) -> Counter[tuple[int, str, bytes]]:
    """Code, topic and line of every refusal. What a book refused was read before: without what it left out."""
    found = Counter[tuple[int, str, bytes]]()
    for one in map(json.loads, (result / "dead-letters.jsonl").read_bytes().splitlines()):
        value = base64.b64decode(one["value_base64"]) if "value_base64" in one else one["value"].encode()
        with suppress(ValueError):
            fields = {name: field for name, field in json.loads(value).items() if field is not None}
            value = json.dumps(fields, sort_keys=True).encode()
        found[one["code"], one["topic"], value] += 1
    return found
