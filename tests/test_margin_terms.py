"""RULEBOOK 17.17, 17.18: variants that a listing or the parameters ask for, with numbers worked out by hand.

One unit is one dollar, L is linear with V = q p, MM 10 %, IM 20 %, no costs, mark 100, unless a test says otherwise.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from schemas import governed, inputs
from schemas.codes import Code
from schemas.decode import decode
from schemas.governed import Bracket
from tests.against_twin import Pair
from tests.hand_venue import RULE, Hand
from tests.test_bounds import opened
from tests.venue_opening import Settings, instrument

CHOICES = Settings(*[0] * 10)


def listed(**terms: Any) -> governed.InstrumentMessage:
    """A second version of the random venues' LIN: position limit 60, brackets from 5 %, money with two decimals."""
    one = instrument(CHOICES, "LIN", id="again", book="usd", time_ms=0, **{**RULE, "version": 2})
    return msgspec.structs.replace(one, **terms)  # type: ignore[type-var, return-value]


def test_a_variant_that_nobody_says_is_not_written() -> None:
    """The bytes of a message are those that it had before variants were known; said, it is read back alike."""
    plain = msgspec.json.encode(listed())
    assert not any(name in plain for name in (b"margin_basis", b"closing_cost", b"rate_per_unit", b"interest"))
    assert b"takeover" not in msgspec.json.encode(governed.ParametersMessage(book="b", id="p", time_ms=0, **RULE))
    said = listed(margin_basis="entry", rate_per_unit="0.002", closing_cost_ppm=5)
    assert decode(msgspec.json.encode(said)) == said
    assert decode(msgspec.json.encode(said).replace(b'"0.002"', b"0.002")) == said  # a JSON number, read exactly


REFUSED = [
    ("a cost that takes MM above IM", {"closing_cost_ppm": 60_000}, Code.CROSSED_PARAMETERS),
    ("a cost that reaches IM", {"closing_cost_ppm": 50_000}, None),
    ("free quantity of nothing", {"free_quantity": "3"}, Code.CROSSED_PARAMETERS),
    ("a rate by size of nothing", {"rate_per_unit": "0"}, Code.NOT_POSITIVE),
    ("free quantity below zero", {"rate_per_unit": "0.001", "free_quantity": "-1"}, Code.NOT_POSITIVE),
    ("half a lot free", {"rate_per_unit": "0.001", "free_quantity": "0.5"}, Code.OFF_LOT),
    ("IM of 50 % and 60 lots: a rate above one", {"rate_per_unit": "0.0084"}, Code.CROSSED_PARAMETERS),
    ("and just one", {"rate_per_unit": "0.00625", "free_quantity": "-0"}, None),
    ("open interest beside brackets", {"interest_upper": "1"}, Code.CROSSED_PARAMETERS),
    ("caps the wrong way", {"im_brackets": [Bracket("0", 900_000)], "interest_lower": "2", "interest_upper": "2"},
     Code.CROSSED_PARAMETERS),
    ("interest without caps", {"im_brackets": [Bracket("0", 900_000)], "open_interest": "2"}, Code.CROSSED_PARAMETERS),
    ("too many digits", {"im_brackets": [Bracket("0", 900_000)], "interest_upper": "2.001"}, Code.TOO_MANY_DIGITS),
    ("caps", {"im_brackets": [Bracket("0", 900_000)], "open_interest": "1.5", "interest_upper": "2"}, None),
]  # fmt: skip


@pytest.mark.parametrize(("terms", "code"), [x[1:] for x in REFUSED], ids=[x[0] for x in REFUSED])
def test_terms_that_contradict_each_other(terms: dict[str, Any], code: Code | None) -> None:
    """Engine and twin refuse alike, and what they take leaves them agreed."""
    pair: Pair = opened()
    assert pair.feed(listed(**terms)) is code
    pair.compare()


def test_margin_on_entry_value() -> None:
    """15.1: 10 bought at 100 need 100 for MM and 200 for IM at every mark; half closed at 80, half of it."""
    hand = Hand(listing={"margin_basis": "entry"})
    hand.deposit({"a": 400, "b": 5000})
    hand.trade("a", "b", 10)
    assert hand.statement("a") == (400, 200, 100)
    hand.price(80)
    assert hand.statement("a") == (200, 200, 100)
    assert hand.statement("b") == (5200, 200, 100)
    hand.trade("b", "a", 5, 80)
    assert hand.statement("a") == (200, 100, 50)
    # 5 more at 80, of a book whose mark is 80: entry value 500 + 400
    hand.trade("a", "b", 5, 80)
    assert hand.statement("a") == (200, 180, 90)
    # equity 200 - 10 * 11 = 90 is enough, one tick less is not
    hand.price(69)
    assert hand.status()["a"] == "healthy"
    hand.price(68)
    assert [one["account"] for one in hand.told("liquidation-triggered")] == ["a"]


def test_orders_beside_entry_value() -> None:
    """17.5, 17.17: 10 held at 100, mark 120: buying 5 more counts 1000 + 600, selling 30 counts 20 at the mark."""
    hand = Hand(listing={"margin_basis": "entry"})
    hand.deposit({"a": 4000, "b": 5000})
    hand.trade("a", "b", 10)
    hand.price(120)
    orders = {"account": "a", "instrument": "L"}
    assert hand.send(inputs.OpenOrders, buys="5", sells="0", **orders) is None
    assert hand.statement("a") == (4200, 320, 100)
    assert hand.send(inputs.OpenOrders, buys="5", sells="30", **orders) is None
    assert hand.statement("a") == (4200, 480, 100)


def test_a_rate_by_size_over_a_member() -> None:
    """14.14, 17.17: 0.1 % a lot beyond 10: 30 lots at 100 need 3000 * 12 %, in one account or in two."""
    hand = Hand(listing={"rate_per_unit": "0.001", "free_quantity": "10", "position_limit": "100"})
    hand.deposit({"a": 3000, "c": 2000, "c/x": 1000, "b": 50_000})
    hand.trade("a", "b", 30)
    hand.trade("c", "b", 10)
    assert hand.statement("c") == (2000, 200, 100)
    hand.trade("c/x", "b", 20)
    assert hand.statement("a") == (3000, 660, 360)
    assert [hand.statement(one)[1:] for one in ("c", "c/x")] == [(220, 120), (440, 240)]


def test_the_cost_of_closing() -> None:
    """OKX, Gate: 10 % and 0.06 % of 1000 are 100.6, rounded up; IM stays."""
    hand = Hand(listing={"closing_cost_ppm": 600})
    hand.deposit({"a": 400, "b": 5000})
    hand.trade("a", "b", 10)
    assert hand.statement("a") == (400, 200, 101)


def test_initial_margin_by_open_interest() -> None:
    """4: half way between the caps IM is 20 % + 40 %; MM stays; what is free follows."""
    caps = {"interest_lower": "1000", "interest_upper": "3000"}
    hand = Hand(listing={"open_interest": "2000", **caps})
    hand.deposit({"a": 700, "b": 5000})
    hand.trade("a", "b", 10)
    assert hand.statement("a") == (700, 600, 100)
    hand.list("L", open_interest="999", **{**caps, **RULE, "version": 2})
    assert hand.statement("a") == (700, 200, 100)


@pytest.mark.parametrize("execution", ["simulated", "venue"])
@pytest.mark.parametrize(("mark", "is_taken"), [(72, False), (71, True), (60, True)])
def test_the_takeover_level(execution: str, mark: int, is_taken: bool) -> None:
    """17.18, two thirds of MM: 10 at 100 with 329: at 72 equity is 49 and MM 72, level 49; at 71 39 of 48; at 60 below
    zero. The pool takes all of it at bankruptcy value, or at the mark below zero."""
    hand = Hand(takeover_ppm=666_667, execution=execution, listing={"backstop_limit": "100"})
    hand.deposit({"a": 329, "b": 5000, "@backstop": 5000})
    hand.trade("a", "b", 10)
    hand.price(mark)
    taken = hand.told("position-taken-over")
    assert [one["lots"] for one in taken] == ([-10] if is_taken else [])
    sold = hand.told("liquidation-filled" if execution == "simulated" else "liquidation-ordered")
    assert bool(sold) is not is_taken
    if is_taken:
        # B = 10 * mark - equity, so the account ends at zero; at 60 the pool pays 600 and 71 are missing
        assert taken[0]["cash_units"] == {71: 671, 60: 600}[mark]
        assert hand.cash("a") == [0]


def test_without_a_level_the_market_is_tried() -> None:
    """6.5: the default, whatever is left."""
    hand = Hand(listing={"backstop_limit": "100"})
    hand.deposit({"a": 329, "b": 5000, "@backstop": 5000})
    hand.trade("a", "b", 10)
    hand.price(71)
    assert not hand.told("position-taken-over")
    assert hand.told("liquidation-filled")


CLOSING = [
    ({"closing_spread_ppm": 1, "execution": "simulated"}, Code.CROSSED_PARAMETERS),
    ({"closing_adjustment_ppm": 1, "execution": "venue"}, Code.CROSSED_PARAMETERS),
    ({"closing_spread_ppm": 0, "execution": "venue"}, None),
]


@pytest.mark.parametrize(("said", "code"), CLOSING)
def test_a_closing_limit_by_halves(said: dict[str, Any], code: Code | None) -> None:
    """17.19: an adjustment needs a spread, and both need orders; engine and twin say the same."""
    message = governed.ParametersMessage(book="usd", id="p2", time_ms=0, **{**RULE, "version": 2}, **said)
    assert opened().feed(message) is code


@pytest.mark.parametrize(
    ("mark", "limit"),
    # 10 at 100 with 329: at 72 equity 49, MM 72: 720 - (1 - 49/72) * 40 % of 72 = 710.8, above B = 671
    # at 68 equity 9, MM 68: 680 - (1 - 9/68) * 27.2 = 656.4, below B = 671: the limit is bankruptcy's
    [(72, 72), (68, 68)],
)
def test_a_closing_limit_nearer_the_mark(mark: int, limit: int) -> None:
    """17.19: the greater of both values, in ticks rounded for the account; the default would be 68 twice. What nobody
    fills leaves at bankruptcy value.
    """
    hand = Hand(execution="venue", closing_spread_ppm=400_000, order_ms=100, listing={"backstop_limit": "100"})
    hand.deposit({"a": 329, "b": 5000, "@backstop": 5000})
    hand.trade("a", "b", 10)
    hand.price(mark)
    [order] = hand.told("liquidation-ordered")
    assert order["limit_ticks"] == limit
    hand.wait(100)
    assert [one["cash_units"] for one in hand.told("position-taken-over")] == [671]
