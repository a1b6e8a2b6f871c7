"""RULEBOOK 17.11: collateral sales are announced to the venue under an id, and filled under it."""

from __future__ import annotations

from engine.shard.state import place
from schemas import inputs
from tests.hand_venue import Hand


def selling(**funds: object) -> Hand:
    """Account a is torn up at 80 with cash -100 and 10 coins worth 9 each after their haircut; sales wait a second."""
    hand = Hand(listing={"half_spread_ticks": 1}, sale_ms=1000)
    hand.asset("C")
    assert hand.send(inputs.Price, asset="C", mark="10") is None
    hand.deposit({"a": 100, "b": 500, **funds})
    assert hand.send(inputs.Deposit, account="a", amount="10", asset="C") is None
    hand.trade("a", "b", 10)
    hand.price(80)
    return hand


def test_what_just_suffices_leaves_the_rest() -> None:
    """The least amount with `floor(value) >= -cash`, also where all of it is worth no more in whole units.

    9 coins at 10 with a haircut of 95 % are worth floor(4.5) = 4, like 8 of them: with cash -4, 8 are for sale.
    """
    hand = Hand(listing={"half_spread_ticks": 1}, sale_ms=1000)
    hand.asset("C", haircut_ppm=950_000)
    assert hand.send(inputs.Price, asset="C", mark="10") is None
    hand.deposit({"a": 196, "b": 500})
    assert hand.send(inputs.Deposit, account="a", amount="9", asset="C") is None
    hand.trade("a", "b", 10)
    hand.price(80)
    assert [offer["lots"] for offer in hand.told("collateral-offered")] == [8]


def test_the_venue_is_told_what_is_for_sale() -> None:
    """Under the id its fills must carry, with all that is needed, before `@operator` has bought what it can."""
    hand = selling(**{"@operator": 50})
    [offer] = hand.told("collateral-offered")
    assert (offer["sale_id"], offer["asset"], offer["lots"], offer["mark_ticks"]) == ("B/a/1", "C", 10, 10)
    assert offer["deadline_ms"] == hand.now + 1000
    assert offer["subject"] == "B/a/1"
    kinds = [kind for kind in hand.kinds() if kind.startswith("collateral")]
    assert kinds == ["collateral-offered", "collateral-sold"]
    assert [sold["lots"] for sold in hand.told("collateral-sold")] == [5]  # 50 buy 5 coins for 45


def test_fills_under_the_id_end_the_sale_and_the_next_has_another() -> None:
    """What is filled is no longer for sale; a later debt is a new sale with a new number."""
    hand = selling(c=1000)
    # all 10 coins are for sale at 9; c takes 7 at 20 under the id: cash -100 + 140, so the sale has no reason left
    assert hand.trade("c", "a", 7, 20, instrument="C", liquidation_id="B/a/1") is None
    hand.wait(1000)
    assert hand.cash("a") == [40]
    assert hand.lots()["a", "C"] == 3
    # 12 lots bought at 100 with the mark at 80 lose 240 and are torn up: cash -200, and the 3 coins go on sale
    hand.trade("a", "b", 12, 100)
    assert [offer["sale_id"] for offer in hand.told("collateral-offered")] == ["B/a/1", "B/a/2"]
    assert hand.trade("c", "a", 3, 9, instrument="C", liquidation_id="B/a/1") is None  # over: it fills nothing
    assert [offer["lots"] for offer in hand.told("collateral-offered")] == [10, 3]


def test_a_fill_of_a_sale_is_told_with_who_bought_for_how_much() -> None:
    """Part by part, like what `@operator` buys; the money is the trade's."""
    hand = selling(c=1000)
    for lots, price in ((4, 20), (3, 5)):
        assert hand.trade("c", "a", lots, price, instrument="C", liquidation_id="B/a/1") is None
    told = [(one["account"], one["sale"], one["asset"], one["lots"], one["buyer"], one["pay_units"])
            for one in hand.told("collateral-sold")]  # fmt: skip
    assert told == [("a", 1, "C", 4, "c", 80), ("a", 1, "C", 3, "c", 15)]


def test_only_its_asset_fills_a_sale() -> None:
    """Another asset, or a contract, traded under the sale's id is a trade like others (17.11)."""
    hand = selling(c=1000)
    hand.asset("D")
    assert hand.trade("c", "a", 10, 1, instrument="D", liquidation_id="B/a/1") is None
    state = hand.run.shards[place("a", len(hand.run.shards))].state
    assert state.sales[state.accounts.row_of["a"]].lots == 10  # of C, as before
    assert hand.trade("c", "a", 1, 80, liquidation_id="B/a/1") is None
    assert hand.told("collateral-sold") == []
