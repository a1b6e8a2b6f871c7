"""Long in one account and short in another: the losing leg is left to the funds (RULEBOOK 6.7, 7, 16.8, 17.10, 17.22).

With isolated margin, who holds both legs with little under each loses at most what is under one, and wins all that the
other moves.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.shard import answers
from schemas import inputs
from schemas.governed import LayerMessage
from tests.attack_venue import INSURANCE, WIDE, give, move, withdraw, worth
from tests.hand_venue import Hand

PUT_IN, FUND = 150, 10_000


def straddle(*legs: str, lots: int = 10, under: int = PUT_IN) -> Hand:
    """Isolated accounts, 150 under each, the first long and the second short as much, both against `b`; no market."""
    hand = Hand(INSURANCE, listing=WIDE)
    for account in (*legs, "s/other"):
        hand.command("open_account", account=account, limited=True)
    hand.deposit({"b": 90_000, f"@insurance/{hand.run.book.name}": FUND, **dict.fromkeys(legs, under)})
    hand.trade(legs[0], "b", lots)
    hand.trade("b", legs[1], lots)
    return hand


def test_a_member_cannot_leave_its_losing_leg(monkeypatch: pytest.MonkeyPatch) -> None:
    """7, 16.8: at 80 the long lacks 50, and the member's own gain of 200 in the other leg pays it, isolated or not.

    Without recourse the fund pays, and 50 are gained.
    """
    hand = straddle("s/long", "s/short")
    hand.price(80)
    assert (worth(hand, "s"), hand.cash("@insurance/B")) == (2 * PUT_IN, [FUND])
    monkeypatch.setattr(answers, "_recourse", lambda *_: [])
    hand = straddle("s/long", "s/short")
    hand.price(80)
    assert (worth(hand, "s"), hand.cash("@insurance/B")) == (2 * PUT_IN + 50, [FUND - 50])


@settings(max_examples=40, deadline=None)
@given(
    lots=st.integers(1, 12), steps=st.lists(st.integers(20, 300), min_size=1, max_size=3), falls=st.booleans(),
    out=st.integers(0, 600), to=st.sampled_from(["outside", "s/other"]), ends_period=st.booleans(),
)  # fmt: skip
def test_nor_by_taking_the_winnings_away_first(
    lots: int, steps: list[int], falls: bool, out: int, to: str, ends_period: bool
) -> None:
    """7, 17.7: as much as is free leaves the legs between any two marks, for outside or another account of the member,
    also where a new period forgets a gain. While the mark goes one way, what the loser lacks it loses after its last
    look above MM, and the other leg wins that much after it, on top of the IM that could not leave.
    """
    hand = straddle("s/long", "s/short", lots=lots)
    for mark in sorted((step for step in steps if (step < 100) == falls), reverse=falls):
        hand.price(mark)
        for leg in ("s/long", "s/short"):
            equity, im, _ = hand.statement(leg)
            units = min(out, max(0, equity - im))
            if units and hand.status()[leg] == "healthy":
                assert (withdraw(hand, leg, units) if to == "outside" else move(hand, leg, to, units)) is None
        if ends_period:
            hand.send(inputs.Period)
    assert worth(hand, "s") <= 2 * PUT_IN
    assert hand.cash("@insurance/B") == [FUND]


@pytest.mark.parametrize(("ends_period", "taken"), [(False, 100), (True, 0)])
def test_a_mark_that_turns_can(ends_period: bool, taken: int) -> None:
    """NOT STOPPED (17.10): `G` is of the whole period. At 50 the long has lost 500 of its 900, the short has won 500,
    and all but an IM of 100 leaves each. At 70 the short lacks 100, and the long has won 200, but lost 300 since the
    period began: no recourse, unless a new one began at 50.
    """
    hand = straddle("s/long", "s/short", under=900)
    hand.price(50)
    assert withdraw(hand, "s/long", 300) is withdraw(hand, "s/short", 1300) is None
    if ends_period:
        hand.send(inputs.Period)
    hand.price(70)
    assert (worth(hand, "s") - 1800, hand.cash("@insurance/B")) == (taken, [FUND - taken])


@pytest.mark.parametrize(("mark", "taken"), [(86, 0), (85, 0), (84, 10), (80, 50), (60, 250)])
def test_two_members_of_one_owner_can(mark: int, taken: int) -> None:
    """NOT STOPPED (1, 7): who is liable is the member, and rules do not see owners. What is taken is the shortfall to
    the unit, 10 (100 - mark) less the 150 under the leg; margin is what bounds it, and mutual money who pays it.
    """
    hand = straddle("s", "t")
    hand.price(mark)
    assert (worth(hand, "s", "t") - 2 * PUT_IN, hand.cash("@insurance/B")) == (taken, [FUND - taken])


@pytest.mark.parametrize(("given_away", "taken"), [(0, 0), (299, 0), (300, 0), (342, 42)])
def test_an_order_that_is_still_out_leaves_time_to_empty_the_winning_leg(given_away: int, taken: int) -> None:
    """NOT STOPPED (17.10): recourse is judged at the declaration. With execution at the venue the hole stands
    open until its order ends, and trades off the mark take the winnings of 350 to a friend: what is gained is the 50
    less what is left in the leg.
    """
    hand = Hand(INSURANCE, execution="venue", order_ms=1000)
    for account in ("s/long", "s/short"):
        hand.command("open_account", account=account, limited=True)
    hand.deposit({"b": 9000, "@insurance/B": FUND, "s/long": PUT_IN, "s/short": PUT_IN, "x": 900})
    hand.trade("s/long", "b", 10)
    hand.trade("b", "s/short", 10)
    hand.price(80)
    hand.trade("s/short", "x", 10, 80)
    if given_away:
        give(hand, "s/short", "x", given_away, mark=80)
    hand.wait(1000)
    assert hand.status()["s/long"] == ("settled" if taken else "healthy")
    assert worth(hand, "s", "x") - 2 * PUT_IN - 900 == taken


def deleveraged(mark: int, second: int, price: str) -> tuple[int, int]:
    """What `a` (long 10, 110 under it) and its second member `s` (short 10) gain together, and what `b` gives up.

    `b` is short 10 with 400 against a stranger; who has more leverage is asked first, `b` unless `s` has less than 400.
    A fund stands before the layer.
    """
    layer = LayerMessage(id="adl", kind="deleveraging", rank=5, price=price)  # type: ignore[arg-type]
    hand = Hand(INSURANCE, layer, listing=WIDE, max_close_ms=10**6)
    hand.deposit({"a": 110, "s": second, "b": 400, "d": 9000, "@insurance/B": 1000})
    hand.trade("a", "s", 10)
    hand.trade("d", "b", 10)
    hand.price(mark)
    assert [one["account"] for one in hand.told("position-offset")] == ["s" if second < 400 else "b"]
    return worth(hand, "a", "s") - 110 - second, 400 + 10 * (100 - mark) - worth(hand, "b")


def test_being_deleveraged_against_oneself_pays_nothing() -> None:
    """6.7, 17.22: at 95 `a` has 60 left, below its MM. Who takes its lots at bankruptcy value gets those 60: `s`, if it
    stands first in the queue, keeps what was its own; if not, `b` gets them. Below zero, at 85, what `a` lacks is paid
    by who takes its lots: by `s`, out of the other pocket. In neither does `b` lose by `s` being first.
    """
    assert deleveraged(95, 250, "bankruptcy") == (0, 0)
    assert deleveraged(95, 2000, "bankruptcy") == (-60, -60)
    assert deleveraged(85, 250, "bankruptcy") == (0, 0)


def test_below_zero_the_better_covered_half_of_a_straddle_is_spared() -> None:
    """NOT STOPPED (15.5): a second member with enough money stands last, and others pay the 40 that `a` lacks; where
    the price is the mark, or a fund is asked first (`reserve`), the fund does. It is the straddle over two members.
    """
    assert deleveraged(85, 2000, "bankruptcy") == (40, 40)
    for price in ("mark", "reserve"):
        for second in (250, 2000):
            assert deleveraged(85, second, price) == (40, 0)
