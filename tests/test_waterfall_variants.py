"""Layers beyond the default's (RULEBOOK 8, 15.7, 17.23), each against numbers worked out by hand; and their receipts.

One unit is one dollar, MM 10 %, IM 20 %. `lose` leaves a loss of 60: a is long 10 from b at 100 with 140; at 80 it
lacks 60, nothing sells inside the mark, and what is torn up goes to the other side.
"""

from __future__ import annotations

import io
import runpy
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.layers import compile_waterfall
from schemas import inputs
from schemas.codes import Code, Refused
from schemas.governed import LayerMessage, WaterfallMessage
from streams.present import Terms, event_fields, json_line
from tests.against_twin import run_venue
from tests.hand_venue import BOOK, RULE, UNCOVERED, Hand
from tests.random_venue import random_venue

NARROW: dict[str, Any] = {"half_spread_ticks": 1}
CALLED: dict[str, Any] = {"multiple_ppm": 4_000_000, "call_ms": 500, "period_days": 20, "period_months": 3}
SCRIPT = Path(__file__).resolve().parent.parent / "examples" / "verify_receipts.py"


def layer(id: str, kind: Any, rank: int, **more: Any) -> LayerMessage:
    return LayerMessage(id=id, kind=kind, rank=rank, **more)


def lose(*layers: LayerMessage, funds: dict[str, int], contributions: dict[str, int], **rules: Any) -> Hand:
    hand = Hand(*layers, listing=NARROW, **rules)
    hand.deposit({"a": 140, "b": 5000, **funds})
    hand.contribute(contributions)
    hand.trade("a", "b", 10)
    hand.price(80)
    return hand


def drawn(hand: Hand) -> dict[str, int]:
    """Of the last window."""
    return {one["layer"]: one["drawn_units"] for one in hand.told("loss-allocated")[-1]["layers"]}


@pytest.mark.parametrize(("balance", "covered", "paid"), [(42, 40, 42), (41, 39, 41), (1000, 60, 63)])
def test_a_fund_with_a_premium(balance: int, covered: int, paid: int) -> None:
    """5 %: 42 cover 42 / 1.05 = 40 and 2 are the owner's; 41 cover 39 (39.05) and pay ceil(1.95); 60 cost 63."""
    fund = layer("fund", "insurance", 1, premium_ppm=50_000, owner="@operator/desk")
    hand = lose(fund, funds={"@insurance/B": balance}, contributions={})
    found = hand.cash("@insurance/B", "@operator/desk", "@uncovered", "@suspense")
    assert found == [balance - paid, paid - covered, covered - 60, 0]
    [opened], [loss] = hand.told("window-opened"), hand.told("loss-allocated")
    assert loss["layers"][0]["premium_ppm"] == 50_000
    assert opened["snapshot"] == loss["snapshot"]
    assert (loss["versions"]["waterfall"], "premium_ppm" in loss["layers"][1]) == (1, False)


def test_a_premium_serves_no_later_layer_of_its_window() -> None:
    """20 at a premium of 100 % cover 10, and 10 go to the capital behind the fund: there for the next loss only."""
    fund = layer("fund", "insurance", 1, premium_ppm=1_000_000, owner="@operator/op")
    hand = lose(fund, layer("op", "operator", 2), funds={"@insurance/B": 20}, contributions={})
    assert drawn(hand) == {"fund": 10, "op": 0, "end": 50}
    assert hand.cash("@insurance/B", "@operator/op", "@uncovered") == [0, 10, -50]


@pytest.mark.parametrize(
    ("valid", "draws"),
    [({"valid_to_ms": 1_000_000}, {"end": 60}), ({"valid_to_ms": 1_000_001}, {"op": 60, "end": 0}),
     ({"valid_from_ms": 1_000_001}, {"end": 60}), ({"valid_from_ms": 1_000_000}, {"op": 60, "end": 0})],
)  # fmt: skip
def test_a_layer_is_there_from_and_to(valid: dict[str, int], draws: dict[str, int]) -> None:
    """The window opens at 1,000,000 ms: from then on is in, until then is out."""
    assert drawn(lose(layer("op", "operator", 1, **valid), funds={"@operator/op": 100}, contributions={})) == draws


def test_a_window_keeps_the_waterfall_that_it_opened_with() -> None:
    """7, 11: version 2 comes while it is open and has no fund; the loss is met by version 1, which the event names."""
    hand = lose(layer("op", "operator", 1), funds={"@operator/op": 100}, contributions={}, window_ms=1000)
    assert hand.send(WaterfallMessage, layers=[UNCOVERED], **{**RULE, "version": 2}) is None
    hand.wait(1000)
    assert drawn(hand) == {"op": 60, "end": 0}
    assert hand.told("loss-allocated")[0]["versions"]["waterfall"] == 1


def test_a_cap_for_each_member_is_shared_again() -> None:
    """60 on 40 and 20 would be 40 and 20; at most 25 each: 25 and 20, and 15 are left."""
    hand = lose(layer("gf", "guarantee_fund", 1, member_cap="25"), funds={}, contributions={"b": 40, "c": 20})
    assert hand.cash("@guarantee/b", "@guarantee/c", "@uncovered") == [15, 0, -15]


def test_a_cap_for_each_member_may_leave_the_rest() -> None:
    """Of 60, 30 and 30 become 25 and 25; 48 and 12 become 25 and 12. Of 30, the layer's cap, 20 and 10 are not cut."""
    terms: dict[str, Any] = {"member_cap": "25", "over_cap": "leave"}
    hand = lose(layer("gf", "guarantee_fund", 1, **terms), funds={}, contributions={"b": 40, "c": 40})
    assert hand.cash("@guarantee/b", "@guarantee/c", "@uncovered") == [15, 15, -10]
    hand = lose(layer("gf", "guarantee_fund", 1, **terms), funds={}, contributions={"b": 80, "c": 20})
    assert hand.cash("@guarantee/b", "@guarantee/c", "@uncovered") == [55, 8, -23]
    hand = lose(layer("gf", "guarantee_fund", 1, cap="30", **terms), funds={}, contributions={"b": 80, "c": 40})
    assert hand.cash("@guarantee/b", "@guarantee/c", "@uncovered") == [60, 30, -30]


def test_replenished_money_is_last_in_the_window_that_consumed_it() -> None:
    """31 stood there when it opened; of the 50 that came in it 29 are needed."""
    layers = [layer("gf", "guarantee_fund", 1), layer("new", "replenished", 2)]
    hand = lose(*layers, funds={}, contributions={"b": 31}, window_ms=1000)
    hand.contribute({"b": 50})
    hand.wait(1000)
    assert drawn(hand) == {"gf": 31, "new": 29, "end": 0}
    assert hand.cash("@guarantee/b") == [81 - 60]


@pytest.mark.parametrize(("vests", "draws"), [(True, {"warm": 60, "fund": 0}), (False, {"warm": 0, "fund": 60})])
def test_unvested_gains_before_a_fund(vests: bool, draws: dict[str, int]) -> None:
    """b has won 200 in this period; where gains vest at once none of them is unvested."""
    layers = [layer("warm", "unvested", 1), layer("fund", "insurance", 2)]
    hand = lose(*layers, funds={"@insurance/B": 100}, contributions={}, vest_gains=vests)
    assert drawn(hand) == {**draws, "end": 0}
    assert hand.cash("b", "@insurance/B") == [5200 - draws["warm"], 100 - draws["fund"]]


def test_half_of_a_loss_on_equity() -> None:
    """30 of 60 on b's 5,200 (it won) and on c's 2,600 (it did nothing): 20 and 10."""
    half = layer("half", "equity_haircut", 1, theta_ppm=500_000)
    hand = lose(half, funds={"c": 2600}, contributions={})
    assert hand.cash("b", "c", "@uncovered") == [5200 - 20, 2600 - 10, -30]
    [loss] = hand.told("loss-allocated")
    assert loss["layers"][0]["cap_units"] == 30


def test_gains_that_an_earlier_layer_took_are_gains_no_more() -> None:
    """b won 200: the haircut of equity takes 20 of it, the haircut of gains has 180 left, and takes 40."""
    layers = [layer("some", "equity_haircut", 1, cap="20"), layer("gains", "gains_haircut", 2)]
    hand = lose(*layers, funds={}, contributions={})
    assert drawn(hand) == {"some": 20, "gains": 40, "end": 0}
    assert hand.told("loss-allocated")[0]["layers"][1]["available_units"] == 180
    assert [one["amount_units"] for one in hand.told("gains-charged")] == [60]
    assert hand.cash("b") == [5140]


def test_an_open_interest_charge_takes_both_sides() -> None:
    """a's 10 lots go to b (10) and d (6 short): 6.25 and 3.75, so 6 and 4; of 60, b's 4 pay 20, d's 2 10, c's 6 30."""
    hand = Hand(layer("oi", "open_interest_charge", 1, instrument="L"), listing=NARROW)
    hand.deposit({"a": 140, "b": 5000, "c": 5000, "d": 5000, "e": 70})
    hand.trade("c", "d", 6)
    hand.trade("a", "b", 10)
    hand.price(80)
    assert hand.lots() == {("b", "L"): -4, ("c", "L"): 6, ("d", "L"): -2}
    assert hand.cash("b", "c", "d", "e") == [6000 - 480 - 20, 4400 - 30, 5600 - 320 - 10, 70]
    charges = {one["account"]: one["amount_units"] for one in hand.told("gains-charged")}
    assert charges == {"b": 20, "c": 30, "d": 10}


def test_assessments_are_called_paid_missed_and_called_again() -> None:
    """30 of 60 are in the fund; 30 are called by contribution, 10 and 20, each up to four times what it had paid in.

    b pays 15: its call, and 5 into the fund. c pays nothing: its 20 are the next window's loss. b's new 5 go first;
    then it can be called for 4 * 5 - 10 = 10 more in this period; 5 are uncovered.
    """
    layers = [layer("gf", "guarantee_fund", 1), layer("call", "assessment", 2, **CALLED)]
    hand = lose(*layers, funds={}, contributions={"b": 10, "c": 20})
    assert drawn(hand) == {"gf": 30, "call": 30, "end": 0}
    assert hand.cash("@assessment/b", "@assessment/c") == [-10, -20]
    called = [(x["member"], x["amount_units"], x["deadline_ms"]) for x in hand.told("assessment-called")]
    assert called == [("b", 10, 1_000_500), ("c", 20, 1_000_500)]
    hand.contribute({"b": 15})
    assert hand.cash("@assessment/b", "@guarantee/b") == [0, 5]
    hand.wait(499)
    assert hand.told("assessment-missed") == []
    hand.wait(1)
    [missed] = hand.told("assessment-missed")
    assert (missed["member"], missed["window"], missed["amount_units"]) == ("c", 2, 20)
    assert drawn(hand) == {"gf": 5, "call": 10, "end": 5}
    assert hand.cash("@assessment/b", "@assessment/c", "@guarantee/b", "@uncovered") == [-10, 0, 0, -5]


def test_a_payment_at_the_deadline_is_too_late() -> None:
    """Timers go before the input's own effect (17.2): the money becomes a contribution."""
    layers = [layer("gf", "guarantee_fund", 1), layer("call", "assessment", 2, **CALLED)]
    hand = lose(*layers, funds={}, contributions={"b": 10, "c": 20})
    hand.now += 500
    hand.contribute({"b": 15})
    assert {x["member"] for x in hand.told("assessment-missed")} == {"b", "c"}
    assert hand.cash("@guarantee/b", "@uncovered") == [15, -30]


def test_a_cap_of_the_period_counts_over_windows() -> None:
    """Multiple 1: b has 100 in the fund, called for 60; the next loss of 60 in the same period gets the 40 left."""
    call = layer("call", "assessment", 1, **{**CALLED, "multiple_ppm": 1_000_000})
    hand = lose(call, funds={"d": 140}, contributions={"b": 100})
    hand.contribute({"b": 60})  # pays the call
    hand.price(100)
    hand.trade("d", "b", 10)
    hand.price(80)
    assert drawn(hand) == {"call": 40, "end": 20}
    assert hand.cash("@assessment/b", "@guarantee/b") == [-40, 100]


def test_calls_that_are_spent_let_a_loss_reach_the_gains() -> None:
    """As before, with gains behind the calls: the next loss of 60 finds 40 to call, and takes 20 of what b has won."""
    call = layer("call", "assessment", 1, **{**CALLED, "multiple_ppm": 1_000_000})
    hand = lose(call, layer("gains", "gains_haircut", 2), funds={"d": 140}, contributions={"b": 100})
    hand.contribute({"b": 60})
    hand.price(100)
    hand.send(inputs.Period)
    hand.trade("d", "b", 10)
    hand.price(80)
    assert drawn(hand) == {"call": 40, "gains": 20, "end": 0}


def test_who_leaves_takes_its_part_of_a_loss_along() -> None:
    """60 are uncovered, and each claim is worth so much less, whoever leaves first.

    In came a's 140, b's 5,000 and c's 260: 5,400 are held, for claims of 5,460 (b's 5,200, c's 260). b asks 910: 10
    stay. Then 4,500 are held for 4,550, still 1 in 91: c's 260 leave 2.857, so 3. A move stays in the book, in full.
    """
    hand = lose(funds={"c": 260}, contributions={}, withdrawal_factor=True)
    assert hand.cash("@uncovered") == [-60]
    hand.send(inputs.Withdrawal, account="b", amount="910")
    hand.send(inputs.Withdrawal, account="c", amount="260")
    hand.send(inputs.Move, source="b", target="d", amount="91")
    assert hand.cash("b", "c", "d", "@uncovered") == [5200 - 910 - 91, 0, 91, -60 + 10 + 3]
    left = [one.get("left_units") for one in hand.told("withdrawal-released")]
    assert left == [10, 3, None]
    hand = lose(funds={"c": 260}, contributions={})
    hand.send(inputs.Withdrawal, account="c", amount="260")
    assert hand.cash("@uncovered") == [-60]


@pytest.mark.parametrize(
    "layers",
    [
        [layer("x", "operator", 1, premium_ppm=5)],
        [layer("x", "insurance", 1, theta_ppm=5)],
        [layer("x", "insurance", 1, owner="@insurance/B")],
        [layer("x", "insurance", 1, owner="@operators")],
        [layer("x", "insurance", 1, member_cap="5")],
        [layer("x", "guarantee_fund", 1, over_cap="leave")],
        [layer("x", "open_interest_charge", 1)],
        [layer("x", "assessment", 1, multiple_ppm=5)],
        [layer("x", "operator", 1, valid_from_ms=5, valid_to_ms=5)],
        [layer("x", "equity_haircut", 1), layer("y", "gains_haircut", 1)],
        [layer("x", "unvested", 1), layer("y", "unvested", 2)],
        [layer("x", "uncovered", 99, valid_to_ms=5)],
    ],
)
def test_a_ladder_that_makes_no_sense_is_refused(layers: list[LayerMessage]) -> None:
    """BAD_WATERFALL, or, where the end is missing, WATERFALL_WITHOUT_END."""
    said = WaterfallMessage(book=BOOK, id="w", time_ms=0, layers=[*layers, UNCOVERED], **RULE)
    with pytest.raises(Refused) as refused:
        compile_waterfall(said, 2)
    assert refused.value.code in (Code.BAD_WATERFALL, Code.WATERFALL_WITHOUT_END)


def test_charges_of_two_instruments_may_stand_in_two_ranks() -> None:
    """One layer an instrument."""
    layers = [layer(name, "open_interest_charge", rank, instrument=name) for rank, name in enumerate("XY", 1)]
    said = WaterfallMessage(book=BOOK, id="w", time_ms=0, layers=[*layers, UNCOVERED], **RULE)
    assert [one.instrument for one in compile_waterfall(said, 2).layers] == ["X", "Y", ""]


@pytest.mark.parametrize("ladder", range(4))
def test_receipts_of_every_kind_are_recomputed(ladder: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The verifier of examples/ accepts what random venues tell under these ladders, and finds a changed share."""
    told: list[bytes] = []
    for seed in range(6):
        settings, acts = random_venue(seed, 80)
        pair = run_venue(replace(settings, large=2, layers=ladder, books=0), acts, 1 + seed % 2)
        [terms] = [Terms(run.book) for run in pair.venue.books.values()]
        lines = [json_line(event_fields(event, terms)) for event in pair.events]
        assert verify(lines, monkeypatch) == ""
        if any(b'"type":"loss-allocated"' in line for line in lines):
            told = lines
    changed = [line.replace(b'"share_units":', b'"share_units":1', 1) for line in told]
    assert verify(changed, monkeypatch).startswith("WRONG in ")


def verify(lines: list[bytes], monkeypatch: pytest.MonkeyPatch) -> str:
    """What the script ends with, in this process."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"".join(lines))))
    try:
        runpy.run_path(str(SCRIPT))
    except SystemExit as end:
        return str(end)
    return ""
