"""Leaving a position to the backstop and moving the mark against it (RULEBOOK 6.6, 6.8, 11, 16.8).

Hyperliquid, 26 March 2025: a short of 4 million dollars in JELLY, traded with oneself, was left to the vault while the
mark rose more than fourfold; the validators delisted the contract and settled it at the price of that trade.

The attacker owns `j`, short 10 at 100 with 110, and `k`, long against it. At 105 `j` has 60 below its MM of 105: the
pool takes over at bankruptcy value, 111 a lot. What moving the mark costs stands in no rule, and is not counted.
"""

from __future__ import annotations

from typing import Any

import pytest

from schemas import inputs
from schemas.codes import Code
from tests.attack_venue import WIDE, withdraw, worth
from tests.hand_venue import Hand

PUT_IN = 110 + 2000


def squeezed(limit: int, *marks: int, pool: int = 2000, **listing: Any) -> Hand:
    """The pool has 2000 and may hold so many lots; the mark goes to 105, then on."""
    hand = Hand(listing={**WIDE, "backstop_limit": str(limit), **listing})
    hand.deposit({"j": 110, "k": 2000, "h": 5000, "@backstop": pool})
    hand.trade("k", "j", 10)
    for mark in (105, *marks):
        hand.price(mark)
    return hand


def gained(hand: Hand) -> int:
    """By `j` and `k` together."""
    return worth(hand, "j", "k") - PUT_IN


@pytest.mark.parametrize(("limit", "mark", "gain"), [(0, 400, 0), (2, 400, 578), (10, 400, 2890), (10, 111, 0)])
def test_the_pool_loses_its_limit_times_the_squeeze(limit: int, mark: int, gain: int) -> None:
    """6.6, 16.8: at most `backstop_limit` lots, each `400 - 111`. What the pool does not take is torn up at the mark
    and meets the attacker's own long, so nothing is gained on it. Below 111 the attack costs what `j` had.
    """
    hand = squeezed(limit, mark)
    assert gained(hand) == gain == limit * (mark - 111)
    assert abs(hand.lots().get(("@backstop", "L"), 0)) == limit


@pytest.mark.parametrize(("pool", "lots"), [(1, 0), (44, 9), (2000, 10)])
def test_the_pool_takes_no_more_than_its_capital_margins(pool: int, lots: int) -> None:
    """16.8: its equity after is at least its MM, 10.5 a lot at 105, and each lot comes with 6: 44 + 54 hold 9 lots."""
    assert abs(squeezed(10, pool=pool).lots().get(("@backstop", "L"), 0)) == lots


def test_capital_does_not_bound_what_the_pool_can_lose() -> None:
    """NOT STOPPED (6.6, 10): the pool is neither called nor closed, and its hole is nobody's: at 400 it has 3110 less
    4000. Winners hold 890 that nothing covers, while no window opens; only its limit and governance bound that.
    """
    hand = squeezed(10, 400)
    assert worth(hand, "@backstop") == -890
    assert hand.told("window-opened") == []
    assert withdraw(hand, "k", 1500) is None


def test_a_band_holds_the_squeezed_mark_and_what_it_won() -> None:
    """6.8, 17.14: a jump beyond the band is held; until it is confirmed it is worth nothing, and holders' money stays.

    A mark that walks inside the band, or that enough ticks confirm, is the mark: the band wins time, no more.
    """
    hand = squeezed(10, 400, band_ppm=60_000, agree_ticks=3, hold_ms=60_000)
    assert gained(hand) == 10 * (105 - 111)
    assert withdraw(hand, "k", 1) is Code.MARK_NOT_TRUSTED
    for _ in range(2):
        hand.price(400)
    assert gained(hand) == 10 * (400 - 111)


@pytest.mark.parametrize(("price", "gain"), [(100, -110), (111, 0), (400, 2890)])
def test_governance_can_settle_at_another_price(price: int, gain: int) -> None:
    """11, 17.4: what was done with JELLY. At the attacker's entry, 100, the pool keeps all the 110 of `j`."""
    hand = squeezed(10, 400)
    assert hand.send(inputs.Settlement, instrument="L", price=str(price)) is None
    assert gained(hand) == gain
    assert hand.cash("@backstop") == [2000 - gain]


def left_to_the_pool(**listing: Any) -> tuple[int, int]:
    """A long of 60 with 3000 takes out what is free and waits for its liquidation, at 88: what it has then in all, and
    the lots of the pool.
    """
    market = {"half_spread_ticks": 1, "impact": "10", "depth_lots": 4}
    hand = Hand(listing={**market, "backstop_limit": "100", "position_limit": "100", **listing})
    hand.deposit({"w": 3000, "z": 90_000, "@backstop": 90_000})
    hand.trade("w", "z", 60)
    equity, im, _ = hand.statement("w")
    if equity > im:
        assert withdraw(hand, "w", equity - im) is None
    hand.price(88)
    return worth(hand, "w"), hand.lots().get(("@backstop", "L"), 0)


def test_who_is_too_large_for_the_market_leaves_through_the_pool() -> None:
    """Hyperliquid, 12 March 2025: a long of some 160,000 ETH took its winnings out, so that the vault had to take it
    over and lost about 4 million dollars. To sell 60 at 88 costs a spread of 60 and F(60) = ceil(10 sqrt(60^3 / 4)) =
    2324; left to the pool, it costs at most what was left under it, 480, and the pool bears the rest when it sells.

    Margin that counts size stops it (4, 17.17): with 0.6 % more for each lot, MM is about what selling costs. Nothing
    is free then, and what it must close at 88 finds a market.
    """
    sold = 3000 - 720 - 60 - 2324
    left, lots = left_to_the_pool()
    assert left == sold + 1906 >= 3000 - 720 - 480
    assert lots > 50
    assert left_to_the_pool(rate_per_unit="0.006")[1] == 0


def pumped(loses: bool, operator: int, **asset: Any) -> tuple[int, int]:
    """`w` holds 100 coins, whose mark is pushed from 1 to 10 and falls back at the end. It loses 400 to its friend `x`
    by 10 lots while that lasts, or not. What the two have in the end, and the operator's cash.
    """
    hand = Hand(listing=WIDE)
    hand.asset("C", mark="1", **asset)
    hand.send(inputs.Price, asset="C", mark="1")
    hand.deposit({"x": 1000, "@operator": operator})
    hand.send(inputs.Deposit, account="w", asset="C", amount="100")
    hand.send(inputs.Price, asset="C", mark="10")
    if loses:
        hand.trade("w", "x", 10)
        hand.price(60)
        hand.trade("x", "w", 10, 60)
    hand.send(inputs.Price, asset="C", mark="1")
    hand.wait(60_000)
    return worth(hand, "w", "x"), *hand.cash("@operator")


def test_collateral_at_a_pumped_mark_is_sold_to_the_operator() -> None:
    """NOT STOPPED (7, 16.7, 17.11): 400 owed take 45 coins at 9, the mark less haircut, that are worth 0.9 soon after:
    405 less 41, out of the operator. (Mango Markets, October 2022, lent against a coin whose mark had been pushed up
    more than twentyfold.) What bounds it is the operator's cash; a band holds the mark that was pushed, and then the
    operator pays 90 for what is worth 90.
    """
    honest, attacked = pumped(loses=False, operator=5000), pumped(loses=True, operator=5000)
    assert (attacked[0] - honest[0], attacked[1]) == (405 - 41, 5000 - 405)
    assert pumped(loses=True, operator=300)[1] >= 0
    assert pumped(loses=True, operator=5000, band_ppm=100_000)[1] == 5000 - 90
