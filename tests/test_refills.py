"""Refills of contributions (RULEBOOK 8, 17.27), against numbers worked out by hand.

`used` is `lose` of test_waterfall_variants with a fund of 40 and 20 (b, c), which a's loss of 60 uses up; they are to
bring it back within 500 ms, and the period leaves each 4 times what it had paid in.
"""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from engine.layers import compile_waterfall
from schemas import inputs
from schemas.codes import Code, Refused
from schemas.governed import LayerMessage, WaterfallMessage
from streams.explain_loss import losses_of
from streams.loss_words import loss_lines
from tests.hand_venue import BOOK, RULE, UNCOVERED, Hand
from tests.test_explain import told
from tests.test_recoveries import recover
from tests.test_waterfall_variants import CALLED, layer, lose

FUND = layer("gf", "guarantee_fund", 1)


def calls(**more: Any) -> LayerMessage:
    return layer("call", "assessment", 2, **{**CALLED, "refill_ms": 500, **more})


def used(*, contributions: dict[str, int] | None = None, **more: Any) -> Hand:
    terms = {name: more.pop(name) for name in ("multiple_ppm",) if name in more}
    return lose(FUND, calls(**terms), **{"funds": {}, "contributions": contributions or {"b": 40, "c": 20}, **more})


def asked(hand: Hand) -> list[tuple[str, int, int]]:
    return [(one["member"], one["amount_units"], one["deadline_ms"]) for one in hand.told("refill-called")]


def missed(hand: Hand) -> list[tuple[str, int, int]]:
    return [(one["member"], one["amount_units"], one["window"]) for one in hand.told("refill-missed")]


@pytest.mark.parametrize(
    ("contributions", "multiple", "refills"),
    [
        ({"b": 40, "c": 20}, 4_000_000, {"b": 40, "c": 20}),
        ({"b": 80, "c": 40}, 4_000_000, {"b": 40, "c": 20}),  # a half was used
        ({"b": 40, "c": 20}, 500_000, {"b": 20, "c": 10}),  # the cap of the period
        ({"b": 41, "c": 19}, 333_333, {"b": 13, "c": 6}),  # down: 13.67 and 6.33
        ({"b": 40, "c": 20}, 0, {}),
        # 30 are in the fund, 30 assessed of what 4 times leaves (40 and 80): 30 and 60 are left, 10 and 20 lacking
        ({"b": 10, "c": 20}, 4_000_000, {"b": 10, "c": 20}),
        # twice: 20 and 40, less 10 and 20; once and a half: 15 and 30 less as much
        ({"b": 10, "c": 20}, 1_500_000, {"b": 5, "c": 10}),
        # the defaulter itself is asked for nothing
        ({"a": 5, "b": 60}, 4_000_000, {"b": 60}),
    ],
)
def test_survivors_bring_back_what_was_used(
    contributions: dict[str, int], multiple: int, refills: dict[str, int]
) -> None:
    """What each lacks of the opening's, within what the capped period leaves after the assessments of the window."""
    hand = used(contributions=contributions, multiple_ppm=multiple)
    assert asked(hand) == [(member, units, 1_000_500) for member, units in refills.items()]


def test_who_pays_in_time_is_done_with_it() -> None:
    """In parts, and from its account; what is more is a contribution like any other."""
    hand = used()
    hand.contribute({"b": 15})
    hand.now += 499
    hand.contribute({"b": 27})
    hand.deposit({"c": 100})
    assert hand.send(inputs.Contribution, member="c", account="c", amount="20") is None
    hand.wait(10_000)
    assert (missed(hand), hand.told("window-opened")[1:]) == ([], [])
    assert hand.cash("@guarantee/b", "@guarantee/c", "c") == [42, 20, 80]


@pytest.mark.parametrize(
    ("wait", "amount", "found"), [(499, 40, []), (499, 39, [("b", 1, 2)]), (500, 40, [("b", 40, 2)])]
)
def test_who_does_not_is_in_default(wait: int, amount: int, found: list[tuple[str, int, int]]) -> None:
    """At the deadline it is too late (17.2), and a unit is missing or not; others lose nothing by it."""
    hand = used()
    hand.contribute({"c": 20})
    hand.now += wait
    hand.contribute({"b": amount})
    hand.wait(1)
    assert missed(hand) == found
    assert len(hand.told("window-closed")) == 1 + len(found)
    assert hand.cash("@guarantee/b", "@guarantee/c", "@uncovered") == [amount, 20, 0]
    assert len(hand.told("loss-allocated")) == 1


def test_who_missed_is_a_member_of_the_next_window() -> None:
    """b's default is window 2, which ends at once. Of d's loss of 60 in window 3 its 10 pay beside c's 20."""
    hand = used(funds={"d": 140})
    hand.contribute({"b": 10, "c": 20})
    hand.wait(500)
    assert missed(hand) == [("b", 30, 2)]
    hand.price(100)
    hand.trade("d", "b", 10)
    hand.price(80)
    loss = hand.told("loss-allocated")[1]
    assert (loss["window"], loss["contributions_units"]) == (3, {"b": 10, "c": 20})
    assert loss["layers"][0]["drawn_units"] == 30


def test_a_default_of_another_window_counts() -> None:
    """The open window takes it: b's refill falls due while d's loss is settled, and c pays alone."""
    hand = used(window_ms=1000, funds={"d": 140})
    hand.wait(1000)
    hand.contribute({"b": 10, "c": 20})
    hand.price(100)
    hand.trade("d", "b", 10)
    hand.price(80)
    hand.wait(500)
    assert missed(hand) == [("b", 30, 2)]
    hand.wait(999)
    assert len(hand.told("window-closed")) == 1  # its time began anew with the default
    hand.wait(1)
    [_, loss] = hand.told("loss-allocated")
    assert [one["drawn_units"] for one in loss["layers"]] == [20, 40, 0]
    assert hand.cash("@guarantee/b", "@guarantee/c", "@assessment/b", "@assessment/c") == [10, 0, 0, -40]
    assert loss["losses_units"] == {"d": {"B": 60}}


def test_a_cap_of_the_period_counts_both() -> None:
    """Multiple 1: b's 60 are used, called back, paid and used again; in this period nothing more is called."""
    hand = used(contributions={"b": 60}, multiple_ppm=1_000_000, funds={"d": 140})
    hand.contribute({"b": 60})
    hand.price(100)
    hand.trade("d", "b", 10)
    hand.price(80)
    assert hand.cash("@guarantee/b") == [0]
    assert len(asked(hand)) == 1
    hand.wait(10_000)
    assert missed(hand) == []


def test_what_is_returned_refills() -> None:
    """30 of 60 come back to b and c, 20 and 10: 20 and 10 are still to be paid."""
    hand = used(recoveries=True)
    assert recover(hand, 30) is None
    hand.wait(500)
    assert [(member, units) for member, units, _ in missed(hand)] == [("b", 20), ("c", 10)]


def test_an_end_of_the_book_forgets_refills() -> None:
    """Of 60 the fund pays 59, and a unit is uncovered: the book ends 100 ms before b's refill is due."""
    hand = lose(FUND, calls(cap="0"), funds={}, contributions={"b": 59}, cure_ms=400)
    assert asked(hand) == [("b", 59, 1_000_500)]
    hand.wait(400)
    assert len(hand.told("wind-down-paid")) == 1
    hand.wait(10_000)
    assert (missed(hand), len(hand.told("window-opened"))) == ([], 1)


@pytest.mark.parametrize("order", list(permutations([("b", 40), ("c", 20), ("e", 30)])))
def test_no_order_of_arrival_changes_a_refill(order: tuple[tuple[str, int], ...]) -> None:
    """60 of 90: 26.67, 13.33 and 20."""
    hand = used(contributions=dict(order))
    assert asked(hand) == [("b", 27, 1_000_500), ("c", 13, 1_000_500), ("e", 20, 1_000_500)]


def test_the_same_is_missed_once() -> None:
    """Told twice, the deadline is one."""
    hand = used()
    hand.now += 500
    beat = inputs.Heartbeat(book="B", id="beat", time_ms=hand.now)
    assert (hand.feed(beat), hand.feed(beat)) == (None, None)
    hand.wait(10_000)
    assert missed(hand) == [("b", 40, 2), ("c", 20, 2)]


def test_a_refill_belongs_to_assessments() -> None:
    """Its cap and its period are theirs."""
    said = WaterfallMessage(
        book=BOOK, id="w", time_ms=0, layers=[layer("gf", "guarantee_fund", 1, refill_ms=5), UNCOVERED], **RULE
    )
    with pytest.raises(Refused) as refused:
        compile_waterfall(said, 2)
    assert refused.value.code is Code.BAD_WATERFALL


def test_a_member_reads_that_it_was_called() -> None:
    """And that it did not pay."""
    hand = used()
    hand.wait(500)
    text = "\n".join(loss_lines(losses_of(told(hand), "b")))
    assert "called to refill its contribution by 40 until 1970-01-01T00:16:40.500Z" in text
    assert "40 not refilled in time, a default in window 2" in text
