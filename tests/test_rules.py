"""The engine against numbers worked out by hand, chapter by chapter of the rulebook; each comment is the computation.

Unless a test says otherwise: one unit is one dollar, L is linear with V = q p, MM 10 %, IM 20 %, no costs, mark 100.
"""

from __future__ import annotations

from typing import Any

from engine.execution import bankruptcy_cash
from schemas import governed, inputs
from schemas.codes import Code
from schemas.governed import LayerMessage
from streams.tally import Tally
from tests.hand_venue import RULE, UNCOVERED, Hand

NARROW: dict[str, Any] = {"half_spread_ticks": 1}  # what is below zero cannot be sold inside the mark: it is torn up


def layer(id: str, kind: Any, rank: int, **more: Any) -> LayerMessage:
    return LayerMessage(id=id, kind=kind, rank=rank, **more)


# 3, 4: value and flows


def test_an_inverse_liquidation_to_the_satoshi() -> None:
    """XBTUSD: 1 dollar a contract, tick 0.5, so face = 1 * 10^8 / 0.5 = 2 * 10^8."""
    hand = Hand(decimals=8, liquidation_fee_ppm=750)
    hand.list(
        "X", kind="inverse", tick="0.5", mark="8000", max_price="1000000", min_price="100", position_limit="1000000"
    )
    hand.price(8000, "X")
    hand.deposit({"a": "0.30"})
    # 10000 long at 8000 = 16000 ticks: v = -10^4 * 2 * 10^8 / 16000 = -125000000: cash 30000000 + 125000000
    hand.trade("a", "@market", 10_000, 8000, instrument="X")
    assert hand.cash("a") == [155_000_000]
    # at 7000: V = -142857142.86, floor -142857143, N 142857143: equity 12142857, MM ceil(N / 10) = 14285715: triggered.
    # k: 12142857 - fee >= MM after. Without fee (10000 - k) * 1428.571 <= 12142857: k >= 1500. With k = 1508: fee
    # = ceil(750 * 21542858 / 10^6) = 16158, left 12126699 >= ceil(121314286 / 10) = 12131429? no. 1512: fee
    # ceil(750 * 21600000 / 10^6) = 16200, left 12126657 >= ceil(121257143 / 10) = 12125715: yes. 1511: fee
    # ceil(750 * 21585715 / 10^6) = 16190, left 12126667 < ceil(121271429 / 10) = 12127143.
    hand.price(7000, "X")
    assert hand.lots()["a", "X"] == 10_000 - 1512
    # 1512 contracts at 14000 ticks are 21600000 exactly; the short side that closes the long pays them
    assert hand.cash("a", "@insurance/B") == [155_000_000 - 21_600_000 - 16_200, 16_200]
    assert hand.status()["a"] == "healthy"


def test_funding_rounds_to_rounding() -> None:
    """Payers round up, receivers down, the rest is @rounding's; it is summed over shards."""
    hand = Hand()
    hand.deposit({"a": 900, "b": 900, "c": 900})
    hand.trade("a", "b", 3)
    hand.trade("c", "b", 2)
    # 0.7 a lot: a pays ceil(2.1) = 3, c ceil(1.4) = 2, b gets floor(3.5) = 3; 2 are left
    hand.send(inputs.Funding, instrument="L", index="700000")
    assert hand.cash("a", "b", "c", "@rounding") == [600 - 3, 1400 + 3, 700 - 2, 2]
    # back to 0.2: -0.5 a lot: a gets floor(1.5), c 1, b pays ceil(2.5) = 3: 3 - 1 - 1 = 1 more
    hand.send(inputs.Funding, instrument="L", index="200000")
    assert hand.cash("a", "b", "c", "@rounding") == [598, 1400, 699, 3]


def test_a_dated_contract_settles() -> None:
    """Each holder gets V(q, price), truncated; the negative sum is @rounding's, and the contract is over."""
    hand = Hand()
    hand.list("D", contract_value="0.3", expiry_ms=hand.now + 10)
    hand.price(100, "D")
    hand.deposit({"a": 900, "b": 900, "c": 900})
    # one lot at 101 is 30.3: a pays 60 for 2 to b (60.6), c 30 for 1
    hand.trade("a", "b", 2, 101, instrument="D")
    hand.trade("c", "b", 1, 101, instrument="D")
    assert hand.cash("a", "b", "c") == [840, 990, 870]
    hand.now += 11
    assert hand.trade("a", "b", 1, 101, instrument="D") is Code.INSTRUMENT_SETTLED  # expired
    # at 105 a lot is 31.5: a gets 63, c 31 (31.5), b pays 94 (94.5): -(63 + 31 - 94) = 0 to @rounding
    hand.send(inputs.Settlement, instrument="D", price="105")
    assert hand.cash("a", "b", "c", "@rounding") == [903, 896, 901, 0]
    assert hand.lots() == {}
    assert hand.price(105, "D") is Code.INSTRUMENT_SETTLED


def test_an_entry_value_follows_a_flip() -> None:
    """Average cost; the closed part truncated; a flip opens with the rest of v."""
    hand = Hand()
    hand.deposit({"a": 9000})
    hand.trade("a", "@market", 3, 100)
    hand.trade("a", "@market", 4, 103)
    assert hand.entry() == {("a", "L"): 712}
    hand.trade("@market", "a", 2, 110)  # 712 * 2 / 7 = 203.4 go
    assert hand.entry() == {("a", "L"): 712 - 203}
    hand.trade("@market", "a", 9, 110)  # closes 5 and opens 4 short: -990 + floor(990 * 5 / 9)
    assert hand.entry() == {("a", "L"): -990 + 550}


# 5: life of an account


def test_a_call_is_met() -> None:
    """Below IM a call for what lacks; met by money before its deadline."""
    hand = Hand(call_ms=1000)
    hand.deposit({"a": 150})
    hand.trade("a", "@market", 10)  # equity 150, IM 200, MM 100
    [call] = hand.told("margin-called")
    assert (call["call_units"], call["deadline_ms"]) == (50, hand.now + 1000)
    hand.now += 999
    hand.deposit({"a": 50})
    assert (hand.status()["a"], hand.kinds()[-1]) == ("healthy", "margin-call-met")


def test_a_call_is_missed() -> None:
    """At its deadline; the liquidation then aims at IM and not at MM."""
    hand = Hand(call_ms=1000)
    hand.deposit({"a": 150})
    hand.trade("a", "@market", 10)
    hand.wait(999)
    assert hand.status()["a"] == "margin_called"
    hand.wait(1)
    # 150 >= IM after = 20 (10 - k): k = 3 (140)
    assert "margin-call-missed" in hand.kinds()
    assert hand.lots()["a", "L"] == 7
    assert (hand.status()["a"], hand.statement("a")) == ("healthy", (150, 140, 70))


# 6: liquidation


def test_a_partial_liquidation_stops_at_its_level() -> None:
    """Stop at 1.5 MM, half a spread of 1, fee 1 %: the least lots that leave 1.5 MM after their cost."""
    hand = Hand(stop_ppm=1_500_000, liquidation_fee_ppm=10_000, listing={"half_spread_ticks": 1})
    hand.deposit({"a": 3000})
    hand.trade("a", "@market", 100)
    # at 77: equity 3000 - 2300 = 700, MM 770. k lots cost k + ceil(0.77 k), then 1.5 * ceil(7.7 (100 - k)):
    # k = 46: 700 - 46 - 36 = 618, MM 416 -> 624, no; k = 47: 700 - 47 - 37 = 616, MM 409 -> 613.5, yes
    hand.price(77)
    assert hand.lots()["a", "L"] == 53
    assert hand.cash("a", "@insurance/B") == [3000 - 10_000 + 47 * 76 - 37, 37]
    assert hand.statement("a") == (616, 817, 409)
    assert hand.status()["a"] == "healthy"


def test_slices_of_a_bankruptcy_value_telescope() -> None:
    """B = 100 / 3 for 7 lots: each slice is the difference of ceilings, and all are ceil(B)."""
    # ceil(100 k / 21) = 5, 10, 15, 20, 24, 29, 34
    assert [bankruptcy_cash(100, 3, 7, 1, first) for first in range(7)] == [5, 5, 5, 5, 4, 5, 5]
    assert [bankruptcy_cash(100, 3, 7, 3), bankruptcy_cash(100, 3, 7, 4, 3)] == [15, 19]
    # a short pays: ceil(-100 k / 21) = -4, -9, -14, -19, -23, -28, -33
    assert [bankruptcy_cash(-100, 3, -7, 1, first) for first in range(7)] == [-4, -5, -5, -5, -4, -5, -5]


def test_the_backstop_takes_over_what_it_can() -> None:
    """At bankruptcy value up to its limit; the rest is torn up at the mark and placed."""
    hand = Hand(listing={"half_spread_ticks": 50, "backstop_limit": "6"})
    hand.deposit({"a": 300, "b": 5000, "@backstop": 1000})
    hand.trade("a", "b", 10)
    # at 75: equity 50 < MM 75. The market pays 25 a lot, the limit is B / 10 = (750 - 50) / 10 = 70: nothing.
    # The pool takes 6 for 420; 4 are torn up at 75 = 300, and b closes 4 of its short. a keeps 50 - 6 * 5 = 20.
    hand.price(75)
    assert hand.cash("a", "b", "@backstop") == [20, 5000 + 1000 - 300, 1000 - 420]
    assert hand.lots() == {("@backstop", "L"): 6, ("b", "L"): -6}


def test_a_tear_up_is_placed_pro_rata() -> None:
    """Opposite holders by lots, largest remainder; @market only for what is left."""
    hand = Hand(listing=NARROW)
    hand.deposit({"a": 190, "b": 5000, "c": 5000, "d": 5000, "e": 5000})
    hand.trade("a", "b", 7)
    hand.trade("a", "c", 3)
    hand.trade("e", "c", 2)
    hand.trade("e", "d", 3)
    hand.trade("e", "@market", 5)
    # at 80 a has 190 - 200 = -10: torn up. Shorts b 7, c 5, d 3 for 10 lots: 4.67, 3.33, 2: b gets the missing one
    hand.price(80)
    assert [(one["account"], one["lots"]) for one in hand.told("position-placed")] == [("b", 5), ("c", 3), ("d", 2)]
    assert hand.lots() == {("b", "L"): -2, ("c", "L"): -2, ("d", "L"): -1, ("e", "L"): 10, ("@market", "L"): -5}
    assert hand.cash("@uncovered") == [-10]


def test_a_mark_is_held_until_it_agrees_or_time_passes() -> None:
    """Beyond 5 %: held, worth nothing, trusted by nobody; accepted by two that agree, or after 500 ms."""
    hand = Hand(listing={"band_ppm": 50_000, "agree_ticks": 2, "hold_ms": 500})
    hand.deposit({"a": 1000})
    hand.trade("a", "@market", 1)
    hand.price(120)
    assert hand.statement("a")[0] == 1000
    assert hand.send(inputs.Withdrawal, account="a", amount="1") is Code.MARK_NOT_TRUSTED
    hand.price(127)  # 5 % of 120 are 6: another opinion, the list starts anew
    assert hand.statement("a")[0] == 1000
    hand.price(131)  # within 6.35 of 127
    assert hand.statement("a")[0] == 1031
    hand.price(200)
    hand.wait(499)
    assert hand.statement("a")[0] == 1031
    hand.wait(1)
    assert hand.statement("a")[0] == 1100
    assert [one["price_ticks"] for one in hand.told("mark-accepted-late")] == [200]


def test_a_mark_that_stays_stale_asks_for_a_settlement_price_once() -> None:
    """17.14: later than `max_stale_ms` after the last tick, at the first entry; again only after another tick."""
    hand = Hand(listing={"max_stale_ms": 500})
    hand.list("M", max_stale_ms=900)  # never a tick: from its listing on
    hand.wait(500)
    assert hand.told("settlement-due") == []
    hand.wait(1)
    [due] = hand.told("settlement-due")
    assert (due["instrument"], due["mark_ticks"], hand.now - due["since_ms"]) == ("L", 100, 501)
    hand.wait(400)
    assert [one["instrument"] for one in hand.told("settlement-due")] == ["L", "M"]
    hand.price(101)
    assert hand.send(inputs.Settlement, instrument="M", price="100") is None
    hand.wait(501)
    assert [one["instrument"] for one in hand.told("settlement-due")] == ["L", "M", "L"]
    assert hand.send(inputs.Settlement, instrument="L", price="100") is None
    hand.wait(10_000)
    assert len(hand.told("settlement-due")) == 3


def test_the_timer_of_a_call_that_was_met_wakes_nobody() -> None:
    """17.2: only who has a call due is looked at before the input's effect; what it does next, in the check after it.

    Two calls of one moment have one deadline, so the first one's timer goes off where the second is missed.
    """
    hand = Hand(execution="venue", call_ms=500)
    hand.deposit({"a": 300, "b": 5000})
    hand.trade("a", "b", 10)
    hand.price(85)  # equity 150 < IM 170
    hand.deposit({"a": 20})
    hand.price(82)  # equity 140 < IM 164
    assert [one["deadline_ms"] for one in hand.told("margin-called")] == [hand.now + 500] * 2
    hand.now += 500
    hand.price(81)  # missed with equity 140 at 82; at 81 it is 130: k = 2 has 130 >= ceil(16.2 * 8) = 130
    [order] = hand.told("liquidation-ordered")
    assert (order["mark_ticks"], order["lots"]) == (81, -2)


def test_a_venue_order_fills_in_part_and_runs_out_of_time() -> None:
    """The limit is the bankruptcy price; what is left at the deadline goes to the exits."""
    hand = Hand(execution="venue", order_ms=1000)
    hand.deposit({"a": 300, "b": 5000})
    hand.trade("a", "b", 10)
    # at 75: equity 50, MM 75: 50 >= ceil(7.5 (10 - k)) from k = 4 (45). B = 700: limit 70
    hand.price(75)
    [order] = hand.told("liquidation-ordered")
    assert (order["liquidation_id"], order["lots"], order["limit_ticks"]) == ("B/a/1/1", -4, 70)
    hand.trade("@market", "a", 1, 72, liquidation_id="B/a/1/1")  # equity 47
    hand.wait(999)
    assert hand.lots()["a", "L"] == 9
    hand.wait(1)
    # 9 lots, equity 47 < MM 68: no pool, so all 9 are torn up at 75 and b closes 9 of its 10
    assert hand.cash("a", "b", "@market") == [47, 5000 + 1000 - 675, -72]
    assert hand.lots() == {("b", "L"): -1, ("@market", "L"): 1}


def test_fills_at_the_venue_are_told_with_their_fees() -> None:
    """17.9: each with its order, lots, cash, price, fee and what is left; the summary counts them as closed."""
    hand = Hand(execution="venue", order_ms=1000, liquidation_fee_ppm=20_000)
    hand.deposit({"a": 300, "b": 5000})
    hand.trade("a", "b", 10)
    # at 75: equity 50, MM 75: 50 - ceil(1.5 k) >= ceil(7.5 (10 - k)): k = 4 has 44 < 45, k = 5 has 42 >= 38
    hand.price(75)
    for lots, price in ((2, 75), (4, 74)):  # more than the 3 that are left
        assert hand.trade("@market", "a", lots, price, liquidation_id="B/a/1/1") is None
    told = [
        [one[name] for name in ("subject", "liquidation_id", "lots", "cash_units", "price_ticks", "fee_units")]
        + [one["unfilled_lots"]]
        for one in hand.told("liquidation-order-filled")
    ]
    # 2 % of 150; of 300, from equity 47 - 4
    assert told == [["B/a/1/1/2", "B/a/1/1", -2, 150, 75, 3, 3], ["B/a/1/1/6", "B/a/1/1", -4, 296, 74, 6, 0]]
    assert hand.cash("@insurance/B") == [9]
    tally = Tally()
    for event in hand.events:
        tally.add(event)
    assert (tally.fees_units, tally.lots["closed"]["L"]) == (9, 6)


# 7, 8: holes, defaults, the waterfall


def test_a_default_goes_down_the_layers() -> None:
    """By rank; operator and insurance share one rank pro rata to capacity; the fund pro rata to contribution."""
    layers = [
        layer("own", "defaulter_contribution", 1), layer("junior", "operator", 2, cap="12"),
        layer("fund", "insurance", 2), layer("mutual", "guarantee_fund", 3),
    ]  # fmt: skip
    hand = Hand(*layers, listing=NARROW)
    hand.deposit({"a": 140, "b": 5000, "@operator/junior": 30, "@insurance/B": 8})
    hand.contribute({"a": 10, "b": 31, "c": 10})
    hand.trade("a", "b", 10)
    # at 80: 140 - 200 = -60. Own 10. Rank 2 holds 12 and 8: both in full, 30 are left: 30 * 31 / 41 = 22.7 and 7.3
    hand.price(80)
    [loss] = hand.told("loss-allocated")
    drawn = {one["layer"]: one["drawn_units"] for one in loss["layers"]}
    assert drawn == {"own": 10, "junior": 12, "fund": 8, "mutual": 30, "end": 0}
    assert hand.cash("@operator/junior", "@insurance/B", "@guarantee/b", "@guarantee/c") == [18, 0, 31 - 23, 10 - 7]
    assert hand.status() == {"a": "settled", "b": "healthy"}


def test_one_rank_is_drawn_pro_rata_to_capacity() -> None:
    """A loss of 7 on capacities of 12 (30 held, cap 12) and 5, not cut to the loss: 4.94 and 2.06."""
    hand = Hand(layer("junior", "operator", 1, cap="12"), layer("fund", "insurance", 1), listing=NARROW)
    hand.deposit({"a": 193, "b": 5000, "@operator/junior": 30, "@insurance/B": 5})
    hand.trade("a", "b", 10)
    hand.price(80)
    assert hand.cash("@operator/junior", "@insurance/B") == [30 - 5, 5 - 2]


def test_gains_are_cut_and_split_over_accounts() -> None:
    """Winners by gain netted per member; a member's charge over its accounts by equity; the rest is uncovered."""
    hand = Hand(layer("gains", "gains_haircut", 1, cap="40"), listing=NARROW)
    hand.deposit({"a": 150, "b": 300, "b/2": 700, "c": 500})
    hand.trade("a", "b", 6)
    hand.trade("a", "c", 4)
    # at 80 b has won 120, c 80; a lacks 50, the layer pays 40: b 24, c 16. b's equity is 420, b/2's 700:
    # 24 * 420 / 1120 = 9 and 15
    hand.price(80)
    assert hand.cash("b", "b/2", "c", "@uncovered") == [420 - 9, 700 - 15, 580 - 16, -10]


def test_a_limited_account_has_recourse_to_gains_only() -> None:
    """The member's principal stays; what it won on the other side pays first."""
    hand = Hand(listing=NARROW)
    hand.command("open_account", account="a/2", limited=True)
    hand.deposit({"a": 200, "a/2": 150, "b": 5000})
    hand.trade("a/2", "b", 9)
    hand.trade("a/2", "a", 1)
    # at 80 a/2 stands at -50; a was short 1 and won 20: they pay, 30 are uncovered
    hand.price(80)
    assert hand.cash("a", "a/2", "@uncovered") == [200, 0, -30]
    [default] = hand.told("default-declared")
    assert (default["shortfall_units"], default["recourse_units"]) == (30, {"a": 20})


def test_an_account_that_is_not_limited_has_recourse_to_free_equity() -> None:
    """The same without the limit: a's free equity pays all, and nobody defaults."""
    hand = Hand(listing=NARROW)
    hand.deposit({"a": 200, "a/2": 150, "b": 5000})
    hand.trade("a/2", "b", 9)
    hand.trade("a/2", "a", 1)
    hand.price(80)
    assert hand.cash("a", "a/2", "@uncovered") == [220 - 50, 0, 0]
    assert hand.status()["a/2"] == "healthy"


def test_a_withdrawal_waits_for_the_end_of_the_window() -> None:
    """Inside a window it is asked, stays chargeable, and is judged again at the release."""
    hand = Hand(layer("gains", "gains_haircut", 1), listing=NARROW, window_ms=1000)
    hand.deposit({"a": 150, "b": 500})
    hand.trade("a", "b", 10)
    hand.price(80)  # a lacks 50; b closed at 80 and has 500 + 200
    assert hand.send(inputs.Withdrawal, id="w1", account="b", amount="640") is None
    assert hand.send(inputs.Withdrawal, id="w2", account="b", amount="20") is None
    assert hand.cash("b") == [700]
    hand.wait(1000)
    # the window takes 50 of b's gain: 650 are left; 640 leave, then 20 are too many
    assert [one["withdrawal"] for one in hand.told("withdrawal-released")] == ["w1"]
    assert [(one["withdrawal"], one["code"]) for one in hand.told("withdrawal-refused")] == [("w2", Code.OVER_FREE)]
    assert hand.cash("b") == [10]


def test_a_new_waterfall_is_for_the_next_window() -> None:
    """The version of the opening is frozen (7)."""
    hand = Hand(layer("fund", "insurance", 1), listing=NARROW, window_ms=1000)
    hand.deposit({"a": 150, "b": 5000, "@insurance/B": 100, "@operator/op": 100})
    hand.trade("a", "b", 10)
    hand.price(80)
    later = {**RULE, "version": 2}
    hand.send(governed.WaterfallMessage, layers=[layer("op", "operator", 1), UNCOVERED], **later)
    hand.wait(1000)
    assert hand.cash("@insurance/B", "@operator/op") == [50, 100]
