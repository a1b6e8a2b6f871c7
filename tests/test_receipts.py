"""The verifiers of examples/ accept the events of a real crash, and reject each single number tampered with."""

import ast
import copy
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from streams.replay import replay
from streams.scenario import make_scenario
from streams.under_way import Settings
from tests.scripts import ended

ROOT = Path(__file__).resolve().parent.parent
SCRIPT, SHARE = ROOT / "examples" / "verify_receipts.py", ROOT / "examples" / "verify_share.py"
TOLD = {"default-declared", "loss-allocated", "gains-charged", "window-closed"}
THIN = {"insurance_share": 0.001, "operator_share": 0.0001, "guarantee_share": 0.002, "backstop_share": 0.0005}
Events = list[dict[str, Any]]
Tamper = Callable[[Events], None]


def run(script: Path, *arguments: str) -> tuple[int, str]:
    """As a member runs it: nothing of ours on the path (-I)."""
    done = subprocess.run([sys.executable, "-I", str(script), *arguments], capture_output=True, text=True, check=False)
    assert not done.stderr, done.stderr
    return done.returncode, done.stdout


def verify(events: Events, monkeypatch: pytest.MonkeyPatch) -> str:
    """What the verifier ends with, in this process: the one thing that is wrong, or nothing."""
    return ended(SCRIPT, events, monkeypatch)


@pytest.fixture(scope="module")
def crash(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """12 March 2020 with thin funds: the loss goes through every layer into the gains."""
    home = tmp_path_factory.mktemp("receipts")
    market = ROOT / "data" / "binance_spot_2h_20200308_20200316.csv"
    make_scenario(market, 120, 1, home / "logs", cross_leverage=15.0, **THIN)
    replay(Settings(home / "logs", home / "out"))
    return home / "out" / "events.jsonl"


@pytest.fixture(scope="module")
def told(crash: Path) -> Events:
    """The events that the verifier reads; the others it only skips."""
    events = [json.loads(line) for line in crash.read_text().splitlines()]
    return [event for event in events if event["type"] in TOLD]


def losses(events: Events) -> Events:
    """The allocations, in order."""
    return [event for event in events if event["type"] == "loss-allocated"]


def table(events: Events, kind: str = "gains_haircut", role: str = "payers") -> dict[str, Any]:
    """The first table of a kind of layer with at least two rows that pay."""
    for event in losses(events):
        names = {layer["layer"] for layer in event["layers"] if layer["kind"] == kind}
        for draw in event["draws"]:
            paying = sum(share["share_units"] > 0 for share in draw["shares"])
            if draw["layer"] in names and draw["role"].startswith(role) and paying > 1:
                return draw
    raise AssertionError(f"no table of {kind}, {role} with two who pay")


def layer_of(events: Events, kind: str) -> dict[str, Any]:
    """The first layer of a kind that pays."""
    layers = (layer for event in losses(events) for layer in event["layers"])
    return next(layer for layer in layers if layer["kind"] == kind and layer["drawn_units"])


def first(events: Events, kind: str) -> dict[str, Any]:
    """The first event of a type."""
    return next(event for event in events if event["type"] == kind)


def bump(where: dict[str, Any], name: str, by: int = 1) -> None:
    """One number changed."""
    where[name] += by


def swap(rows: list[Any]) -> None:
    """Two rows change places."""
    rows[0], rows[1] = rows[1], rows[0]


def shift_a_unit(events: Events) -> None:
    """One pays a unit less, another one more; the sum stays."""
    rows = [share for share in table(events)["shares"] if share["share_units"] > 0]
    for share, by in ((rows[0], 1), (rows[1], -1)):
        bump(share, "share_units", by)
        bump(share, "after_units", -by)


def flip(where: dict[str, Any], name: str) -> None:
    """Another hash."""
    where[name] = where[name][:-1] + ("0" if where[name][-1] != "0" else "1")


def forget(events: Events, kind: str) -> None:
    """An event is not shown."""
    events.remove(first(events, kind))


def hide_loss(events: Events) -> None:
    """A declared default is left out of the table of losses."""
    event = losses(events)[0]
    event["losses_units"].pop(next(iter(event["losses_units"])))


def skip_a_layer(events: Events) -> None:
    """A layer pretends to a cap."""
    layer = layer_of(events, "insurance")
    layer["cap_units"] = layer["drawn_units"] - 1


TAMPERED: dict[str, Tamper] = {
    "share +1 and another -1": shift_a_unit,
    "share": lambda e: bump(table(e)["shares"][0], "share_units"),
    "weight": lambda e: bump(table(e)["shares"][0], "weight_units"),
    "cap": lambda e: bump(table(e)["shares"][0], "cap_units", -1),
    "rank": lambda e: bump(table(e)["shares"][0], "remainder_rank"),
    "before": lambda e: bump(table(e)["shares"][0], "before_units"),
    "after": lambda e: bump(table(e)["shares"][0], "after_units"),
    "payer": lambda e: bump(table(e)["shares"][-1], "payer", "x"),  # type: ignore[arg-type]
    "contribution": lambda e: bump(table(e, "guarantee_fund")["shares"][0], "weight_units"),
    "loss met": lambda e: bump(table(e, "insurance", "losses")["shares"][0], "before_units"),
    "account": lambda e: bump(table(e, role="accounts")["shares"][0], "before_units"),
    "root": lambda e: flip(table(e), "root"),
    "total weight": lambda e: bump(table(e), "total_weight_units"),
    "level": lambda e: bump(table(e), "level_units"),
    "amount": lambda e: bump(table(e), "amount_units"),
    "missing share": lambda e: table(e)["shares"].pop(),  # type: ignore[return-value]
    "missing contributor": lambda e: table(e, "guarantee_fund")["shares"].pop(0),
    "swapped rows": lambda e: swap(table(e)["shares"]),
    "swapped tables": lambda e: swap(losses(e)[0]["draws"]),
    "missing table": lambda e: losses(e)[0]["draws"].pop(),  # type: ignore[return-value]
    "swapped layers": lambda e: swap(losses(e)[0]["layers"]),
    "layer available": lambda e: bump(layer_of(e, "gains_haircut"), "available_units"),
    "layer drawn": lambda e: bump(layer_of(e, "insurance"), "drawn_units"),
    "layer after": lambda e: bump(layer_of(e, "operator"), "after_units"),
    "layer cap": skip_a_layer,
    "uncovered": lambda e: bump(losses(e)[0], "uncovered_units"),
    "shortfall": lambda e: bump(losses(e)[0], "shortfall_units"),
    "liquidation loss": lambda e: bump(losses(e)[0], "liquidation_loss_units"),
    "hidden loss": hide_loss,
    "snapshot": lambda e: flip(losses(e)[0], "snapshot"),
    "previous": lambda e: flip(losses(e)[1], "previous"),
    "previous of the first": lambda e: bump(losses(e)[0], "previous", "0"),  # type: ignore[arg-type]
    "charge": lambda e: bump(first(e, "gains-charged"), "amount_units"),
    "missing charge": lambda e: forget(e, "gains-charged"),
    "default": lambda e: bump(first(e, "default-declared"), "shortfall_units"),
    "missing default": lambda e: forget(e, "default-declared"),
    "missing allocation": lambda e: forget(e, "loss-allocated"),
}


def test_the_crash_reaches_every_layer(told: Events) -> None:
    """So that the receipts of every kind of payer are looked at."""
    paid = {layer["kind"] for event in losses(told) for layer in event["layers"] if layer["drawn_units"]}
    assert paid >= {"defaulter_contribution", "operator", "insurance", "guarantee_fund", "gains_haircut"}


def test_true_events_are_accepted(crash: Path, told: Events) -> None:
    """All of events.jsonl; the head of each book's chain, and the verdict."""
    with crash.open("rb") as events:
        done = subprocess.run(
            [sys.executable, "-I", str(SCRIPT)], stdin=events, capture_output=True, text=True, check=True
        )
    assert done.stdout.splitlines()[-1] == "ALL RECEIPTS AGREE"
    assert not any(event["previous"] in done.stdout for event in losses(told) if event["previous"])


def test_a_failure_has_its_exit_code(crash: Path) -> None:
    """A file cut in mid-line is told, not traced."""
    cut = crash.read_bytes()[:-2]
    done = subprocess.run([sys.executable, "-I", str(SCRIPT)], input=cut, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr[:9]) == (1, b"", b"WRONG in ")


@pytest.mark.parametrize("name", TAMPERED)
def test_a_tampered_number_is_found(told: Events, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """What is wrong is named in one line."""
    events = copy.deepcopy(told)
    TAMPERED[name](events)
    assert events != told
    wrong = verify(events, monkeypatch)
    assert wrong.startswith("WRONG in ")
    assert "\n" not in wrong


def test_a_member_checks_its_share_alone(crash: Path, told: Events, tmp_path: Path) -> None:
    """Every receipt of a member is under its root, its links are those of the chain, and no other row is shown."""
    draw = table(told)
    member = draw["shares"][1]["payer"]
    code, text = run(SHARE, str(crash), member)
    assert code == 0
    mine = json.loads(text)
    assert {one["payer"].split("/")[0] for event in mine for one in event["receipts"]} == {member}
    assert not any("shares" in draw for event in mine for draw in event["draws"])
    path = tmp_path / "mine.json"
    path.write_text(text)
    code, text = run(SHARE, str(path))
    assert code == 0, text
    assert text.count(": agrees") == sum(len(event["receipts"]) for event in mine)
    links = {event["previous"] for event in losses(told)[1:]}
    known = [line.split(" name ")[1].split()[0] for line in text.splitlines() if " name " in line]
    assert sum(link in links for link in known) >= len(mine) - 1


@pytest.mark.parametrize(
    "field", ["share_units", "weight_units", "cap_units", "remainder_rank", "before_units", "payer"]
)
def test_a_wrong_share_is_not_under_its_root(crash: Path, told: Events, tmp_path: Path, field: str) -> None:
    """Each field of the receipt."""
    mine = json.loads(run(SHARE, str(crash), table(told)["shares"][0]["payer"])[1])
    mine[0]["receipts"][0][field] += "x" if field == "payer" else 1
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(mine))
    code, text = run(SHARE, str(path))
    assert code == 1
    assert "WRONG" in text


@pytest.mark.parametrize(("script", "most"), [(SCRIPT, 110), (SHARE, 100)])
def test_the_scripts_are_short_and_stand_alone(script: Path, most: int) -> None:
    """Nothing but the standard library is imported."""
    source = script.read_text()
    assert len(source.splitlines()) < most
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            names.add(str(node.module).split(".")[0])
    assert names <= sys.stdlib_module_names


def test_nothing_checked_is_not_called_agreement(crash: Path, tmp_path: Path) -> None:
    """Events without an allocation, a member who paid nothing: each is told as it is."""
    done = subprocess.run([sys.executable, "-I", str(SCRIPT)], input=b"", capture_output=True, check=True)
    assert done.stdout == b"{}\nNO RECEIPTS\n"
    path = tmp_path / "mine.json"
    path.write_text(run(SHARE, str(crash), "nobody")[1])
    assert run(SHARE, str(path)) == (0, "NO RECEIPTS\n")
