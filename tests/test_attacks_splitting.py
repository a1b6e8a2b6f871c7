"""Splitting: one member over many accounts, one owner over many members, one close into many (RULEBOOK 4, 6.5, 14.14).

Rules see members, not owners. What is counted by member cannot be split away by accounts; by members it can.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.brackets import Brackets
from engine.clearing.state import ClearingState
from engine.margin import statement
from engine.names import member_of
from schemas.governed import Bracket, LayerMessage
from tests.attack_venue import GAINS, NARROW, WIDE, worth
from tests.hand_venue import Hand

Patch = pytest.MonkeyPatch
STEEP: dict[str, Any] = {
    "mm_brackets": [Bracket("0", 100_000), Bracket("500", 200_000)],
    "im_brackets": [Bracket("0", 200_000), Bracket("500", 400_000)],
}
MARKET: dict[str, Any] = {"half_spread_ticks": 1, "impact": "1", "depth_lots": 4}


def members(accounts: list[str]) -> set[str]:
    """Whose accounts these are."""
    return {member_of(account) for account in accounts}


def large(accounts: list[str]) -> int:
    """Ten lots with 240, over so many accounts; the mark falls to 88 and comes back. What they have then."""
    hand = Hand(liquidation_fee_ppm=10_000, small_lots=1000, listing={**STEEP, "half_spread_ticks": 1})
    hand.deposit({"z": 9000, **{account: 240 // len(accounts) for account in accounts}})
    for account in accounts:
        hand.trade(account, "z", 10 // len(accounts))
    hand.price(88)
    hand.price(100)
    return worth(hand, *members(accounts))


def test_accounts_do_not_divide_a_large_position(monkeypatch: Patch) -> None:
    """4, 16.5: brackets are taken over the member's accounts, so both are closed where the one is. At 88 the equity is
    120, MM 50 + 76 = 126; closing costs 10 and a fee of 9. Each account alone would have 60 and MM 44.
    """
    whole = large(["m"])
    assert whole == 240 - 120 - 10 - 9
    assert large(["m", "m/2"]) <= whole
    assert large(["m", "n"]) == 240  # NOT STOPPED: two members of one owner are two members

    def alone(brackets: Brackets, own: int, _others: int, lots: int) -> int:
        return brackets.amount(own, lots) if own else 0

    monkeypatch.setattr(statement, "share", alone)
    assert large(["m", "m/2"]) == 240


def sliced(accounts: list[str], fee_ppm: int = 0) -> int:
    """Sixty lots with 1020 over so many accounts, all closed in the market at one mark, 92. What they have then."""
    hand = Hand(small_lots=1000, liquidation_fee_ppm=fee_ppm, listing=MARKET)
    hand.deposit({account: 1020 // len(accounts) for account in accounts})
    for account in accounts:
        hand.trade(account, "@market", 60 // len(accounts))
    hand.price(92)
    assert hand.lots() == {}
    return worth(hand, *members(accounts))


@pytest.mark.parametrize("parts", [2, 3, 6])
def test_slices_pay_the_impact_of_the_whole(parts: int, monkeypatch: Patch) -> None:
    """6.5: `x` is what all accounts closed on that side, so slices telescope; fees round up for each.

    1020 - 480, a spread of 60, F(60) = ceil(sqrt(60^3 / 4)) = 233. Were each slice the first, six would pay 6 F(10).
    """
    over_accounts = ["m", *(f"m/{at}" for at in range(1, parts))]
    over_members = [f"m{at}" for at in range(parts)]
    assert sliced(["m"]) == 1020 - 480 - 60 - 233
    assert sliced(over_accounts) == sliced(over_members) == sliced(["m"])
    assert sliced(over_accounts, fee_ppm=5000) <= sliced(["m"], fee_ppm=5000)
    monkeypatch.setattr(ClearingState, "closed_lots", lambda *_: 0)
    assert sliced(over_members) > sliced(["m"])


def charged(layer: LayerMessage, lots: list[int], money: list[int], names: list[str]) -> int:
    """`a` lacks 50; the attacker has won 20 a lot and has its lots, money and contributions over these accounts."""
    hand = Hand(layer, listing=NARROW)
    hand.deposit({"a": 150, "h": 9000, "k": 9000})
    for name, own in zip(names, money, strict=True):
        hand.deposit({name: own})
        hand.contribute({member_of(name): own})
    hand.contribute({"h": 300})
    hand.trade("a", "h", 10)
    for name, own in zip(names, lots, strict=True):
        if own:
            hand.trade("k", name, own)
    hand.price(80)
    return worth(hand, *members(names))


INTEREST = LayerMessage(id="oi", kind="open_interest_charge", rank=5, instrument="L")
LAYERS = [GAINS, LayerMessage(id="mutual", kind="guarantee_fund", rank=5),
          LayerMessage(id="equity", kind="equity_haircut", rank=5)]  # fmt: skip


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.kind)
@settings(max_examples=8, deadline=None)
@given(first=st.integers(0, 20), part=st.integers(500, 1500))
def test_charges_are_proportional_so_splitting_changes_none(layer: LayerMessage, first: int, part: int) -> None:
    """8, 14.14: over accounts to the unit; over members, whose shares are rounded one by one (9), to a unit."""
    lots, money = [first, 20 - first], [part, 2000 - part]
    whole = charged(layer, [20], [2000], ["m"])
    assert whole < 2000 + 2000 + 20 * 20
    assert charged(layer, lots, money, ["m", "m/2"]) == whole
    assert abs(charged(layer, lots, money, ["m", "n"]) - whole) <= 1


def held_apart(under: dict[str, object]) -> int:
    """`w` holds 10 of 40 lots of L in its first account when `a` lacks 800 in M: 200 of them."""
    hand = Hand(INTEREST, listing=WIDE)
    hand.list("M", **NARROW)
    hand.price(100, "M")
    hand.deposit({"a": 1000, "h": 9000, "k": 9000, "z": 9000, **under})
    hand.trade("k", "w", 10)
    hand.trade("k", "h", 10)
    hand.trade("a", "z", 90, instrument="M")
    hand.price(80, "M")
    return worth(hand, "w")


def test_lots_held_apart_from_the_money_pay_the_same_charge() -> None:
    """14.14, 17.23: what is above the account that holds the lots, 110, is paid by the other. (Capped by account, as it
    was until a test played this, `w` paid 110 and gained 90.)
    """
    assert held_apart({"w": 110, "w/2": 1890}) == held_apart({"w": 2000}) == 2000 - 200
