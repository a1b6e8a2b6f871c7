"""RULEBOOK 6.7, 17.22: deleveraging as a layer of a book written by hand; the money is worked out in the comments."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from engine.clearing import allocating
from engine.clearing.rounds import union
from schemas.codes import Code
from schemas.governed import LayerMessage, WaterfallMessage
from schemas.journal import Answer
from schemas.rows import Batch
from tests.hand_venue import RULE, UNCOVERED, Hand, two_positions

ADL: dict[str, Any] = {"id": "adl", "kind": "deleveraging", "rank": 5}
INSURANCE = LayerMessage(id="ins", kind="insurance", rank=1)


def venue(*layers: LayerMessage, shards: int = 2, **said: Any) -> Hand:
    """`a` is long 10 at 100 with 110, MM 10 %; `b`, `c`, `d` are short 5, 3, 2; nothing trades in the market."""
    hand = Hand(
        LayerMessage(**{**ADL, **said}), *layers, shards=shards, listing={"half_spread_ticks": 1000}, window_ms=0,
        max_close_ms=10**6,
    )  # fmt: skip
    hand.deposit({"a": 110, "b": 400, "c": 60, "d": 400})
    for name, lots in (("b", 5), ("c", 3), ("d", 2)):
        hand.trade("a", name, lots)
    return hand


def given(hand: Hand) -> dict[str, tuple[int, int]]:
    """Lots and cash of who gave lots."""
    return {one["account"]: (one["lots"], one["cash_units"]) for one in hand.told("position-offset")}


def test_a_solvent_position_goes_at_bankruptcy_by_score() -> None:
    """At 95 equity is 60, MM 95: all 10 lots leave at B = 950 - 60 = 890, 89 a lot, the gain of 6 a lot to the shorts.

    Scores `(100 / 95) N / E`: b 475 / 425, c 285 / 75, d 190 / 410: c, then b, then d. Nobody is left with anything.
    """
    hand = venue()
    hand.price(95)
    assert [one["cash_units"] for one in hand.told("position-deleveraged")] == [890]
    assert given(hand) == {"b": (5, -445), "c": (3, -267), "d": (2, -178)}
    assert hand.cash("a", "b") == [0, 400 + 500 - 445]
    assert not hand.told("position-torn-up")
    assert not hand.told("loss-allocated")
    (told,) = hand.told("deleveraging-allocated")
    assert [share["score_ppm"] for share in told["draws"][0]["shares"]] == [1_176_470, 4_000_000, 487_804]
    assert [told[name] for name in ("layer", "price", "draw", "score")] == ["adl", "reserve", "queue", "hyperliquid"]


def test_a_queue_stops_where_the_lots_are_gone() -> None:
    """A backstop takes 6 at 89 first; of the other 4 c gives 3 and b one; pro rata all would have given."""
    hand = venue()
    hand.deposit({"@backstop": 1000})
    hand.list("L", version=2, half_spread_ticks=1000, backstop_limit="6")
    hand.price(95)
    assert given(hand) == {"b": (1, -89), "c": (3, -267)}
    (told,) = hand.told("deleveraging-allocated")
    assert told["otherwise_lots"]["pro_rata"] == {"b": 2, "c": 1, "d": 1}
    assert told["otherwise_lots"].keys() == {"pro_rata", "capped_pro_rata", "risk_aware"}


def test_pro_rata_tells_its_level() -> None:
    """The same 4 lots over 5, 3 and 2 of 10: level 4 / 10, so 2, 1.2 and 0.8, and d has the larger remainder."""
    hand = venue(draw="pro_rata")
    hand.deposit({"@backstop": 1000})
    hand.list("L", version=2, half_spread_ticks=1000, backstop_limit="6")
    hand.price(95)
    (told,) = hand.told("deleveraging-allocated")
    names = ("rule", "amount_lots", "total_weight", "level", "level_weight")
    assert [told["draws"][0][name] for name in names] == ["pro_rata", 4, 10, 4, 10]
    assert {one["account"]: one["lots"] for one in told["draws"][0]["shares"]} == {"b": 2, "c": 1, "d": 1}


@pytest.mark.parametrize("shards", [1, 3])
def test_below_zero_the_counterparties_bear_what_no_layer_before_pays(shards: int) -> None:
    """At 85 equity is -40: all leave at 89, 4 above the mark, so nothing is left of the hole for the fund behind."""
    hand = venue(LayerMessage(id="ins", kind="insurance", rank=9), shards=shards)
    hand.deposit({"@insurance/B": 1000})
    hand.price(85)
    assert given(hand) == {"b": (5, -445), "c": (3, -267), "d": (2, -178)}
    assert hand.cash("a", "@insurance/B") == [0, 1000]
    assert not hand.told("default-declared")


def test_what_the_layers_before_can_pay_goes_at_the_mark() -> None:
    """A fund of 25 before it: 6 lots lose 24 at the mark, 85 each, c and b meet them; the other 4 go at 89.

    The account owes 110 - 1000 + 510 + 356 = -24, which the fund pays.
    """
    hand = venue(INSURANCE)
    hand.deposit({"@insurance/B": 25})
    hand.price(85)
    assert [(one["lots"], one["cash_units"]) for one in hand.told("position-deleveraged")] == [(-6, 510), (-4, 356)]
    met = [(one["account"], one["lots"], one["cash_units"]) for one in hand.told("position-offset")]
    assert met == [("b", 3, -255), ("c", 3, -255), ("b", 2, -178), ("d", 2, -178)]
    assert hand.cash("a", "@insurance/B") == [0, 1]
    assert [one["shortfall_units"] for one in hand.told("default-declared")] == [24]


def test_what_is_reserved_is_not_promised_twice() -> None:
    """Two holes of 40 at once, and 25 in the fund: the first reserves 24, the second has 1, so all of it goes at 89."""
    hand = venue(INSURANCE)
    hand.deposit({"a2": 110, "e": 4000, "@insurance/B": 25})
    hand.trade("a2", "e", 10)
    hand.price(85)
    left = [(one["account"], one["lots"], one["cash_units"]) for one in hand.told("position-deleveraged")]
    assert left == [("a", -6, 510), ("a", -4, 356), ("a2", -10, 890)]
    assert hand.cash("a", "a2", "@insurance/B") == [0, 0, 1]


CALLED: dict[str, Any] = {"multiple_ppm": 10**6, "call_ms": 10, "period_days": 1, "period_months": 1}
NO_MONEY = [
    {"kind": "assessment", **CALLED},
    {"kind": "gains_haircut"},
    {"kind": "equity_haircut"},
    {"kind": "open_interest_charge", "instrument": "L"},
]


@pytest.mark.parametrize("said", NO_MONEY)
def test_a_claim_or_a_charge_before_it_pays_nothing_yet(said: dict[str, Any]) -> None:
    """Whatever b, c and d could be called for or charged: nothing is left at the mark, all 10 lots go at 89."""
    hand = venue(LayerMessage(id="before", rank=1, **said))
    hand.contribute({"b": 500, "d": 500})
    hand.price(85)
    assert [(one["lots"], one["cash_units"]) for one in hand.told("position-deleveraged")] == [(-10, 890)]


MONEY: list[tuple[dict[str, Any], dict[str, object], dict[str, object]]] = [
    ({"kind": "insurance", "premium_ppm": 250_000}, {"@insurance/B": 31}, {}),
    ({"kind": "guarantee_fund", "member_cap": "12"}, {}, {"b": 50, "d": 50}),
    ({"kind": "operator", "valid_to_ms": 1_000_001}, {"@operator/before": 24}, {}),
]


@pytest.mark.parametrize(("said", "funds", "parts"), MONEY)
def test_money_before_it_counts_as_its_layer_may_draw_it(
    said: dict[str, Any], funds: dict[str, object], parts: dict[str, object]
) -> None:
    """31 at a premium of 25 % cover 24; 12 of each of two members are 24; a layer still there: 6 lots, as above."""
    hand = venue(LayerMessage(id="before", rank=1, **said))
    hand.deposit(funds)
    hand.contribute(parts)
    hand.price(85)
    assert [(one["lots"], one["cash_units"]) for one in hand.told("position-deleveraged")] == [(-6, 510), (-4, 356)]


def test_it_is_there_from_its_time_until_its_end() -> None:
    """No window is open: what one that opened now would have. Outside that time all is torn up."""
    for more in ({"valid_from_ms": 1_000_001}, {"valid_to_ms": 1_000_000}):
        hand = venue(**more)
        hand.price(95)
        assert hand.told("position-torn-up"), more
        assert not hand.told("position-deleveraged")
    hand = venue(valid_from_ms=1_000_001, valid_to_ms=1_000_002)
    hand.now += 1
    hand.price(95)
    assert len(hand.told("position-deleveraged")) == 1


def test_answers_say_candidates_where_they_were_asked() -> None:
    """A journal of a venue without deleveraging has no word of it."""
    plain = Answer(book="B", seq=1, round=1, attempt=0)
    asked = replace(plain, candidates=[])
    assert union([plain, plain]).candidates is UNSET
    assert union([asked, asked]).candidates == []


def test_what_caps_refuse_is_torn_up_at_the_mark() -> None:
    """Half a position each at most: 2, 1 and 1 at 89; the other 6 meet the same accounts at 95, and 36 is won."""
    hand = venue(draw="capped_pro_rata", most_ppm=500_000)
    hand.price(95)
    assert given(hand) == {"b": (2, -178), "c": (1, -89), "d": (1, -89)}
    placed = [(one["account"], one["lots"], one["cash_units"]) for one in hand.told("position-placed")]
    assert placed == [("b", 3, -285), ("c", 2, -190), ("d", 1, -95)]
    assert hand.cash("@insurance/B", "@liquidation") == [36, 0]


def test_accounts_in_liquidation_give_first() -> None:
    """c, long 5 of M too, has its own order at the venue when a's runs out of time: it gives before b, who has a profit
    where c has none.
    """
    hand = Hand(LayerMessage(**ADL), execution="venue", order_ms=1_000, max_close_ms=10**6)
    hand.list("M")
    hand.price(100, "M")
    hand.deposit({"a": 110, "b": 400, "c": 120, "e": 4000})
    hand.trade("a", "b", 7)
    hand.trade("a", "c", 3, 94)
    hand.trade("c", "e", 5, instrument="M")
    hand.price(94)
    hand.now += 500
    hand.price(90, "M")
    hand.wait(500)
    told = hand.told("deleveraging-allocated")[0]
    assert told["account"] == "a"
    assert [(draw["tier"], [share["account"] for share in draw["shares"]]) for draw in told["draws"]] == [
        (1, ["c"]),
        (2, ["b"]),
    ]
    assert hand.lots().get(("c", "L")) is None


def test_what_was_granted_and_did_not_move_is_next() -> None:
    """17.22: of 10 short lots granted after 3, 4 moved: the other 6 are first again, unless the round moved nothing."""
    state = Hand().run.clearing.state
    granted = Batch("a", "L", -10, 890, 10, 3, "adl", 1, "mark", "queue", "hyperliquid", 0, 1)
    later = replace(granted, account="z")
    for moved, batches in ((4, [replace(granted, lots=-6, first=7), later]), (0, [later]), (10, [later])):
        state.batches, state.giving, state.given = [later], granted, moved
        allocating.finish(state)
        assert (state.batches, state.giving, state.given) == (batches, None, 0)


PRICES = [("mark", {}, 950), ("blend", {}, 910), ("bankruptcy", {}, 890), ("band", {"band_ppm": 63_157}, 950),
          ("band", {"band_ppm": 63_158}, 890)]  # fmt: skip


@pytest.mark.parametrize(("rule", "more", "paid"), PRICES)
def test_each_price(rule: str, more: dict[str, int], paid: int) -> None:
    """V = 950, B = 890: (2 * 890 + 950) / 3 = 910; B is 60 of 950 away, 6.3157 %."""
    hand = venue(price=rule, **more)
    hand.price(95)
    assert [one["cash_units"] for one in hand.told("position-deleveraged")] == [paid]
    assert sum(cash for _, cash in given(hand).values()) == -paid


BAD = [
    [{**ADL, "cap": "5"}],
    [{**ADL, "scope": "x"}],
    [{**ADL, "member_cap": "5"}],
    [ADL, {**ADL, "id": "again", "rank": 6}],
    [{"id": "ins", "kind": "insurance", "rank": 1, "price": "mark"}],
]


@pytest.mark.parametrize("said", BAD)
def test_a_ladder_that_makes_no_sense_is_refused(said: list[dict[str, Any]]) -> None:
    """One layer of deleveraging, no cap and no scope, and its words for no other."""
    hand = Hand()
    layers = [*(LayerMessage(**one) for one in said), UNCOVERED]
    assert hand.send(WaterfallMessage, layers=layers, **{**RULE, "version": 2}) is Code.BAD_WATERFALL


@pytest.mark.parametrize(
    ("share", "b"), [({}, 903), ({"bankruptcy_share": "pro_rata"}, 903), ({"bankruptcy_share": "whole"}, 810)]
)
def test_the_share_of_equity_that_a_position_bears(share: dict[str, Any], b: int) -> None:
    """15.2: equity 190, MM 94 + 100: M is worth 1000, and bears 190 * 100 / 194 of it, or all."""
    hand = two_positions(**share)
    hand.price(94)
    assert [(one["instrument"], one["bankruptcy_units"]) for one in hand.told("liquidation-ordered")] == [("M", b)]
