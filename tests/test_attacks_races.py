"""Being quicker: between trigger and liquidation, between hole and marker (RULEBOOK 6.1, 6.9, 7, 17.7)."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from engine.shard import answers, leaving
from schemas.codes import Code
from tests.attack_venue import INSURANCE, NARROW, WIDE, withdraw, worth
from tests.hand_venue import Hand
from tests.test_attacks_leaving import without_hold

Patch = pytest.MonkeyPatch


def siblings(when: str) -> Hand:
    """`a` is long 10 with 150, its order is at the venue from 94 on; at 80 it lacks 50. `a/2` has 500, free."""
    hand = Hand(INSURANCE, execution="venue", order_ms=5000)
    hand.deposit({"a": 150, "a/2": 500, "b": 9000, "@insurance/B": 1000})
    hand.trade("a", "b", 10)
    for mark, name in ((94, "trigger"), (80, "hole")):
        hand.price(mark)
        if name == when:
            assert withdraw(hand, "a/2", 500) is None
    hand.wait(5000)
    return hand


def test_a_siblings_money_does_not_leave_between_hole_and_declaration(monkeypatch: Patch) -> None:
    """7: the hole opens the window, so what `a/2` asks for waits, and 50 of it are recourse; without the hold, none."""
    honest = worth(siblings("never"), "a")
    assert honest == 650 - 200
    assert worth(siblings("hole"), "a") == honest
    without_hold(monkeypatch)
    assert worth(siblings("hole"), "a") == honest + 50


def test_between_trigger_and_hole_it_does() -> None:
    """NOT STOPPED (6.1, 17.7): a liquidation holds the money of its own account only, so who sees it at 94 takes the
    other's away before it is recourse. What is gained is the recourse, 50, and never more than had been kept outside.
    """
    hand = siblings("trigger")
    assert (worth(hand, "a"), hand.cash("@insurance/B")) == (650 - 150, [1000 - 50])


def pending(asks: bool) -> Hand:
    """A window is open by `a`. `w`, long 10 of M with 500, asks for its free 300; M falls to 55, then to 40."""
    hand = Hand(INSURANCE, listing=NARROW, window_ms=1000)
    hand.list("M", **WIDE)
    hand.price(100, "M")
    hand.deposit({"a": 150, "w": 500, "b": 9000, "@insurance/B": 1000})
    hand.trade("a", "b", 10)
    hand.trade("w", "b", 10, instrument="M")
    hand.price(80)
    if asks:
        assert withdraw(hand, "w", 300) is None
    hand.price(70, "M")
    hand.wait(1000)
    hand.price(40, "M")
    hand.wait(1000)
    return hand


def test_what_was_free_when_asked_is_judged_again_when_it_may_leave(monkeypatch: Patch) -> None:
    """7, 17.7: at 70 equity is 200 and IM 140, so 300 are no longer free. Were they let go, `w` would have -100 under
    its lots: it keeps 300, and the fund meets what it lacks.
    """
    honest = worth(pending(asks=False), "w")
    hand = pending(asks=True)
    assert [one["code"] for one in hand.told("withdrawal-refused")] == [Code.OVER_FREE]
    assert worth(hand, "w") == honest == 0
    unjudged = SimpleNamespace(judge_ask=lambda *_: None, is_closed=leaving.is_closed)
    monkeypatch.setattr(answers, "leaving", unjudged)
    assert worth(pending(asks=True), "w") == 300


def triggered(sells: bool) -> Hand:
    """`a` is long 10 with 280; at 79 it has 70, MM 79. The venue fills its order, or `a` sells to `x` first."""
    hand = Hand(execution="venue", order_ms=1000, liquidation_fee_ppm=20_000)
    hand.deposit({"a": 280, "b": 9000, "x": 9000})
    hand.trade("a", "b", 10)
    hand.price(79)
    [order] = hand.told("liquidation-ordered")
    if sells:
        assert withdraw(hand, "a", 1) is Code.IN_LIQUIDATION
        hand.trade("x", "a", -order["lots"], 79)
    else:
        hand.trade("b", "a", -order["lots"], 79, liquidation_id=order["liquidation_id"])
    hand.wait(1000)
    assert hand.status()["a"] == "healthy"
    return hand


def test_lots_sold_to_a_friend_before_the_order_save_the_fee_and_no_more() -> None:
    """6.9: while an order is out, trades are booked, and a position that is smaller needs less margin. That is a cure:
    the friend's money stands under the lots. 2 lots at 79: the fee is ceil(2 % of 158) = 4.
    """
    honest, attacked = triggered(sells=False), triggered(sells=True)
    assert worth(attacked, "a", "x") - worth(honest, "a", "x") == honest.cash("@insurance/B")[0] == 4
