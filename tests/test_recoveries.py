"""Recoveries, returned calls and estates (RULEBOOK 8, 17.26), against numbers worked out by hand.

`lose` of test_waterfall_variants leaves a's loss of 60. Who bears it is each test's; then money comes back.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest

from schemas import inputs
from schemas.codes import Code
from schemas.governed import LayerMessage
from streams.explain_loss import losses_of
from streams.loss_words import loss_lines
from streams.present import json_line
from tests.against_twin import Pair
from tests.hand_venue import RULE, Hand
from tests.random_venue import messages, random_venue
from tests.test_explain import told
from tests.test_waterfall_variants import CALLED, layer, lose, verify

OPERATOR = layer("op", "operator", 1)
FUND = layer("gf", "guarantee_fund", 2)
GAINS = layer("gains", "gains_haircut", 3, cap="10")


def lost(*layers: LayerMessage, **more: Any) -> Hand:
    return lose(*layers, **{"funds": {}, "contributions": {}, "recoveries": True, **more})


def recover(hand: Hand, amount: int, member: str = "a", **more: Any) -> Code | None:
    rule = {**RULE, "version": hand.sent}
    return hand.send(inputs.Recovery, **{"member": member, "amount": str(amount), **rule, **more})


@pytest.mark.parametrize(
    ("amount", "uncovered", "b", "fund", "operator", "a"),
    [
        # of 60: the operator 10, the fund 20 + 10, gains 10, uncovered 10
        (7, -3, 5190, [0, 0], 0, 0),
        (10, 0, 5190, [0, 0], 0, 0),
        (14, 0, 5194, [0, 0], 0, 0),
        (20, 0, 5200, [0, 0], 0, 0),
        (21, 0, 5200, [1, 0], 0, 0),  # a unit of 20 : 10 goes to the larger remainder
        (31, 0, 5200, [7, 4], 0, 0),  # 11 of 20 : 10 are 7.33 and 3.67
        (50, 0, 5200, [20, 10], 0, 0),
        (55, 0, 5200, [20, 10], 5, 0),
        (60, 0, 5200, [20, 10], 10, 0),
        (63, 0, 5200, [20, 10], 10, 3),  # covered: the rest is a's
    ],
)
def test_the_last_loser_is_paid_first(
    amount: int, uncovered: int, b: int, fund: list[int], operator: int, a: int
) -> None:
    """To the last unit, layer by layer from the end."""
    hand = lost(OPERATOR, FUND, GAINS, funds={"@operator/op": 10}, contributions={"b": 20, "c": 10})
    assert hand.cash("@uncovered", "b", "@guarantee/b", "@guarantee/c") == [-10, 5190, 0, 0]
    assert recover(hand, amount) is None
    names = ("@uncovered", "b", "@guarantee/b", "@guarantee/c", "@operator/op", "a", "@estate/a")
    assert hand.cash(*names) == [uncovered, b, *fund, operator, a, 0]
    [event] = hand.told("recovery-allocated")
    assert event["left_units"] == max(0, amount - 60)


@pytest.mark.parametrize("parts", sorted(set(permutations([7, 14, 20, 22]))))
def test_in_parts_all_get_the_same(parts: tuple[int, ...]) -> None:
    """63 in four recoveries, in any order: who lost has all of it back, and a 3."""
    hand = lost(OPERATOR, FUND, GAINS, funds={"@operator/op": 10}, contributions={"b": 20, "c": 10})
    for part in parts:
        recover(hand, part)
    assert hand.cash("@uncovered", "b", "@guarantee/b", "@guarantee/c", "@operator/op", "a") == [0, 5200, 20, 10, 10, 3]


def test_layers_of_one_rank_share_what_comes_back() -> None:
    """30 and 15 of one rank bore 60 as 30 and 15, 15 are uncovered: of 15 + 9, 9 come back as 6 and 3."""
    layers = [layer("x", "operator", 1), layer("y", "operator", 1)]
    hand = lost(*layers, funds={"@operator/x": 30, "@operator/y": 15})
    recover(hand, 24)
    assert hand.cash("@operator/x", "@operator/y", "@uncovered") == [6, 3, 0]


def test_each_defaulter_pays_for_its_own() -> None:
    """a's 60 and d's 60 are one window's; 70 from a cover no more than a's part of what each layer bore.

    120: the operator had 30, which met 15 of each; 90 are uncovered, 45 of each. 70: 45, 15, and 10 are a's.
    """
    hand = Hand(OPERATOR, listing={"half_spread_ticks": 1}, window_ms=1000, recoveries=True)
    hand.deposit({"a": 140, "b": 5000, "d": 140, "@operator/op": 30})
    hand.trade("a", "b", 10)
    hand.trade("d", "b", 10)
    hand.price(80)
    hand.wait(1000)
    recover(hand, 70)
    assert hand.cash("@uncovered", "@operator/op", "a") == [-45, 15, 10]
    recover(hand, 60, "d")
    assert hand.cash("@uncovered", "@operator/op", "d", "@estate/d") == [0, 30, 0, 0]


def test_the_oldest_window_comes_first() -> None:
    """a loses 60 to the operator, comes back, and loses 60 more, uncovered: of 70, 60 go to the first."""
    hand = lost(OPERATOR, funds={"@operator/op": 60})
    hand.price(100)
    hand.deposit({"a": 140})
    hand.trade("a", "b", 10)
    hand.price(80)
    recover(hand, 70)
    assert hand.cash("@operator/op", "@uncovered") == [60, -50]


@pytest.mark.parametrize(("pays", "calls", "left", "c"), [(0, -40, -20, 0), (25, -15, 0, 5), (40, 0, 0, 20)])
def test_calls_are_returned(pays: int, calls: int, left: int, c: int) -> None:
    """c is called for 40, 20 are uncovered. Of 40 that come back 20 are c's: its call is 20 less, or it has 20 again.

    Of a call of which 25 are paid 15 are open: they are forgiven, and 5 come back.
    """
    call = layer("call", "assessment", 1, **{**CALLED, "multiple_ppm": 1_000_000})
    hand = lost(call, contributions={"c": 40})
    if pays:
        hand.contribute({"c": pays})
    assert hand.cash("@assessment/c", "@uncovered") == [calls, -20]
    recover(hand, 40)
    assert hand.cash("@assessment/c", "c", "@guarantee/c") == [left, c, 40]
    hand.wait(500)
    assert [one["amount_units"] for one in hand.told("assessment-missed")] == [-left] * (left < 0)


def test_what_a_defaulter_gets_back_goes_on() -> None:
    """c does not pay its call of 40: the operator's 30 bear it, and c's own 40 in the fund are its estate's.

    20 of a's loss are uncovered, 10 of c's. 45 from a: 20 and, for the call, 25, which c does not keep: 10 of them are
    uncovered still, and 15 the operator's.
    """
    layers = [layer("call", "assessment", 1, **{**CALLED, "multiple_ppm": 1_000_000}), layer("op", "operator", 2)]
    hand = lost(*layers, contributions={"c": 40})
    hand.deposit({"@operator/op": 30})
    hand.wait(500)
    assert hand.cash("@uncovered", "@operator/op", "@estate/c", "@guarantee/c") == [-30, 0, 40, 0]
    recover(hand, 45)
    assert hand.cash("@uncovered", "@operator/op", "@estate/c", "c") == [0, 15, 40, 0]
    first, second = hand.told("recovery-allocated")
    assert (first["passed_on_units"], second["member"], second["amount_units"]) == ({"c": 25}, "c", 25)
    recover(hand, 15)
    assert hand.cash("@operator/op", "@estate/c", "c") == [30, 0, 40]


def test_an_estate_is_held_until_its_losses_are_covered() -> None:
    """No layer takes a's own 25: they are a's, but held while 60 are uncovered; governance may recover from them."""
    hand = lost(contributions={"a": 25})
    assert hand.cash("@guarantee/a", "@estate/a") == [0, 25]
    assert [one["amount_units"] for one in hand.told("estate-held")] == [25]
    recover(hand, 59)
    assert hand.cash("@estate/a", "a") == [25, 0]
    assert recover(hand, 100, from_estate=True) is None
    assert hand.cash("@uncovered", "@estate/a", "a") == [0, 0, 24]
    assert hand.status()["a"] == "healthy"
    assert hand.send(inputs.Withdrawal, account="a", amount="24") is None
    assert hand.cash("a") == [0]


def test_an_estate_without_losses_is_paid_at_once() -> None:
    """a's own 85 cover its 60: 25 are its again when the window has closed. Without the parameter they stay."""
    own = layer("own", "defaulter_contribution", 1)
    assert lost(own, contributions={"a": 85}).cash("a", "@guarantee/a", "@estate/a") == [25, 0, 0]
    assert lost(own, contributions={"a": 85}, recoveries=False).cash("a", "@guarantee/a") == [0, 25]


def test_what_is_not_kept_cannot_be_recovered() -> None:
    """Nor by whom it is no member, nor in parts of a unit; from an estate that holds nothing nothing comes."""
    assert recover(lost(recoveries=False), 5) is Code.RECOVERIES_NOT_KEPT
    hand = lost()
    assert recover(hand, 5, "@operator") is Code.RESERVED_ACCOUNT
    assert recover(hand, 5, "a/1") is Code.BAD_ID
    assert recover(hand, 0) is Code.NOT_POSITIVE
    assert recover(hand, 5, from_estate=True) is None
    assert hand.told("recovery-allocated") == []
    assert hand.cash("@uncovered") == [-60]


def test_a_repeat_returns_nothing_twice() -> None:
    """By its id; and a version that is not newer is refused (11)."""
    hand = lost()
    fields: dict[str, Any] = {**RULE, "version": 3, "member": "a", "amount": "5"}
    one = inputs.Recovery(book="B", id="one", time_ms=hand.now, **fields)
    assert (hand.feed(one), hand.feed(one)) == (None, None)
    assert hand.cash("@uncovered") == [-55]
    assert hand.send(inputs.Recovery, **fields) is Code.VERSION_OUT_OF_ORDER


@pytest.mark.parametrize(("waits", "uncovered"), [(499, -60), (500, -55)])
def test_a_recovery_waits_for_its_time(waits: int, uncovered: int) -> None:
    """Its effective time is the first entry at or after it (17.2)."""
    hand = lost()
    assert recover(hand, 5, effective_ms=hand.now + 500) is None
    hand.wait(waits)
    assert hand.cash("@uncovered") == [uncovered]


def test_what_is_recovered_cures() -> None:
    """60 are due at 1,000,500; a unit before that they are recovered, and the book goes on."""
    hand = lost(cure_ms=500)
    hand.now += 499
    recover(hand, 60)
    hand.wait(10_000)
    assert hand.told("wind-down-begun") == []


def test_a_member_reads_what_came_back() -> None:
    """Of 41, 20 were uncovered and 10 gains; 11 go to the fund, and of them 4 to c, which had lost 10."""
    hand = lost(FUND, GAINS, contributions={"b": 20, "c": 10})
    recover(hand, 41)
    text = "\n".join(loss_lines(losses_of(told(hand), "c")))
    assert "recovered from a: of 10 that c lacked of window 1, layer gf, 4 come back, 6 do not" in text


@pytest.mark.parametrize("field", ["share_units", "weight_units", "remainder_rank", "after_units"])
def test_its_receipts_are_recomputed(field: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the script that recomputes those of all losses; a changed number is found."""
    hand = lost(FUND, GAINS, contributions={"b": 20, "c": 10})
    recover(hand, 45)
    events = told(hand)
    assert verify(list(map(json_line, events)), monkeypatch) == ""
    [paid] = [event for event in events if event["type"] == "recovery-allocated"]
    paid["returns"][-1]["draw"]["shares"][0][field] += 1
    assert verify(list(map(json_line, events)), monkeypatch).startswith("WRONG in ")


@pytest.mark.parametrize("seed", range(10))
def test_engine_and_twin_return_alike(seed: int) -> None:
    """Random venues in which every seventh message is a recovery, saved and loaded after every message."""
    settings, acts = random_venue(seed, 80)
    acts = [(113, *act[1:3], 3 * (act[3] % 13) + 1, act[4]) if at % 7 == 6 else act for at, act in enumerate(acts)]
    pair = Pair()
    for message in messages(
        replace(settings, large=2, books=0, stop=0, pace=seed % 2, layers=seed % 4), acts, pair.events
    ):
        pair.feed(message)
        pair.compare()
        pair.invariants.check()
        pair.reload(1 + message.time_ms % 3)
