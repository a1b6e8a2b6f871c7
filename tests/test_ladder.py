"""`rhodian explain waterfall`: a ladder as people read it, its amounts, its mistakes; and every example of the repo."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from streams.cli import main
from streams.contracts import input_schemas
from streams.exits import FINE, USAGE

FOLDER = Path(__file__).resolve().parent.parent / "examples" / "waterfalls"
EXAMPLES = sorted(path.stem for path in FOLDER.glob("*.json"))
LADDER: dict[str, Any] = {
    "type": "waterfall", "book": "B", "id": "w", "time_ms": 1000, "version": 3, "author": "us", "reason": "a test",
    "layers": [
        {"id": "own", "kind": "defaulter_contribution", "rank": 1},
        {"id": "fund", "kind": "insurance", "rank": 2, "premium_ppm": 250_000, "owner": "@operator/desk"},
        {"id": "old", "kind": "operator", "rank": 3, "valid_to_ms": 1000},
        {"id": "mutual", "kind": "guarantee_fund", "rank": 4, "cap": "30", "member_cap": "20.5"},
        {"id": "oi", "kind": "open_interest_charge", "rank": 5, "instrument": "X", "cap": 4},
        {"id": "gains", "kind": "gains_haircut", "rank": 6},
        {"id": "end", "kind": "uncovered", "rank": 7},
    ],
}  # fmt: skip
FUNDS = """book,name,cash,X
B,@guarantee/d,5,
B,@guarantee/a,40,
B,@guarantee/b,10,
B,@insurance/B,10,
C,@insurance/B,7,
"""
ACCOUNTS = (
    "book,account,member,status,equity,gain,X\nB,a,a,healthy,50,6,3\nB,b/1,b,healthy,30,-2,-1.5\nB,d,d,settled,0,9,\n"
)


def explained(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main(["explain", "waterfall", *arguments, "--json"]) == FINE
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """The ladder above with its tables."""
    contents = {"w.json": json.dumps(LADDER, indent=1), "funds.csv": FUNDS, "accounts.csv": ACCOUNTS}
    for name, content in contents.items():
        (tmp_path / name).write_text(content)
    return [
        str(tmp_path / "w.json"),
        "--funds",
        str(tmp_path / "funds.csv"),
        "--accounts",
        str(tmp_path / "accounts.csv"),
    ]


def test_a_loss_goes_down_the_ladder(files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """60: own 5; 10 in a fund at 25 % cover 8; `old` is over; of 30 a would pay 24, at most 20.5, so b pays 9.5.

    Of the rest, 17, positions pay 4: of a's 3 and b's 1.5 lots, 2.7 and 1.3 (2.6667 and 1.3333 in tenths). a's gain of
    6 less 2.7 has 3.3; 9.7 are left. d lost it, so its gains and accounts are out.
    """
    found = explained(capsys, *files, "--loss", "60", "--member", "d")
    rungs = {rung["layer"]: (rung["available"], rung["drawn"], rung["left"]) for rung in found["layers"]}
    assert rungs == {
        "own": ("5.0", "5.0", "55.0"), "fund": ("8.0", "8.0", "47.0"), "mutual": ("30.5", "30.0", "17.0"),
        "oi": ("80.0", "4.0", "13.0"), "gains": ("3.3", "3.3", "9.7"), "end": (None, "9.7", "0.0"),
    }  # fmt: skip
    pays = [(row["layer"], row["role"], row["payer"], row["pays"]) for row in found["payers"]]
    assert pays == [
        ("own", "payers", "d", "5.0"), ("fund", "payers", "@insurance/B", "8.0"),
        ("fund", "premium", "@insurance/B", "2.0"), ("mutual", "payers", "a", "20.5"), ("mutual", "payers", "b", "9.5"),
        ("oi", "payers", "a", "2.7"), ("oi", "payers", "b", "1.3"), ("oi", "accounts/a", "a", "2.7"),
        ("oi", "accounts/b", "b/1", "1.3"), ("gains", "payers", "a", "3.3"), ("gains", "accounts/a", "a", "3.3"),
    ]  # fmt: skip


def test_a_ladder_reads_in_words(files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """With a loss two tables, without one the rungs alone; another time brings back the layer that was over."""
    assert main(["explain", "waterfall", *files, "--loss", "6000"]) == FINE
    text = capsys.readouterr().out
    assert all(word in text for word in ("A loss of 6,000.0 of defaulter", "Who pays", "premium 25 %", "(premium)"))
    assert main(["explain", "waterfall", *files, "--at", "999"]) == FINE
    text = capsys.readouterr().out
    assert "until 1970-01-01T00:00:01.000Z" in text
    assert "Who pays" not in text
    assert "old" not in [rung["layer"] for rung in explained(capsys, *files)["layers"]]


def test_refills_are_told(files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Beside the assessments whose cap they share (17.27)."""
    terms = {"multiple_ppm": 2_000_000, "call_ms": 5, "period_days": 20, "period_months": 3, "refill_ms": 900}
    layers = [*LADDER["layers"], {"id": "call", "kind": "assessment", "rank": 5, **terms}]
    (tmp_path / "w.json").write_text(json.dumps({**LADDER, "layers": layers}))
    [rung] = [one for one in explained(capsys, *files)["layers"] if one["layer"] == "call"]
    assert rung["says"].startswith("called from survivors by contribution, at most 200 % of it in 20 business days; ")
    assert rung["says"].endswith("what a window used of contributions is called back in 900 ms, within the same")


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({}, "price: reserve; by score (hyperliquid)"),
        ({"price": "band", "band_ppm": 2_500, "draw": "pro_rata"}, "price: band (0.25 %); pro rata to lots"),
        ({"draw": "capped_pro_rata", "most_ppm": 300_000}, "pro rata to lots, at most 30 % of a position"),
        ({"draw": "risk_aware", "power": 2, "valid_to_ms": 2000}, "leverage to the power 3; until 1970"),
    ],
)
def test_deleveraging_is_told_and_draws_nothing(
    files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], fields: dict[str, Any], says: str
) -> None:
    """It moves lots before there is a loss: no amount beside it, and what is left stays."""
    layers = [*LADDER["layers"], {"id": "adl", "kind": "deleveraging", "rank": 1, **fields}]
    (tmp_path / "w.json").write_text(json.dumps({**LADDER, "layers": layers}))
    rung = explained(capsys, *files, "--loss", "60", "--member", "d")["layers"][1]
    assert says in rung.pop("says")
    assert rung == {
        "rank": 1, "layer": "adl", "kind": "deleveraging", "available": None, "drawn": None, "left": "55.0",
    }  # fmt: skip
    assert main(["explain", "waterfall", *files, "--loss", "60"]) == FINE


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"w.json": "{"}, "NOT_JSON"),
        ({"w.json": json.dumps({**LADDER, "layers": LADDER["layers"][:1]})}, "uncovered"),
        ({"w.json": '{"type":"heartbeat","book":"B","id":"h","time_ms":1}'}, "WRONG_TOPIC"),
        ({"w.json": '{"type":"book","book":"B","id":"b","time_ms":1,"version":1,"author":"a","reason":"","decimals":2,'
          '"settlement_asset":"X"}'}, "type waterfall"),
        ({"funds.csv": "name\n@operator/x\n"}, "'cash'"), ({"funds.csv": "name,cash\n@operator/x\n"}, "BAD_NUMBER"),
        ({"accounts.csv": "account,member,equity\na,a,much\n"}, "BAD_NUMBER"),
        ({"accounts.csv": "account,equity\na,1\n"}, "'member'"), ({"funds.csv": None}, "cannot read"),
    ],
)  # fmt: skip
def test_a_mistake_is_named(
    files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], change: dict[str, str | None], reason: str
) -> None:
    """One line, and the code of wrong usage."""
    for name, content in change.items():
        if content is None:
            (tmp_path / name).unlink()
        else:
            (tmp_path / name).write_text(content)
    assert main(["explain", "waterfall", *files]) == USAGE
    said = capsys.readouterr().err
    assert reason in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("amount", ["-1", "much"])
def test_a_loss_is_an_amount(files: list[str], capsys: pytest.CaptureFixture[str], amount: str) -> None:
    """Refused by the parser."""
    with pytest.raises(SystemExit) as end:
        main(["explain", "waterfall", *files, "--loss", amount])
    assert end.value.code == USAGE
    assert "--loss" in capsys.readouterr().err


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_is_a_ladder_that_meets_its_loss(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It is what the schema says and names a source; a loss beyond everything takes all of every layer, to the unit."""
    message = json.loads((FOLDER / f"{name}.json").read_text())
    jsonschema.validate(message, input_schemas()["waterfall"])
    assert any(word in message["reason"] for word in ("https://", "notice of", "controller/liquidation"))
    assert f"`{name}`" in (FOLDER / "README.md").read_text()
    accounts = FOLDER / f"{name}.accounts.csv"
    more = ["--accounts", str(accounts)] if accounts.exists() else []
    files = [str(FOLDER / f"{name}.json"), "--funds", str(FOLDER / f"{name}.funds.csv"), *more]
    found = explained(capsys, *files, "--loss", "10000000000000")
    drawing = [rung for rung in found["layers"] if rung["kind"] != "deleveraging"]
    assert sum(Decimal(rung["drawn"]) for rung in drawing) == 10_000_000_000_000
    scopes = {layer["id"]: layer.get("scope") for layer in message["layers"]}
    for rung in drawing:
        other = scopes[rung["layer"]] not in (None, message["book"])  # for losses of its own market alone
        assert Decimal(rung["drawn"]) or other or rung["kind"] == "replenished", rung


def test_the_examples_use_most_kinds() -> None:
    """All but those that no venue here has: an index of deposits, unvested gains."""
    layers = [layer for name in EXAMPLES for layer in json.loads((FOLDER / f"{name}.json").read_text())["layers"]]
    assert {layer["kind"] for layer in layers} >= {
        "defaulter_contribution", "operator", "insurance", "guarantee_fund", "assessment", "replenished",
        "gains_haircut", "open_interest_charge", "deleveraging", "uncovered",
    }  # fmt: skip
