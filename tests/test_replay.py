"""Replay of files: same bytes for any number of shards and any packing, and every refusal with its line."""

from __future__ import annotations

import base64
import csv
import gzip
import hashlib
import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import zstandard

from engine.book import Book
from schemas.events import Event, MarginCalled
from schemas.loss_events import LossAllocated
from streams.check import check
from streams.journal import journal_line, read_journal
from streams.logs import LogsError
from streams.present import Terms, event_fields, iso, json_line, with_texts
from streams.replay import replay
from streams.scenario import make_scenario
from streams.source import find_source
from streams.under_way import Settings
from streams.what_if import WhatIfError, read_what_if, require_fit
from tests.cli_venue import BOOK, START_MS, Lines, encode, venue, write
from tests.fuzz_lines import MUTATIONS

DATA = Path(__file__).resolve().parent.parent / "data"
FILES = ("events.jsonl", "journal.jsonl", "accounts.csv", "funds.csv", "dead-letters.jsonl")
VARYING = {"elapsed_s", "entries_per_s", "shards"}


def run(tmp_path: Path, name: str = "out", lines: Lines | None = None, **settings: Any) -> tuple[dict[str, Any], Path]:
    """Replay the small venue; answers the summary as written and the directory."""
    source = settings.pop("source", None) or write(tmp_path / "logs", lines)
    out = tmp_path / name
    replay(Settings(source, out, **settings))
    return json.loads((out / "summary.json").read_bytes()), out


def rows(path: Path) -> list[dict[str, Any]]:
    """The lines of a file, each a JSON object."""
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def table(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


def fixed(summary: dict[str, Any]) -> dict[str, Any]:
    """A summary without what differs from run to run."""
    return {key: value for key, value in summary.items() if key not in VARYING}


def test_a_small_venue_ends_conserved_with_its_loss_met(tmp_path: Path) -> None:
    """The figures of the summary agree with the events it was made from."""
    summary, out = run(tmp_path)
    events = rows(out / "events.jsonl")
    assert summary["conserved"] is True
    assert summary["end"] == "complete"
    assert summary["interrupted"] is False
    assert summary["events"] == dict(sorted(Counter(event["type"] for event in events).items()))
    assert summary["events"]["default-declared"] == 2
    (loss,) = summary["losses"]
    assert loss["shortfall_units"] == sum(layer["drawn_units"] for layer in loss["layers"]) > 0
    book = summary["books"][BOOK]
    assert sum(one["shortfall_units"] for one in book["largest_losses"]) == book["defaults"]["shortfall_units"]
    assert book["before"]["open_interest"] == [{"instrument": "BTC", "lots": 23_000, "quantity": "23.000"}]
    assert book["before"]["equity"] == "135200.00"


def test_repeated_runs_give_the_same_bytes(tmp_path: Path) -> None:
    """Only the time taken may differ."""
    first, one = run(tmp_path, "one")
    second, two = run(tmp_path, "two")
    assert fixed(first) == fixed(second)
    for name in FILES:
        assert (one / name).read_bytes() == (two / name).read_bytes()


def compare_shards(tmp_path: Path, source: Path) -> None:
    """One, two and eight shards write the same files."""
    first, one = run(tmp_path, "1", source=source)
    assert first["conserved"]
    for shards in (2, 8):
        other, out = run(tmp_path, str(shards), source=source, shards=shards)
        assert fixed(other) == fixed(first)
        for name in FILES:
            assert (out / name).read_bytes() == (one / name).read_bytes(), name


def test_the_number_of_shards_changes_no_byte(tmp_path: Path) -> None:
    """RULEBOOK 2a.8, on the small venue."""
    compare_shards(tmp_path, write(tmp_path / "logs"))


@pytest.mark.slow
@pytest.mark.parametrize("market", ["bitmex_xbtusd_1m_20200311_20200314.csv", "binance_spot_2h_20200308_20200316.csv"])
def test_the_number_of_shards_changes_no_byte_of_a_scenario(tmp_path: Path, market: str) -> None:
    """The same in a real crash, with siblings, isolated accounts, collateral and several instruments."""
    make_scenario(DATA / market, 60, 3, tmp_path / "logs")
    compare_shards(tmp_path, tmp_path / "logs")


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_packed_logs_replay_like_plain_ones(tmp_path: Path, suffix: str) -> None:
    """All but the name of the file in dead letters."""
    plain, one = run(tmp_path, "plain")
    packed = tmp_path / "packed"
    packed.mkdir()
    pack = {".gz": gzip.compress, ".zst": zstandard.ZstdCompressor().compress}[suffix]
    for topic, content in encode(venue()).items():
        (packed / f"{topic}.jsonl{suffix}").write_bytes(pack(content))
    other, two = run(tmp_path, "other", source=packed)
    assert fixed(other) == fixed(plain)
    for name in FILES:
        assert (two / name).read_bytes() == (one / name).read_bytes(), name


def test_bad_lines_land_in_the_dead_letters(tmp_path: Path) -> None:
    """Refused in form, by the common data, by the account: code, file, line, original bytes; the rest runs on."""
    logs = write(tmp_path / "logs")
    trades = (logs / "trades.jsonl").read_bytes()
    bad = b'{"type":"trade", nonsense\n\xff\xfe\n'
    (logs / "trades.jsonl").write_bytes(bad + trades)
    off_tick = venue()["prices"][1] | {"id": "off", "mark": "9999.7"}
    prices = [*venue()["prices"][:2], off_tick, *venue()["prices"][2:]]
    (logs / "prices.jsonl").write_bytes(encode({"prices": prices})["prices"])
    greedy = {
        "type": "withdrawal",
        "book": BOOK,
        "id": "w",
        "time_ms": START_MS + 95_000,
        "account": "bob",
        "amount": "1e6",
    }
    with (logs / "transfers.jsonl").open("ab") as file:
        file.write(json.dumps(greedy).encode() + b"\n")
    summary, out = run(tmp_path, source=logs)
    letters = {(row["name"], row["code"], row["file"], row["line"]): row for row in rows(out / "dead-letters.jsonl")}
    assert list(letters) == [
        ("NOT_JSON", 102, "trades.jsonl", 1),
        ("BAD_UTF8", 101, "trades.jsonl", 2),
        ("OFF_TICK", 204, "prices.jsonl", 3),
        ("OVER_FREE", 301, "transfers.jsonl", 11),
    ]
    first, second, third, fourth = letters.values()
    assert first["value"].encode() == bad.splitlines()[0]
    assert base64.b64decode(second["value_base64"]) == b"\xff\xfe"
    assert json.loads(third["value"]) == off_tick
    assert json.loads(fourth["value"]) == greedy
    assert summary["refused"] == {"BAD_UTF8": 1, "NOT_JSON": 1, "OFF_TICK": 1, "OVER_FREE": 1}
    assert summary["conserved"]
    clean, _ = run(tmp_path, "clean", venue())
    assert summary["balances_digest"] == clean["balances_digest"]


def test_a_repeat_is_dropped_and_counted(tmp_path: Path) -> None:
    """The same line twice changes nothing."""
    lines = venue()
    lines["trades"].insert(1, lines["trades"][0])
    summary, _ = run(tmp_path, "twice", lines)
    assert (summary["repeats"], summary["refused"]) == (1, {})
    once, _ = run(tmp_path, "once", venue())
    assert summary["events_digest"] == once["events_digest"]
    assert summary["log"]["entries"] == once["log"]["entries"] + 1


def test_strict_ends_at_the_first_refusal(tmp_path: Path) -> None:
    """What came before it is written."""
    lines = venue()
    lines["prices"][5]["mark"] = "0.1"
    summary, out = run(tmp_path, "strict", lines, strict=True)
    assert summary["end"] == "strict"
    assert "prices.jsonl, line 6: OFF_TICK (204)" in summary["reason"]
    assert len(rows(out / "dead-letters.jsonl")) == 1
    assert summary["conserved"]
    assert rows(out / "journal.jsonl")[-1]["value"]["time_ms"] <= lines["prices"][5]["time_ms"]


def test_until_takes_what_is_not_later(tmp_path: Path) -> None:
    """A line at the time itself still counts."""
    summary, out = run(tmp_path, until_ms=START_MS + 25_000)
    assert summary["end"] == "until"
    assert summary["log"]["last_time_ms"] == START_MS + 25_000
    assert rows(out / "events.jsonl")[-1]["time_ms"] == START_MS + 25_000
    whole = (run(tmp_path, "whole")[1] / "events.jsonl").read_bytes()
    assert whole.startswith((out / "events.jsonl").read_bytes())


class Countdown:
    """A watch that asks for the end before the line of a number."""

    def __init__(self, lines: int) -> None:
        self.left = lines

    @property
    def is_stopped(self) -> bool:
        self.left -= 1
        return self.left < 0

    def progress(self, share: float, time_ms: int) -> None:
        """Nobody looks."""


@pytest.mark.parametrize("lines", [0, 1, 2, 20])
def test_a_stopped_run_leaves_valid_files(tmp_path: Path, lines: int) -> None:
    """Whoever asks for the end gets it before the next line, or after the run of quiet lines under way."""
    out = tmp_path / "out"
    summary = replay(Settings(write(tmp_path / "logs"), out), Countdown(lines))  # type: ignore[arg-type]
    assert (summary["interrupted"], summary["conserved"]) == (True, True)
    assert lines <= summary["log"]["entries"] <= lines + (5 if lines > 2 else 0)
    assert json.loads((out / "summary.json").read_bytes())["end"] == "interrupted"
    assert len(rows(out / "journal.jsonl")) >= lines
    assert (out / "accounts.csv").read_text().startswith("book,account,")


def test_digests_are_what_the_documentation_says(tmp_path: Path) -> None:
    """Events by (seq, id), the journal as it stands; anyone can recompute them."""
    summary, out = run(tmp_path)
    lines = [(row["seq"], row["id"], json_line(row)) for row in rows(out / "events.jsonl")]
    digest = hashlib.sha256(b"".join(line for _, _, line in sorted(lines))).hexdigest()
    assert summary["books"][BOOK]["events_digest"] == digest
    assert summary["events_digest"] == hashlib.sha256(f"{BOOK} {digest}\n".encode()).hexdigest()
    journal = (out / "journal.jsonl").read_bytes()
    assert summary["journal_digest"] == hashlib.sha256(journal).hexdigest()


def test_a_journal_reads_back_to_the_byte(tmp_path: Path) -> None:
    """Each entry becomes the struct that it was."""
    _, out = run(tmp_path)
    entries = list(read_journal(out / "journal.jsonl"))
    written = b"".join(journal_line(one.entry, one.value, one.topic, one.line) for one in entries)
    assert written == (out / "journal.jsonl").read_bytes()
    assert [one.entry for one in entries] == list(range(1, len(entries) + 1))
    assert {one.topic for one in entries} >= {"reference", "prices", "trades", "reports", "decisions"}
    packed = tmp_path / "journal.jsonl.zst"
    packed.write_bytes(zstandard.ZstdCompressor().compress(written))
    assert list(read_journal(packed)) == entries


def test_a_broken_journal_is_refused_as_a_whole(tmp_path: Path) -> None:
    """With the line."""
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b'{"entry":1,"topic":"decisions","line":0,"value":{"type":"nothing"}}\n')
    with pytest.raises(LogsError, match="line 1: not an entry of a journal"):
        list(read_journal(path))


def test_the_kind_of_input_is_recognised(tmp_path: Path) -> None:
    """Topic logs; a journal alone or by name; else an error."""
    logs = write(tmp_path / "logs")
    assert isinstance(find_source(logs), list)
    other = tmp_path / "dump"
    other.mkdir()
    (other / "journal.jsonl.gz").touch()
    assert find_source(other) == find_source(other / "journal.jsonl.gz") == other / "journal.jsonl.gz"
    for wrong in (tmp_path / "absent", tmp_path, logs / "trades.jsonl"):
        with pytest.raises(LogsError):
            find_source(wrong)


def test_of_two_sources_none_is_picked_in_silence(tmp_path: Path) -> None:
    """16.2, 16.3: logs beside a journal, two logs of a topic too, and two packings of a journal; a name decides."""
    logs = write(tmp_path / "logs")
    (logs / "journal.jsonl").touch()
    with pytest.raises(LogsError, match="a journal beside topic logs: journal"):
        find_source(logs)
    (logs / "trades.jsonl.gz").touch()
    with pytest.raises(LogsError, match=r"a journal beside topic logs: .*trades\.jsonl, trades\.jsonl\.gz"):
        find_source(logs)
    dump = tmp_path / "dump"
    dump.mkdir()
    for suffix in (".gz", ""):
        (dump / f"journal.jsonl{suffix}").touch()
    with pytest.raises(LogsError, match="two journals: "):
        find_source(dump)
    assert find_source(dump / "journal.jsonl.gz") == dump / "journal.jsonl.gz"
    assert find_source(logs / "journal.jsonl") == logs / "journal.jsonl"


def test_accounts_and_funds_add_up_to_nothing(tmp_path: Path) -> None:
    """Conservation can be seen in the two tables alone."""
    _, out = run(tmp_path)
    accounts, funds = table(out / "accounts.csv"), table(out / "funds.csv")
    for column in ("cash", "BTC"):
        assert sum(int(row[column].replace(".", "")) for row in accounts + funds) == 0
    order = [row["account"] for row in accounts]
    assert order == sorted(order)
    assert "@insurance/perp" in {row["name"] for row in funds}


def test_events_carry_text_beside_every_count(tmp_path: Path) -> None:
    """Money in the asset's decimals, prices by tick, quantities by lot, in a stable order of keys."""
    _, out = run(tmp_path)
    events = rows(out / "events.jsonl")
    head = ["id", "type", "book", "seq", "time_ms", "time", "subject", "versions"]
    assert all(list(event)[:8] == head for event in events)
    assert all(event["time"] == iso(event["time_ms"]) for event in events)
    filled = next(event for event in events if event["type"] == "liquidation-filled")
    assert list(filled)[8:] == [
        "account", "instrument", "lots", "quantity", "cash_units", "cash", "fee_units", "fee",
        "mark_ticks", "mark", "x_lots", "x_quantity",
    ]  # fmt: skip
    assert float(filled["quantity"]) * 1000 == filled["lots"]
    assert float(filled["mark"]) * 2 == filled["mark_ticks"]
    triggered = next(event for event in events if event["type"] == "liquidation-triggered")
    assert triggered["marks"] == {"BTC": f"{triggered['marks_ticks']['BTC'] / 2:.1f}"}
    loss = next(event for event in events if event["type"] == "loss-allocated")
    assert loss["layers"][1]["drawn_units"] == int(loss["layers"][1]["drawn"].replace(".", ""))
    assert set(loss["losses"]) == set(loss["losses_units"])


def test_counts_past_64_bits_are_written() -> None:
    """Holdings beyond the columns are exact; so are their events."""
    event = MarginCalled(
        book="b", seq=1, time_ms=0, subject="a/1", account="a", equity_units=-(2**70), im_units=2**70, mm_units=0,
        call_units=2**71, deadline_ms=9,
    )  # fmt: skip
    fields = event_fields(event, Terms(_book()))
    assert json.loads(json_line(fields)) == fields
    assert fields["equity"] == "-11805916207174113034.24"


def test_unknown_instruments_have_no_text() -> None:
    """Integers stay; nothing is guessed."""
    assert with_texts({"price_ticks": 3, "lots": 4, "units": 5}, Terms(_book())) == {
        "price_ticks": 3,
        "lots": 4,
        "units": 5,
    }
    assert with_texts({"asset": None, "amount": 7}, Terms(_book())) == {
        "asset": None,
        "amount": 7,
        "amount_text": "0.07",
    }


def _book() -> Book:
    return Book("b", "USD", 2)


def what_if(tmp_path: Path, *messages: Any) -> Path:
    """A what-if file."""
    path = tmp_path / "what-if.json"
    path.write_text(json.dumps(list(messages)))
    return path


def test_what_if_takes_the_place_of_the_logged_rules(tmp_path: Path) -> None:
    """Other layers, same versions; what is not stated stays; without a change in effect nothing changes."""
    base, _ = run(tmp_path)
    layers = [{"id": "gains", "kind": "gains_haircut", "rank": 1}, {"id": "rest", "kind": "uncovered", "rank": 2}]
    path = what_if(tmp_path, {"type": "waterfall", "book": BOOK, "layers": layers})
    changes = read_what_if(path)
    source = find_source(tmp_path / "logs")
    assert isinstance(source, list)
    require_fit(changes, source)
    other, out = run(tmp_path, "what-if", swap=changes.swap)
    assert [one["layer"] for one in other["losses"][0]["layers"]] == ["gains", "rest"]
    assert other["books"][BOOK]["gains_haircut"]["amount_units"] == base["losses"][0]["shortfall_units"]
    assert (
        next(row for row in rows(out / "events.jsonl") if row["type"] == "loss-allocated")["versions"]["waterfall"] == 1
    )
    same = read_what_if(what_if(tmp_path, {"type": "parameters", "book": BOOK, "call_ms": 600_000}))
    assert fixed(run(tmp_path, "same", swap=same.swap)[0]) == fixed(base)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[]", "at least one"),
        ("{", "not JSON"),
        ('[{"type":"parameters","book":"perp","call_ms":NaN}]', "NaN is no number"),
        ("[7]", "expected an object"),
        ('[{"type":"trade","book":"perp"}]', "expected a type out of"),
        ('[{"type":"instrument","book":"perp"}]', "name of the instrument"),
        ('[{"type":"parameters"}]', "name of a book"),
        ('[{"type":"parameters","book":"perp"},{"type":"parameters","book":"perp"}]', "changed twice"),
        ('[{"type":"parameters","book":"spot"}]', "no parameters of book spot"),
        ('[{"type":"asset","book":"perp","asset":"ETH"}]', "no asset/ETH of book perp to replace; it has book"),
        ('[{"type":"parameters","book":"perp","call":1}]', "UNKNOWN_FIELD"),
        ('[{"type":"parameters","book":"perp","call_ms":0.5}]', "WRONG_TYPE"),
        ('[{"type":"parameters","book":"perp","window_ms":99999999}]', "CROSSED_PARAMETERS"),
        ('[{"type":"waterfall","book":"perp","layers":[]}]', "waterfall of book perp, version 1"),
    ],
)
def test_a_wrong_what_if_is_refused_before_anything_runs(tmp_path: Path, text: str, complaint: str) -> None:
    """With what is wrong."""
    path = tmp_path / "what-if.json"
    path.write_text(text)
    source = find_source(write(tmp_path / "logs"))
    assert isinstance(source, list)
    with pytest.raises(WhatIfError, match=complaint):
        require_fit(read_what_if(path), source)


def test_event_types_of_the_tally_exist() -> None:
    """The summary reads kinds by name; a renamed event must not turn a count into zero."""
    kinds = {str(kind.__struct_config__.tag) for kind in Event.__subclasses__()}
    assert {
        "margin-called",
        "margin-call-met",
        "margin-call-missed",
        "liquidation-triggered",
        "liquidation-ended",
    } <= kinds
    assert {"hole-found", "default-declared", "window-opened", "window-closed"} <= kinds
    assert str(LossAllocated.__struct_config__.tag) in kinds


def mutated(seed: int) -> dict[str, bytes]:
    """The small venue's logs, behind each line three mutated ones, most with an id and a time that get them further."""
    chance = random.Random(seed)
    logs = {}
    for topic, content in encode(venue()).items():
        lines = content.splitlines()
        found = []
        for line in lines:
            found.append(line)
            for _ in range(3):
                other = chance.choice(MUTATIONS)(chance.choice(lines), chance).replace(b"\n", b" ")
                found.append(_freshened(other, json.loads(line)["time_ms"], chance))
        logs[topic] = b"\n".join(found)
    return logs


def _freshened(line: bytes, time_ms: int, chance: random.Random) -> bytes:
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return line
    if not isinstance(message, dict) or chance.random() < 0.02:
        return line
    message |= {"id": f"x{chance.getrandbits(40)}", "time_ms": time_ms} | (
        {"version": chance.randrange(1, 9)} if "version" in message else {}
    )
    return json.dumps(message).encode()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(60))
def test_mutated_lines_stop_nothing(tmp_path: Path, seed: int) -> None:
    """Every bad line is refused alike by check and replay; what else they do, the books balance."""
    logs = tmp_path / "logs"
    logs.mkdir()
    for topic, content in mutated(seed).items():
        (logs / f"{topic}.jsonl").write_bytes(content)
    summary, out = run(tmp_path, source=logs, shards=1 + seed % 3)
    assert (summary["end"], summary["conserved"]) == ("complete", True)
    checked = {row["name"]: row["count"] for row in check(logs)["codes"]}
    accounts_own = {row["name"] for row in rows(out / "dead-letters.jsonl") if row["code"] >= 300}
    assert {name: count for name, count in summary["refused"].items() if name not in accounts_own} == checked
    assert sum(summary["refused"].values()) == len(rows(out / "dead-letters.jsonl"))


@pytest.mark.parametrize("shards", [1, 3])
def test_a_journal_replays_to_the_same_bytes(tmp_path: Path, shards: int) -> None:
    """2a.8: a dump, recomputed by any number of shards, gives every file again, refusals of accounts too."""
    first, out = run(tmp_path)
    again, other = run(tmp_path, "again", source=out / "journal.jsonl", shards=shards)
    for name in ("events.jsonl", "journal.jsonl", "accounts.csv", "funds.csv"):
        assert (out / name).read_bytes() == (other / name).read_bytes(), name
    digests = ("balances_digest", "events_digest", "journal_digest", "conserved")
    assert [first[name] for name in digests] == [again[name] for name in digests]
    assert first["log"] == again["log"]  # a heartbeat of ours is no line, here too
    assert first["log"]["heartbeats"] > 0


def test_a_journal_that_was_changed_is_caught(tmp_path: Path) -> None:
    """The first recorded report or decision that is not what the inputs make of it halts the replay, by its number."""
    _, out = run(tmp_path)
    lines = (out / "journal.jsonl").read_bytes().splitlines(keepends=True)
    at = next(n for n, line in enumerate(lines) if b'"type":"moved"' in line and b'"lots":0' not in line)
    lines[at] = lines[at].replace(b'"cash_units":', b'"cash_units":1', 1)
    changed = tmp_path / "changed" / "journal.jsonl"
    changed.parent.mkdir()
    changed.write_bytes(b"".join(lines))
    summary, _ = run(tmp_path, "caught", source=changed)
    assert summary["end"] == "halted"
    assert f"entry {at + 1} " in summary["reason"]
