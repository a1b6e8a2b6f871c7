"""RULEBOOK 2.4, 17.3, 17.4: each bound is where the text says, for engine and twin alike: at it, and one beyond."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from schemas import governed, inputs
from schemas.codes import Code
from schemas.governed import Bracket
from schemas.message import Input
from tests.against_twin import Pair
from tests.venue_opening import Settings, instrument, opening

BASE: dict[str, Any] = {"book": "usd", "time_ms": 0}
RULE: dict[str, Any] = {**BASE, "version": 2, "author": "t", "reason": "r"}
CHOICES = Settings(*[0] * 10)
STEP = 2**61 // 4 - 1  # the greatest change of the index of ONE: times 4 lots it is below 2^61


def money(units: int) -> str:
    """Units of a book with two decimals, as text."""
    return f"{units // 100}.{units % 100:02d}"


def opened() -> Pair:
    """A venue with a further contract, ONE, whose position limit is one lot; a holds a lot of it, b is short of it."""
    pair = Pair(2)
    one = replace(instrument(CHOICES, "LIN", id="one", **{**RULE, "version": 1}), instrument="ONE", position_limit="1")  # type: ignore[call-arg]
    trade = inputs.Trade(id="t", buyer="a", seller="b", instrument="ONE", quantity="1", price="100", **BASE)
    for message in [*opening(CHOICES, "usd"), one, trade]:
        assert pair.feed(message) is None
    return pair


@pytest.mark.parametrize("sign", [1, -1])
def test_the_bounds_of_the_funding_index(sign: int) -> None:
    """The index is at most 2^60, its change times the lots of the bound below 2^61; what is refused moves nothing."""
    pair = opened()
    said = [STEP + 1, STEP, 2 * STEP + 1, 2 * STEP, 2**60, 2**60 + 1, -(2**60) - 1, 2**60 - STEP - 1, 2**60 - STEP]
    found = []
    for number, index in enumerate(said):
        found.append(pair.feed(inputs.Funding(id=f"f{number}", instrument="ONE", index=str(sign * index), **BASE)))
        pair.compare()
    no = Code.AMOUNT_BEYOND_BOUND
    assert found == [no, None, no, None, None, no, no, no, None]


def quoted(**terms: Any) -> Input:
    """A new linear contract of whole units; its bounds are `4 * position_limit * max_price`."""
    said = {"kind": "linear", "tick": "0.01", "lot": "1", "mark": "1", "position_limit": "1", "max_price": "1", **terms}
    said = {"mm_brackets": [Bracket("0", 10_000)], "im_brackets": [Bracket("0", 10_000)], **said}
    return governed.InstrumentMessage(id="x", instrument="NEW", **RULE, **said)


def floor(units: int) -> list[Bracket]:
    """Brackets whose second begins at so many units, with the rate of the first."""
    return [Bracket("0", 10_000), Bracket(money(units), 10_000)]


def pace(units: int) -> Input:
    """Rules with a limit of notional per account and interval."""
    return governed.ParametersMessage(id="x", per_account_notional=money(units), **RULE)


def waterfall(units: int) -> Input:
    """A waterfall whose guarantee fund is capped."""
    layers = [
        governed.LayerMessage(id="gf", kind="guarantee_fund", rank=1, cap=money(units)),
        governed.LayerMessage(id="end", kind="uncovered", rank=2),
    ]
    return governed.WaterfallMessage(id="x", layers=layers, **RULE)


AMOUNT, BOUND = Code.AMOUNT_BEYOND_BOUND, Code.BOUND_DOES_NOT_FIT
CASES: list[tuple[str, Input, Input, Code]] = [
    (
        "a deposit",
        inputs.Deposit(id="x", account="f", amount=money(2**60), **BASE),
        inputs.Deposit(id="x", account="f", amount=money(2**60 + 1), **BASE),
        AMOUNT,
    ),
    (
        "a contribution",
        inputs.Contribution(id="x", member="f", amount=money(2**60), **BASE),
        inputs.Contribution(id="x", member="f", amount=money(2**60 + 1), **BASE),
        AMOUNT,
    ),
    (
        "a quantity",
        inputs.Trade(id="x", buyer="a", seller="b", instrument="ONE", quantity="4", price="1", **BASE),
        inputs.Trade(id="x", buyer="a", seller="b", instrument="ONE", quantity="5", price="1", **BASE),
        Code.QUANTITY_BEYOND_BOUND,
    ),
    (
        "a price",
        inputs.Price(id="x", instrument="ONE", mark="100000", **BASE),
        inputs.Price(id="x", instrument="ONE", mark="100000.5", **BASE),
        Code.PRICE_BEYOND_BOUND,
    ),
    ("an impact", quoted(impact=money(2**60)), quoted(impact=money(2**60 + 1)), AMOUNT),
    ("a floor", quoted(mm_brackets=floor(2**60)), quoted(mm_brackets=floor(2**60 + 1)), AMOUNT),
    ("a pace", pace(2**60), pace(2**60 + 1), AMOUNT),
    ("a cap", waterfall(2**60), waterfall(2**60 + 1), AMOUNT),
    ("ticks", quoted(max_price=money(2**40 - 1)), quoted(max_price=money(2**40)), BOUND),
    (
        "lots times ticks",
        quoted(position_limit=str(2**30), max_price=money(2**29 - 1)),
        quoted(position_limit=str(2**30), max_price=money(2**29)),
        BOUND,
    ),
]


@pytest.mark.parametrize(("within", "beyond", "code"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_bound_is_where_the_text_says(within: Input, beyond: Input, code: Code) -> None:
    """The greatest that fits is taken, one more is refused by the code of the bound."""
    pair = opened()
    assert pair.feed(beyond) is code
    assert pair.feed(within) is None
    pair.compare()
