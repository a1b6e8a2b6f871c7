"""`rhodian explain loss` and `explain liquidation`: figures as the events have them, texts in full, mistakes named."""

from __future__ import annotations

import gzip
import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from schemas.governed import LayerMessage
from streams.cli import main
from streams.exits import FINE, USAGE
from streams.explain_liquidation import liquidations_of
from streams.explain_loss import losses_of
from streams.liquidation_words import WORDS
from streams.loss_words import loss_lines
from streams.present import Fields, Terms, event_fields, json_line
from tests.hand_venue import Hand

LAYERS = (
    LayerMessage(id="own", kind="defaulter_contribution", rank=1),
    LayerMessage(id="ins", kind="insurance", rank=2, premium_ppm=250_000),
    LayerMessage(id="mutual", kind="guarantee_fund", rank=3, cap="7"),
    LayerMessage(id="gains", kind="gains_haircut", rank=4),
)


def told(hand: Hand) -> list[Fields]:
    """The events as they stand in a file."""
    terms = Terms(hand.run.book)
    return [event_fields(event, terms) for event in hand.events]


def crash() -> Hand:
    """`a` is long 10 at 100 with 110; `b` is short 6, `c` 3 in c/1 and 1 in c/2; the price halves at once."""
    hand = Hand(*LAYERS, window_ms=0)
    hand.deposit({"a": 110, "b": 400, "c/1": 200, "c/2": 100, "e": 1, "@insurance/B": 50})
    hand.contribute({"a": 10, "b": 7, "c": 3})
    for name, lots in (("b", 6), ("c/1", 3), ("c/2", 1)):
        hand.trade("a", name, lots)
    hand.price(50)
    return hand


def at_the_venue() -> Hand:
    """`a`'s order closes 4 of 5 lots at 94 in time, the backstop takes the other 6 of its position."""
    rules = {"execution": "venue", "order_ms": 1000, "max_close_ms": 10**6, "liquidation_fee_ppm": 10_000}
    hand = Hand(listing={"backstop_limit": "100"}, **rules)
    hand.deposit({"a": 110, "b": 400, "@backstop": 1000})
    hand.trade("a", "b", 10)
    hand.price(95)
    hand.trade("b", "a", 4, 94, liquidation_id="B/a/1/1")
    hand.wait(1000)
    return hand


def deleveraged(**more: Any) -> Hand:
    """At 95 nobody takes `a`'s 10 lots: b and c give theirs at 89, by a layer."""
    layer = LayerMessage(id="adl", kind="deleveraging", rank=5, **more)
    hand = Hand(layer, listing={"half_spread_ticks": 1000}, window_ms=0, max_close_ms=10**6)
    hand.deposit({"a": 110, "b": 400, "c": 400})
    for name, lots in (("b", 7), ("c", 3)):
        hand.trade("a", name, lots)
    hand.price(95)
    return hand


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """The command over the events of a venue; what it prints."""

    def command(hand: Hand, *arguments: str) -> str:
        path = tmp_path / "events.jsonl"
        path.write_bytes(b"".join(map(json_line, told(hand))))
        assert main(["explain", arguments[0], str(path), *arguments[1:]]) == FINE
        return capsys.readouterr().out

    return command


LOSS = """\
B, window 1: opened at seq 18, 1970-01-01T00:16:40.000Z, allocated at seq 18, 1970-01-01T00:16:40.000Z
  rules: parameters version 1, waterfall version 1
  loss: of defaulters 390, of liquidations 0
  default of a, account a, seq 18: 390
  layer mutual (guarantee_fund, rank 3; rulebook 8, 17.12):
    it had 10, at most 7; 7 was drawn, 3 left
    c pays 2, its own cap is 3; before 3, after 1
    weight: contribution when the window opened 3 of 10 (rulebook 9: min(3, 7 * 3 // 10) = 2 units)
  layer gains (gains_haircut, rank 4; rulebook 8, 17.12):
    it had 500, no cap; 333 was drawn, 167 left
    c pays 133, its own cap is 200; before 200, after 67
    weight: net gain of the period 200 of 500 (rulebook 9: min(200, 333 * 200 // 500) = 133 units)
    of that its account c/1: 93, min(350, 133 * 350 // 500) = 93 units; before 350, after 257
    of that its account c/2: 40, min(150, 133 * 150 // 500) + 1 by remainder rank 1 = 40 units; before 150, after 110
  in all: c pays 135; nobody paid 0
"""
LIQUIDATION = """\
B, liquidation 1 of a: parameters version 1, waterfall version 1, instrument/L version 1
  seq 10, 1970-01-01T00:16:40.000Z: triggered, equity below maintenance margin: equity 60, MM 95, IM 190; marks: \
L at 95 (rulebook 5, 6)
  seq 10, 1970-01-01T00:16:40.000Z: its resting orders are cancelled (rulebook 6.1)
  seq 10, 1970-01-01T00:16:40.000Z: order B/a/1/1: -5 L, limit 89, mark 95, until 1970-01-01T00:16:41.000Z; \
bankruptcy value of the position 890 (rulebook 6.3, 17.9)
  seq 11, 1970-01-01T00:16:40.000Z: fill of B/a/1/1: -4 L at 94, mark 95: cash 376, fee 4; 1 of the order left \
(rulebook 6.4, 6.5)
  seq 12, 1970-01-01T00:16:41.000Z: order B/a/1/1 ended, 1 lots unfilled
  seq 12, 1970-01-01T00:16:41.000Z: -6 L taken over by @backstop (at bankruptcy value, below zero at the mark; \
rulebook 6.6, 17.9), cash 518, mark 95
  seq 12, 1970-01-01T00:16:41.000Z: ended: equity 0, MM 0
  end: its equity meets the stop, or nothing is owed: healthy (rulebook 5, 6.2); fees in all 4
"""


def test_a_loss_in_words(run: Any) -> None:
    """Of 390, 10 are a's own, 40 the fund's of 50 at 25 %, 7 the contributions', 333 gains: 40 % of 333 is 133.2.

    Its two accounts share by equity: 93.1 and 39.9.
    """
    assert run(crash(), "loss", "--member", "c") == LOSS


def test_a_liquidation_in_words(run: Any) -> None:
    """B = 950 - 60; 4 lots at 94 less a fee of 1 %, 4, leave equity 52: the pool takes 6 for 570 - 52."""
    assert run(at_the_venue(), "liquidation", "--account", "a") == LIQUIDATION


@pytest.mark.parametrize(("name", "pays"), [("a", 10), ("b", 205), ("c", 135), ("@insurance/B", 50)])
def test_what_each_pays_is_in_its_account(name: str, pays: int) -> None:
    """By the events alone; what left the balances says the same. The fund's 50 are 40 and a premium of 10."""
    hand = crash()
    [window] = losses_of(told(hand), name)["windows"]
    assert (window["cost_units"], window["cost"]) == (pays, str(pays))
    held = {
        "a": ["@guarantee/a"], "b": ["b", "@guarantee/b"], "c": ["c/1", "c/2", "@guarantee/c"],
        "@insurance/B": ["@insurance/B"],
    }  # fmt: skip
    before = {"a": 10, "b": 400 + 600 + 7, "c": 300 + 400 + 3, "@insurance/B": 50}
    assert before[name] - pays == sum(hand.cash(*held[name]))


def test_a_defaulter_sees_what_met_its_loss() -> None:
    """Layer by layer, to the whole shortfall; a premium is told of the fund that paid it."""
    events = told(crash())
    [window] = losses_of(events, "a")["windows"]
    assert [one["shortfall_units"] for one in window["own_defaults"]] == [390]
    assert [(one["layer"]["layer"], one["share"]["share_units"]) for one in window["met"]] == [
        ("own", 10), ("ins", 40), ("mutual", 7), ("gains", 333),
    ]  # fmt: skip
    assert any("premium beyond what it covers: 10" in line for line in loss_lines(losses_of(events, "@insurance/B")))
    found = losses_of(told(at_the_venue()), "a")
    assert list(loss_lines(found)) == ["a lost nothing by any default in these events."]


def test_a_loss_that_is_not_allocated_yet_is_told() -> None:
    """The file ends while the window is open: the default stands alone."""
    events = told(crash())
    events = events[: [one["type"] for one in events].index("loss-allocated")]
    [line] = loss_lines(losses_of(events, "a"))
    assert "a default of 390 in window 1, whose loss is not allocated here yet" in line


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("open_interest_charge", "weight: 6 lots of 10 lots"),
        ("equity_haircut", "weight: equity above zero 700 of 1201"),
        ("assessment", "called: 3 to be paid by 1970-01-01T00:16:45.000Z (rulebook 17.23)"),
    ],
)
def test_other_layers_name_their_weights(kind: Any, says: str) -> None:
    """Lots are no money; a call has its deadline."""
    terms = {"multiple_ppm": 2_000_000, "period_days": 20, "period_months": 3, "call_ms": 5_000}
    more: dict[str, Any] = {"open_interest_charge": {"instrument": "L"}, "assessment": terms}.get(kind, {})
    hand = Hand(LayerMessage(id="it", kind=kind, rank=2, cap="4", **more), window_ms=0)
    hand.deposit({"a": 110, "b": 400, "c/1": 200, "c/2": 100, "e": 1})
    hand.contribute({"b": 7, "c": 3})
    for name, lots in (("b", 6), ("c/1", 3), ("c/2", 1)):
        hand.trade("a", name, lots)
    hand.price(50)
    assert says in "\n".join(loss_lines(losses_of(told(hand), "b")))
    hand.wait(5_000)  # a call that is not paid is a loss of b's own
    text = "\n".join(loss_lines(losses_of(told(hand), "b")))
    assert ("3 of a call unpaid at its deadline, a loss of window 2" in text) == (kind == "assessment")


@pytest.mark.parametrize(
    ("draw", "by"),
    [
        ("queue", "a queue by score hyperliquid, 1609195 ppm, room 7"),  # (100 / 95) * 665 / 435
        ("pro_rata", "pro_rata, weight 7 of 10: all give up to their caps = 7"),
    ],
)
def test_deleveraging_is_told_to_both_sides(run: Any, draw: str, by: str) -> None:
    """`b` reads why it gave its lots, with the money of each; `a` reads who took its own."""
    hand = deleveraged(draw=draw)
    text = run(hand, "loss", "--member", "b")
    assert f"b gives 7 lots of L against those of a, price reserve: each for 89 units; tier 2 gave 10, by {by}" in text
    text = run(hand, "liquidation", "--account", "a")
    assert "price reserve, draw" in text
    assert "given by b 7, c 3 (rulebook" in text


def test_a_tear_up_names_who_it_was_placed_with() -> None:
    """No layer takes what the market does not: all 10 lots go to the other side at the mark."""
    hand = Hand(listing={"half_spread_ticks": 1000}, window_ms=0, max_close_ms=10**6)
    hand.deposit({"a": 110, "b": 400, "c": 400})
    for name, lots in (("b", 7), ("c", 3)):
        hand.trade("a", name, lots)
    hand.price(95)
    [one] = liquidations_of(told(hand), "a")["liquidations"]
    [rows] = one["placed"].values()
    assert [(row["account"], row["lots"], row["cash_units"]) for row in rows] == [("b", 7, -665), ("c", 3, -285)]
    assert one["end"] == "liquidation-ended"


def test_a_hole_belongs_to_the_liquidation_that_it_leads_to() -> None:
    """Told before the trigger of the same seq; the first liquidation keeps what is its own."""
    hand = Hand(window_ms=0)
    hand.deposit({"a": 300, "b": 5000})
    hand.trade("a", "b", 10)
    hand.price(75)
    hand.price(50)
    runs = liquidations_of(told(hand), "a")["liquidations"]
    assert [[run["steps"][0]["type"], run["end"]] for run in runs] == [
        ["liquidation-triggered", "liquidation-ended"], ["hole-found", "default-declared"],
    ]  # fmt: skip
    assert [run["steps"][-1]["seq"] for run in runs] == [runs[0]["seq"], runs[1]["seq"]]


def test_json_has_the_receipts(run: Any) -> None:
    """As they stand in the events."""
    hand = crash()
    [event] = [one for one in told(hand) if one["type"] == "loss-allocated"]
    facts = json.loads(run(hand, "loss", "--member", "b", "--json"))
    assert facts["member"] == "b"
    shares = [one["share"] for one in facts["windows"][0]["shares"]]
    assert shares == [row for draw in event["draws"] for row in draw["shares"] if row["payer"] == "b"]
    steps = json.loads(run(hand, "liquidation", "--account", "a", "--json"))["liquidations"][0]["steps"]
    assert steps == [one for one in told(hand) if one.get("account") == "a" and one["type"] in WORDS]


def test_events_may_be_packed_or_come_by_stdin(
    run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same text."""
    run(crash(), "loss", "--member", "c")
    content = (tmp_path / "events.jsonl").read_bytes()
    (tmp_path / "events.jsonl.gz").write_bytes(gzip.compress(content))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    for path in (str(tmp_path / "events.jsonl.gz"), "-"):
        assert main(["explain", "loss", path, "--member", "c"]) == FINE
        assert capsys.readouterr().out == LOSS


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("loss", "--member", "nobody"), "no event is about a member, account or fund named nobody"),
        (("loss", "--member", "c/1"), "c/1 is an account; losses are borne by its member, c"),
        (("liquidation", "--account", "nobody"), "no event is about an account named nobody"),
    ],
)
def test_who_does_not_occur_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], reason: str
) -> None:
    """One line, and the code of wrong usage."""
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"".join(map(json_line, told(crash()))))
    assert main(["explain", arguments[0], str(path), *arguments[1:]]) == USAGE
    assert capsys.readouterr().err == f"rhodian: {path}: {reason}\n"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{", "line 1: not JSON"), (b"[]\n", "line 1: not an event"), (b'{"type":"x"}\n', "line 1: not an event"),
        (b'{"type":"loss-allocated","book":"B","seq":1,"time":"","subject":"1","versions":{}}\n', "'layers'"),
        (None, "cannot read"),
    ],
)  # fmt: skip
def test_what_is_no_file_of_events_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, reason: str
) -> None:
    """Not a trace of ours, but what is wrong and where."""
    path = tmp_path / "events.jsonl"
    if content is not None:
        path.write_bytes(content)
    assert main(["explain", "loss", str(path), "--member", "a"]) == USAGE
    said = capsys.readouterr().err
    assert reason in said
    assert said.count("\n") == 1
