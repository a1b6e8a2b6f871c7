"""The twin against numbers worked out by hand; each comment is the computation.

Unless a test says otherwise: one unit is one dollar, L is linear with V = q * p, MM 10 %, IM 20 %, no costs.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codes import Code
from schemas.governed import (
    AssetMessage,
    BookMessage,
    Bracket,
    Command,
    InstrumentMessage,
    LayerMessage,
    ParametersMessage,
    WaterfallMessage,
)
from schemas.inputs import Contribution, Deposit, Funding, Heartbeat, Period, Price, Trade, Withdrawal
from tests.twin import Book, Twin
from tests.twin.allocate import allocate

BY = {"author": "tester", "reason": "test"}
UNCOVERED = [LayerMessage(id="end", kind="uncovered", rank=99)]


class Venue:
    """A twin with one book and short words for its messages; invariants are checked after each."""

    def __init__(self, decimals: int = 0, layers: list[LayerMessage] = UNCOVERED, **rules: Any) -> None:
        self.twin, self.count, self.now = Twin(), 0, 1_000_000
        self.send(BookMessage, version=1, settlement_asset="USD", decimals=decimals, **BY)
        self.send(ParametersMessage, version=1, **rules, **BY)
        self.send(WaterfallMessage, version=1, layers=layers, **BY)

    def send(self, message: type, /, **fields: Any) -> Code | None:
        self.count += 1
        code = self.twin.apply(message(book="B", id=str(self.count), time_ms=self.now, **fields))
        self.twin.check_invariants()
        return code

    def list(self, name: str = "L", **fields: Any) -> None:
        rates = {"mm_brackets": [Bracket("0", 100_000)], "im_brackets": [Bracket("0", 200_000)]}
        bounds = {"tick": "1", "mark": "100", "max_price": "100000", "position_limit": "1000", "lot": "1"}
        said = {"kind": "linear", **rates, **bounds, **fields}
        self.send(InstrumentMessage, version=1, instrument=name, **said, **BY)

    def deposit(self, **amounts: int) -> None:
        for account, amount in amounts.items():
            self.send(Deposit, account=account, amount=str(amount))

    def price(self, ticks: int, name: str = "L") -> None:
        self.send(Price, instrument=name, mark=str(ticks))

    def trade(self, buyer: str, seller: str, lots: int, ticks: int = 100, **fields: Any) -> Code | None:
        said = {"instrument": "L", "quantity": str(lots), "price": str(ticks), **fields}
        return self.send(Trade, buyer=buyer, seller=seller, **said)

    @property
    def book(self) -> Book:
        return self.twin.books["B"]

    def events(self, kind: str) -> list[dict]:
        return [facts for _, one, _, facts in self.book.events if one == kind]


def standing(layers: list[LayerMessage] = UNCOVERED, listing: dict | None = None, **rules: Any) -> Venue:
    """A venue with L listed and its mark at 100."""
    venue = Venue(layers=layers, **rules)
    venue.list(**(listing or {}))
    venue.price(100)
    return venue


def test_linear_liquidation_closes_the_least_lots() -> None:
    """The least k that leaves equity at MM is closed, within bankruptcy, with the fee to insurance."""
    venue = standing(liquidation_fee_ppm=10_000)
    venue.deposit(a=300)
    venue.trade("a", "@market", 10)
    # at 75: equity 300 - 250 = 50, MM 75: triggered. k lots cost ceil(0.75 k), leave MM ceil(7.5 (10 - k)):
    # k = 3: 50 - 3 = 47 < 53; k = 4: 50 - 3 = 47 >= 45. B = 750 - 50 = 700: 4 lots must pay 280, pay 300.
    venue.price(75)
    assert venue.book.balances() == {"a": 300 - 1000 + 300 - 3, "@market": 1000 - 300, "@insurance/B": 3}
    assert venue.book.positions() == {("a", "L"): 6, ("@market", "L"): -6}
    assert venue.book.entries() == {("a", "L"): 600}  # 1000 less 1000 * 4 / 10
    assert venue.book.statuses() == {"a": "healthy"}
    assert [kind for _, kind, _, _ in venue.book.events] == [
        "liquidation-triggered", "liquidation-filled", "liquidation-ended"
    ]  # fmt: skip


def test_inverse_liquidation() -> None:
    """An inverse long loses as 1 / p and is closed in the coin."""
    venue = Venue(decimals=3)
    venue.list("I", kind="inverse", contract_value="100", mark="1000")  # face = 100 * 10^3
    venue.price(1000, "I")
    venue.send(Deposit, account="a", amount="0.300")
    # v = -10 * 100000 / 1000 = -1000: the buyer's cash becomes 1300, equity 1300 - 1000 = 300
    venue.trade("a", "@market", 10, 1000, instrument="I")
    # at 800: equity 1300 - 1250 = 50, MM 125. k: MM after = ceil(12.5 (10 - k)) <= 50 from k = 6 on.
    # 6 lots: V(-6, 800) = 750 is paid for; B = -1250 - 50 = -1300 would allow 780.
    venue.price(800, "I")
    assert venue.book.balances() == {"a": 1300 - 750, "@market": -1000 + 750}
    assert venue.book.positions()["a", "I"] == 4
    statement = venue.book.statement("a")
    assert (statement["equity"], statement["mm"], statement["im"]) == (50, 50, 100)


def test_backstop_takes_over_at_bankruptcy() -> None:
    """What the market would only take beyond the limit goes to the pool at B."""
    venue = standing(listing={"half_spread_ticks": 50, "backstop_limit": "20"}, liquidation_fee_ppm=10_000)
    venue.deposit(a=300, **{"@backstop": 1000})
    venue.trade("a", "@market", 10)
    # at 75 the market pays 25 a lot, the limit is B = 750 - 50 = 700 for 10 lots: no fill. The pool pays 700
    # and stands at equity 1000 - 700 + 750 = 1050 >= MM 75.
    venue.price(75)
    assert venue.book.balances() == {"a": 0, "@backstop": 300, "@market": 1000}
    assert venue.book.positions() == {("@backstop", "L"): 10, ("@market", "L"): -10}
    assert venue.book.statuses() == {"a": "healthy"}


def test_hole_default_and_layers() -> None:
    """A hole is torn up on its counterparty, declared, and paid for by rank."""
    layers = [
        LayerMessage(id="own", kind="defaulter_contribution", rank=1),
        LayerMessage(id="junior", kind="operator", rank=2, cap="5"),
        LayerMessage(id="fund", kind="insurance", rank=3),
        LayerMessage(id="mutual", kind="guarantee_fund", rank=4),
        *UNCOVERED,
    ]
    venue = standing(layers, {"half_spread_ticks": 1})
    venue.deposit(a=150, b=500, **{"@operator/junior": 20, "@insurance/B": 7})
    for member, amount in {"a": "10", "b": "31", "c": "10"}.items():
        venue.send(Contribution, member=member, amount=amount)
    venue.trade("a", "b", 10)
    # at 80: equity 150 - 200 = -50. The market pays 79, below the mark: torn up at 80, b takes all 10.
    # shortfall 50: own 10, operator min(20, cap 5) = 5, insurance 7, rest 28 over b 31 and c 10:
    # 28 * 31 / 41 = 21.17, 28 * 10 / 41 = 6.83: floors 21 and 6, the missing unit to the larger rest, c.
    venue.price(80)
    assert venue.events("loss-allocated") == [
        {
            "window": 1,
            "shortfall": 50,
            "draws": {"own": 10, "junior": 5, "fund": 7, "mutual": 28},
            "uncovered": 0,
        }
    ]
    assert venue.book.balances() == {
        "a": 0, "b": 500 + 1000 - 800, "@operator/junior": 15, "@guarantee/b": 10, "@guarantee/c": 3
    }  # fmt: skip
    assert venue.book.positions() == {}
    assert venue.book.statuses() == {"a": "settled", "b": "healthy"}
    assert [kind for _, kind, _, _ in venue.book.events] == [
        "hole-found", "liquidation-triggered", "window-opened", "position-torn-up", "default-declared",
        "loss-allocated", "window-closed",
    ]  # fmt: skip


def test_gains_haircut_and_what_stays_uncovered() -> None:
    """Winners give of this period's gain only; the rest is a claim on @uncovered."""
    layers = [LayerMessage(id="gains", kind="gains_haircut", rank=1, cap="40"), *UNCOVERED]
    venue = standing(layers, {"half_spread_ticks": 1})
    venue.deposit(a=150, b=500, c=500)
    venue.trade("a", "b", 6)
    venue.trade("a", "c", 4)
    # at 80 b has won 6 * 20 = 120, c 4 * 20 = 80; shortfall 50, the layer pays 40: 24 and 16; 10 uncovered.
    venue.price(80)
    assert venue.book.balances() == {"a": 0, "b": 500 + 120 - 24, "c": 500 + 80 - 16, "@uncovered": -10}
    assert venue.events("gains-charged") == [{"window": 1, "charge": 24}, {"window": 1, "charge": 16}]
    assert venue.book.statement("b")["gains"] == 96


def test_gains_of_an_earlier_period_are_principal() -> None:
    """`period` starts gains anew."""
    layers = [LayerMessage(id="gains", kind="gains_haircut", rank=1), *UNCOVERED]
    venue = standing(layers, {"half_spread_ticks": 1})
    venue.deposit(a=150, b=500)
    venue.trade("a", "b", 10)
    venue.price(95)  # a: 150 - 50 = 100 >= MM 95
    assert venue.book.statement("b")["gains"] == 50
    venue.send(Period)
    venue.price(80)  # b wins 150 more and pays the 50 that a lacks
    assert venue.book.balances() == {"a": 0, "b": 500 + 200 - 50}
    assert venue.book.statement("b")["gains"] == 150 - 50


def test_funding_leaves_fractions_to_rounding() -> None:
    """Payers round up, receivers down, the rest is @rounding's."""
    venue = standing()
    venue.deposit(a=900, b=900)
    venue.trade("a", "b", 3)
    venue.send(Funding, instrument="L", index="500000")  # 0.5 a lot: a pays ceil(1.5), b gets floor(1.5)
    assert venue.book.balances() == {"a": 900 - 300 - 2, "b": 900 + 300 + 1, "@rounding": 1}


def test_recourse_to_the_members_other_account() -> None:
    """Free equity of the member's other account pays first; nothing is left, so nobody defaults."""
    venue = standing(listing={"half_spread_ticks": 1})
    venue.deposit(**{"a": 200, "a/2": 150, "b": 500})
    venue.trade("a/2", "b", 10)
    venue.price(80)  # a/2 stands at -50; a has 200 free
    assert venue.book.balances() == {"a": 150, "a/2": 0, "b": 700}
    assert venue.book.statuses() == {"a": "healthy", "a/2": "healthy", "b": "healthy"}
    assert not venue.events("default-declared")
    assert venue.events("window-closed") == [{"shortfall": 0}]


def test_a_limited_account_asks_only_for_gains() -> None:
    """An isolated loss leaves the member's principal alone, not its gain on the other side."""
    venue = standing(listing={"half_spread_ticks": 1})
    venue.send(Command, version=1, kind="open_account", account="a/2", limited=True, **BY)
    venue.deposit(**{"a": 200, "a/2": 150, "b": 500})
    venue.trade("a/2", "b", 9)
    venue.trade("a/2", "a", 1)
    # at 80: a/2 stands at -50; a was short 1 and has won 20, which pays first; 30 are uncovered
    venue.price(80)
    assert venue.book.balances() == {"a": 200, "a/2": 0, "b": 500 + 180, "@uncovered": -30}
    assert venue.events("default-declared") == [{"window": 1, "shortfall": 30, "recourse": 20}]


def test_collateral_is_sold_before_the_shortfall() -> None:
    """@operator buys while it has cash, the insurance fund takes the rest at the deadline."""
    layers = [LayerMessage(id="fund", kind="insurance", rank=1), *UNCOVERED]
    venue = standing(layers, {"half_spread_ticks": 1}, sale_ms=1000)
    coin = {"asset": "C", "decimals": 0, "tick": "1", "mark": "10", "max_price": "1000", "limit": "1000"}
    venue.send(AssetMessage, version=1, haircut_ppm=100_000, **coin, **BY)
    venue.send(Price, asset="C", mark="10")
    venue.deposit(a=100, b=500, **{"@operator": 50, "@insurance/B": 20})
    venue.send(Deposit, account="a", amount="10", asset="C")
    venue.trade("a", "b", 10)
    # at 80: equity 100 - 200 + 90 = -10. Torn up: cash -100. One coin is worth 9: all 10 are for sale;
    # 50 buy 5 coins for 45. Two more go to c for 8 each.
    venue.price(80)
    assert venue.book.balances()["a"] == -55
    assert venue.book.statuses()["a"] == "bankrupt"
    venue.deposit(c=100)
    sale = {"instrument": "C", "liquidation_id": "B/a/1"}
    assert venue.trade("c", "a", 2, 8, **sale) is None
    venue.now += 1000
    # the deadline: the fund takes 3 coins (27) and pays its 20; shortfall 55 - 16 - 20 = 19; it is empty
    venue.send(Heartbeat)
    assert venue.book.balances() == {"a": 0, "b": 700, "c": 84, "@operator": 5, "@uncovered": -19}
    assert venue.book.positions() == {("@operator", "C"): 5, ("c", "C"): 2, ("@insurance/B", "C"): 3}


def test_a_mark_beyond_the_band_is_held_until_two_agree() -> None:
    """A held mark values nothing, stops withdrawals, and is accepted by agreement or by time."""
    venue = standing(listing={"band_ppm": 50_000, "agree_ticks": 2, "hold_ms": 500})
    venue.deposit(a=1000)
    venue.trade("a", "@market", 1)
    venue.price(120)
    assert venue.book.statement("a")["equity"] == 1000
    assert venue.send(Withdrawal, account="a", amount="1") is Code.MARK_NOT_TRUSTED
    venue.price(121)  # within 5 % of 120
    assert venue.book.statement("a")["equity"] == 1021
    venue.price(200)
    venue.now += 500
    venue.send(Heartbeat)
    assert venue.book.statement("a")["equity"] == 1100
    assert venue.events("mark-accepted-late") == [{"mark": 121}, {"mark": 200}]


def test_a_call_is_met_or_missed_at_its_deadline() -> None:
    """Below IM a call; at the deadline, before the input's own effect, it is missed and aims at IM."""
    venue = standing(call_ms=1000)
    venue.deposit(a=150)
    venue.trade("a", "@market", 10)  # IM 200, MM 100
    assert venue.events("margin-called") == [{"call": 50, "deadline": venue.now + 1000}]
    venue.now += 1000
    venue.deposit(a=50)  # too late for the call, in time for the marker
    assert venue.events("margin-call-missed") == [{"call": 50}]
    assert venue.book.statuses() == {"a": "healthy"}
    assert venue.book.positions()["a", "L"] == 10  # 200 >= IM at the marker: no plan (6.9)


def test_a_withdrawal_leaves_only_what_is_free() -> None:
    """Above free it is refused with its code; below it leaves in the round that follows."""
    venue = standing()
    venue.deposit(a=500)
    venue.trade("a", "@market", 10)
    assert venue.send(Withdrawal, account="a", amount="301") is Code.OVER_FREE  # 500 - IM 200
    assert venue.send(Withdrawal, account="a", amount="300") is None
    assert venue.book.balances()["a"] == 500 - 1000 - 300
    assert venue.send(Withdrawal, account="@operator", amount="1") is Code.RESERVED_ACCOUNT


def test_a_venue_order_is_filled_by_a_trade_with_its_id() -> None:
    """The order carries its limit; what is left at its deadline goes to the exits."""
    venue = standing(execution="venue", order_ms=1000)
    venue.deposit(a=300, b=500)
    venue.trade("a", "b", 10)
    venue.price(75)  # as in the first test without fee: k = 4, B = 700, limit 70
    assert venue.events("liquidation-ordered") == [{"id": "B/a/1/1", "lots": -4, "limit": 70}]
    venue.trade("@market", "a", 1, 74, liquidation_id="B/a/1/1")
    venue.now += 1000
    # 9 lots left, equity 50 - 1 = 49, MM 68: all 9 are torn up at 75, b takes them out of its 10 short
    venue.send(Heartbeat)
    assert venue.book.balances() == {"a": 49, "b": 500 + 1000 - 675, "@market": -74}
    assert venue.book.positions() == {("b", "L"): -1, ("@market", "L"): 1}


def test_repeats_and_order_of_refusals() -> None:
    """A repeat changes nothing, another content under the id is refused, time comes before content."""
    venue = standing()
    first = Deposit(book="B", id="x", time_ms=venue.now, account="a", amount="5")
    late = Deposit(book="B", id="y", time_ms=venue.now - 60_001, account="@nobody", amount="5")
    other = Deposit(book="B", id="x", time_ms=venue.now, account="a", amount="6")
    assert [venue.twin.apply(one) for one in (first, first, other, late)] == [
        None, None, Code.ID_REUSED, Code.TOO_LATE
    ]  # fmt: skip
    assert venue.book.balances() == {"a": 5}
    assert venue.twin.apply(Heartbeat(book="C", id="1", time_ms=0)) is Code.UNKNOWN_BOOK


@pytest.mark.parametrize(
    ("amount", "weights", "caps", "expected"),
    [
        (10, {"a": 1, "b": 1, "c": 1}, {"a": 9, "b": 9, "c": 9}, {"a": 4, "b": 3, "c": 3}),
        (10, {"a": 1, "b": 1, "c": 1}, {"a": 2, "b": 9, "c": 9}, {"a": 2, "b": 4, "c": 4}),
        (10, {"a": 0, "b": 2}, {"a": 9, "b": 3}, {"a": 0, "b": 3}),
    ],
)
def test_allocate_by_hand(amount: int, weights: dict, caps: dict, expected: dict) -> None:
    """Thirds, a cap that is met, a weight of zero."""
    assert allocate(amount, weights, caps) == expected


@given(st.integers(0, 200), st.lists(st.tuples(st.integers(0, 9), st.integers(0, 50)), max_size=6))
def test_allocate_is_whole(amount: int, rows: list[tuple[int, int]]) -> None:
    """Shares sum to the amount or to all caps, none above its cap."""
    weights = {str(i): weight for i, (weight, _) in enumerate(rows)}
    caps = {str(i): cap for i, (_, cap) in enumerate(rows)}
    shares = allocate(amount, weights, caps)
    assert sum(shares.values()) == min(amount, sum(caps[i] for i in caps if weights[i]))
    assert all(0 <= shares[i] <= caps[i] for i in caps)
