"""`rhodian dead-letters`: what was refused is found, with its reason and bytes, and goes back in once."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from schemas.codes import Code, Refused
from streams.cli import main
from streams.live.frames import Raw
from streams.live.letters import FROM, RETRIED, RETRY_OF, STAGE, Letter, read_letters, retry
from streams.live.outlet import Outlet
from streams.live.outputs import Outgoing, outgoing_letter
from streams.live.settings import Settings
from streams.live.topics import Topics
from streams.live.topics_admin import create
from tests.cli_venue import BOOK
from tests.live.venue import BAD, await_quiet, feed, later, live_settings, open_venue, records, workers

pytestmark = pytest.mark.live
Ran = tuple[Settings, Path]
RAW = Raw("prices/0", 4, b"\xffno text", b"k", (("trace", b"t"), ("ce_id", b"of the producer")))
REFUSED = Refused(Code.UNKNOWN_INSTRUMENT, "nothing named X is listed")
NAME = "prices/0/4/202"


def told(config: Path, capsysbinary: Any, *arguments: str, code: int = 0) -> Any:
    """A command's JSON."""
    capsysbinary.readouterr()
    assert main(["dead-letters", *arguments, "--config", str(config), "--json"]) == code
    return json.loads(capsysbinary.readouterr().out)


def test_all_that_was_refused_is_listed_and_shown(ran: Ran, capsysbinary: Any) -> None:
    """By intake, by common data, by an account; with what its producer wrote."""
    listed = told(ran[1], capsysbinary, "list")
    assert [(row["name"], row["count"], row["sent_again"]) for row in listed["codes"]] == [
        ("NOT_JSON", 1, 0), ("UNKNOWN_BOOK", 1, 0), ("UNKNOWN_INSTRUMENT", 1, 0), ("UNKNOWN_ACCOUNT", 1, 0),
    ]  # fmt: skip
    name = listed["codes"][0]["last_id"]
    assert told(ran[1], capsysbinary, "list", "--code", "not_json")["letters"] == 1
    shown = told(ran[1], capsysbinary, "show", "--id", name)
    assert (shown["value"], shown["key"], shown["headers"]) == (BAD.decode(), "bad", {"trace": "x"})
    assert (shown["topic"], shown["partition"], f"trades/0/{shown['offset']}/102") == ("trades", 0, name)
    assert main(["dead-letters", "show", "--config", str(ran[1]), "--id", name]) == 0
    out = capsysbinary.readouterr().out
    assert out.endswith(b"as they are:\n" + BAD + b"\n")
    assert main(["dead-letters", "list", "--config", str(ran[1])]) == 0
    assert b"UNKNOWN_ACCOUNT" in capsysbinary.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["show", "--id", "trades/0/9/999"], b"no letter trades/0/9/999"),
        (["show"], b"which letter?"),
        (["retry"], b"which letters?"),
        (["retry", "--code", "102", "--edit", "file"], b"--edit is for one letter"),
        (["list", "--again"], b"belong to retry"),
    ],
)
def test_what_cannot_be_is_said(ran: Ran, capsysbinary: Any, arguments: list[str], text: bytes) -> None:
    """Code 2; nothing is sent."""
    assert main(["dead-letters", *arguments, "--config", str(ran[1])]) == 2
    assert text in capsysbinary.readouterr().err


async def refused(settings: Settings, *more: Outgoing) -> None:
    """One letter, said twice as after a crash, and what else stands in the topic."""
    await create(settings)
    letter = outgoing_letter(Topics(settings.prefix), RAW, REFUSED)
    await send(settings, letter, letter, *more)


async def send(settings: Settings, *some: Outgoing) -> None:
    """Records of any kind."""
    outlet = Outlet(settings)
    await outlet.start()
    await outlet.send(some)
    await outlet.stop()


async def inputs(settings: Settings) -> list[tuple[bytes | None, bytes, list[tuple[str, bytes]]]]:
    """What stands among the prices."""
    found = await records(settings, Topics(settings.prefix).prices)
    return [(one.key, one.value, list(one.headers)) for one in found]


def test_a_letter_goes_back_as_it_was_and_once(settings: Settings, tmp_path: Path, capsysbinary: Any) -> None:
    """Key, bytes, headers, and whose retry it is; again only when asked; with another value when given one."""
    config, edit = tmp_path / "rhodian.toml", tmp_path / "edit"
    config.write_text(settings.describe(), encoding="utf-8")
    edit.write_bytes(b"edited")
    asyncio.run(refused(settings))
    assert told(config, capsysbinary, "list")["letters"] == 1
    assert told(config, capsysbinary, "show", "--id", NAME)["value_base64"]
    assert told(config, capsysbinary, "retry", "--code", "202") == {"sent": [NAME], "sent_before": []}
    assert told(config, capsysbinary, "retry", "--code", "202") == {"sent": [], "sent_before": [NAME]}
    assert told(config, capsysbinary, "list")["codes"][0]["sent_again"] == 1
    headers = [*RAW.headers, (RETRY_OF, NAME.encode())]
    assert asyncio.run(inputs(settings)) == [(b"k", RAW.value, headers)]
    told(config, capsysbinary, "retry", "--id", NAME, "--again", "--edit", str(edit))
    assert asyncio.run(inputs(settings))[1:] == [(b"k", b"edited", headers)]


@pytest.mark.parametrize("was_sent", [True, False])
def test_a_retry_that_was_cut_short_is_completed_once(settings: Settings, was_sent: bool) -> None:
    """Begun, and nobody knows whether it was sent: its partition is looked through."""
    marks = [(RETRIED, NAME.encode()), (STAGE, b"begun"), (FROM, b"1")]
    mark = Outgoing(Topics(settings.prefix).dead_letters, 0, b"k", b"", marks)
    other = Outgoing(Topics(settings.prefix).prices, 0, None, b"another input", [])
    asyncio.run(refused(settings, mark, other))
    known = asyncio.run(read_letters(settings))
    letter: Letter = known.letters[NAME]
    if was_sent:
        asyncio.run(send(settings, letter.again(settings)))
    assert asyncio.run(retry(settings, known, [letter])) == ([] if was_sent else [letter])
    assert len(asyncio.run(inputs(settings))) == 2


def test_what_was_mended_is_accepted(settings: Settings, tmp_path: Path, capsysbinary: Any) -> None:
    """A price of something that was not listed is one of something that is; what is refused again is a new letter."""
    settings, config, edit = live_settings(settings), tmp_path / "rhodian.toml", tmp_path / "edit.json"
    config.write_text(settings.describe(), encoding="utf-8")
    asyncio.run(open_venue(settings))
    with workers(config):
        await_quiet(settings)
        (name,) = [row["last_id"] for row in told(config, capsysbinary, "list", "--code", "202")["codes"]]
        letter = told(config, capsysbinary, "show", "--id", name)
        edit.write_text(letter["value"].replace("NONE", "BTC").replace('"mark": "1"', '"mark": "7777"'))
        assert told(config, capsysbinary, "retry", "--id", name, "--edit", str(edit))["sent"] == [name]
        assert len(told(config, capsysbinary, "retry", "--code", "102")["sent"]) == 1
        asyncio.run(feed(settings, later(100)))
        await_quiet(settings)
    codes = {row["name"]: row["count"] for row in told(config, capsysbinary, "list")["codes"]}
    assert (codes["UNKNOWN_INSTRUMENT"], codes["NOT_JSON"]) == (1, 2)
    out = tmp_path / "out"
    assert main(["replay", "--from-kafka", "--config", str(config), "--out", str(out), "--json"]) == 0
    marks = json.loads(capsysbinary.readouterr().out)["books"][BOOK]["after"]["marks"]
    assert marks == [{"instrument": "BTC", "mark_ticks": 15554, "mark": "7777.0"}]
