"""Shifting one's share of a gains haircut (RULEBOOK 8, 17.8, 17.12): wash gains, and trades away from the mark.

At 100 `a` buys 6 lots of `w` and 4 of `h`; at 80 it lacks 50, its lots go back to both at the mark. `w` has won 120 and
`h` 80, so `w` pays 30 of the 50. The attacker owns `w` and `x`.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.shard import answers
from engine.shard.state import ShardState
from schemas.rows import Gain
from tests.attack_venue import GAINS, INSURANCE, NARROW, WIDE, give, worth
from tests.hand_venue import Hand

SHARE, LEFT = 30, 320  # what `w` is charged when nobody cheats, and what it has at 80


RICH: dict[str, object] = {"w": 9000, "w/2": 9000}


def venue(own: dict[str, object]) -> Hand:
    """Before the fall; `own` is what `w` put in."""
    hand = Hand(GAINS, listing=NARROW, window_ms=1000)
    hand.deposit({"a": 150, "x": 9000, "h": 9000, "k": 9000, **own})
    hand.trade("a", "w", 6)
    hand.trade("a", "h", 4)
    return hand


def fall(hand: Hand) -> None:
    """To 80: the hole, then the window's end."""
    hand.price(80)
    hand.wait(1000)


def washed(friend: str, lots: int, other: int = 0, owner: str = "w") -> Hand:
    """`owner` buys `lots` of its friend before the fall, who itself bought `other` lots of a stranger."""
    hand = venue(RICH)
    if other:
        hand.trade(friend, "k", other)
    if lots:
        hand.trade(*((owner, friend) if lots > 0 else (friend, owner)), abs(lots))
    fall(hand)
    return hand


@pytest.mark.parametrize("lots", [-200, -7, 7, 200])
def test_a_wash_between_accounts_of_one_member_changes_nothing(lots: int) -> None:
    """14.14, 17.8: gains are netted per member, so a gain here and a loss there are neither more nor less."""
    assert worth(washed("w/2", lots), "w") == worth(washed("w/2", 0), "w") == 18_000 + 120 - SHARE


def test_without_netting_a_wash_is_charged_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The guard out: each account's gain counts alone. The wash then has a price; still it does not pay."""
    netted = answers._gains

    def alone(state: ShardState, everybody: bool) -> list[Gain]:
        gain = ShardState.gain
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ShardState, "gain", lambda *said: max(0, gain(*said)))
            return netted(state, everybody)

    monkeypatch.setattr(answers, "_gains", alone)
    # G of w is 120 + 140 in place of 120: 50 * 260 / 340 = 38
    assert worth(washed("w/2", -7), "w") == 18_000 + 120 - 38


@settings(max_examples=25, deadline=None)
@given(lots=st.integers(-150, 150), other=st.integers(-150, 150))
def test_a_wash_between_members_is_never_better_than_being_one(lots: int, other: int) -> None:
    """8, 17.8: two members who wash pay at least what one member with both their accounts pays, but for one unit (9).

    Where the friend has lost elsewhere (`other`), its loss can take up a gain that moves to it by lots at the mark: so
    colluding members net what one member nets anyway, and no more.
    """
    attacked, as_one = washed("x", lots, other), washed("w/2", lots, other)
    assert worth(attacked, "w", "x") <= worth(as_one, "w", "x") + 1
    if not other:
        assert worth(attacked, "w", "x") <= worth(washed("x", 0), "w", "x")


def booked_loss() -> Hand:
    """`x` bought 10 lots of a stranger and has lost 200; `w` books its gain of 120 over to it in the window."""
    hand = venue(RICH)
    hand.trade("x", "k", 10)
    hand.price(80)
    give(hand, "w", "x", 120, mark=80)
    hand.wait(1000)
    return hand


def test_a_loss_booked_to_a_friend_is_no_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    """17.8: `G` values a trade at the mark; the rest is a transfer, so a gain that was given away is still charged.

    The guard out, it is a loss: `w` has won nothing, `x` has lost 200 - 120, and the 50 * 120 / 400 are saved.
    """
    honest = washed("x", 0, other=10)
    assert worth(booked_loss(), "w", "x") == worth(honest, "w", "x")
    trade = ShardState.trade

    def all_is_gain(state: ShardState, *said: Any, is_flow: bool) -> None:
        trade(state, *said, is_flow=False)

    with monkeypatch.context() as patch:
        patch.setattr(ShardState, "trade", all_is_gain)
        assert worth(booked_loss(), "w", "x") == worth(honest, "w", "x") + 15


def given_away(units: int) -> Hand:
    """Between hole and marker `w` gives `units` of its 320 to `x` by a trade off the mark."""
    hand = venue({"w": 200})
    hand.price(80)
    if units:
        give(hand, "w", "x", units, mark=80)
    hand.wait(1000)
    return hand


@settings(max_examples=12, deadline=None)
@given(units=st.integers(0, LEFT - 8))
def test_what_is_given_away_off_the_mark_in_the_window_is_out_of_reach(units: int) -> None:
    """NOT STOPPED (17.12): a charge is capped by the equity at the marker, so who has nothing left pays nothing.

    The gain is the share less what was left, to the unit: none up to 290 of 320, all 30 of the share at 320. The others
    pay it.
    """
    hand, honest = given_away(units), given_away(0)
    gained = worth(hand, "w", "x") - worth(honest, "w", "x")
    assert gained == max(0, SHARE - (LEFT - units))
    assert worth(honest, "h") - worth(hand, "h") == gained


def looted(price: int) -> Hand:
    """`a` and `x` have 100 each; `a` sells 10 lots to `x` at a price far from the mark of 100."""
    hand = Hand(INSURANCE, GAINS, listing=WIDE)
    hand.deposit({"a": 100, "x": 100, "h": 1000, "@insurance/B": 2000})
    hand.trade("x", "a", 10, price)
    return hand


@pytest.mark.parametrize(("price", "taken"), [(100, 0), (91, 0), (90, 0), (89, 10), (50, 400), (1, 890)])
def test_a_trade_off_the_mark_can_loot_the_funds(price: int, taken: int) -> None:
    """NOT STOPPED (2a.3): a trade is a fact whatever its parties have. What the giver lacks is the funds' loss,
    and what the taker has is a transfer (17.8), which no haircut reaches: 10 (100 - price) less the giver's 100.
    """
    hand = looted(price)
    assert worth(hand, "a", "x") - 200 == taken
    assert hand.cash("@insurance/B") == [2000 - taken]
