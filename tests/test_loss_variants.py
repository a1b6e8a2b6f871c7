"""Variants of who bears a loss (RULEBOOK 8, 15.7, 15.8) against cases worked out by hand and slow exact forms."""

from __future__ import annotations

from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.numbers import PPM
from engine.waterfall.index import deposit_loss, interest_charge
from engine.waterfall.leaving import leaving, withdrawal_factor
from engine.waterfall.ordered import draw_in_order, floor_last, settle_in_order
from engine.waterfall.premium import Insurer, OwnCover, Weighed, own_cover, premium_draw
from engine.waterfall.unvested import book_deficit, burn_own, equity_haircut, unvested, unwind

UNITS = st.integers(0, 10**12)
SMALL = st.integers(0, 50)
SIGNED = st.integers(-60, 60)
RATIO = st.tuples(st.integers(1, 9), st.integers(1, 9))
WEIGHT = st.sampled_from([0, 200_000, 900_000, PPM, 1_100_000])

# 15.7: a fund with a premium


@pytest.mark.parametrize(
    ("due", "price", "fund", "drawn"),
    [
        (100, (1, 1), Insurer(1000, 50_000), (105, 100)),
        (100, (1, 1), Insurer(105, 50_000), (105, 100)),
        (100, (1, 1), Insurer(50, 50_000), (50, 47)),  # 50 / 1.05 = 47.6
        (100, (2, 1), Insurer(1000, 0, (3, 1)), (67, 100)),  # 200 / 3 = 66.7, the fund bears it
        (100, (2, 1), Insurer(6, 0, (3, 1)), (6, 9)),
        (0, (1, 1), Insurer(5, 50_000), (0, 0)),
        (1, (1, 1), Insurer(0, 0), (0, 0)),
    ],
)
def test_a_premium_draw(due: int, price: tuple[int, int], fund: Insurer, drawn: tuple[int, int]) -> None:
    """`min(ceil(x (1 + f)), balance)` is paid, `payment / (1 + f)` is covered."""
    assert premium_draw(due, price, fund) == drawn


@given(due=UNITS, price=RATIO, own=RATIO, fee=st.integers(0, PPM), balance=UNITS)
def test_a_premium_is_never_less_than_promised(
    due: int, price: tuple[int, int], own: tuple[int, int], fee: int, balance: int
) -> None:
    """Covered is what the payment buys, within a unit; a fund that is not emptied covers all."""
    paid, covered = premium_draw(due, price, Insurer(balance, fee, own))
    bought = Fraction(paid) * Fraction(*own) * PPM / (PPM + fee) / Fraction(*price)
    wanted = ceil(due * Fraction(PPM + fee, PPM) * Fraction(*price) / Fraction(*own))
    assert paid == min(wanted, balance)
    assert covered <= bought < covered + 1 or covered == due
    assert paid == balance or covered == due


@given(
    loss=SMALL, balance=SIGNED, other=SIGNED, price=RATIO, asset=WEIGHT, liab=st.integers(1, 3),
    limit=SMALL, asked=st.none() | SMALL, fund=SMALL,
)  # fmt: skip
def test_own_cover_against_a_search(
    loss: int, balance: int, other: int, price: tuple[int, int], asset: int, liab: int, limit: int,
    asked: int | None, fund: int,
) -> None:  # fmt: skip
    """The balance gives the most, unit by unit, that keeps health at zero or above; nothing is lost on the way."""
    weighed = Weighed(price, asset, liab * PPM)

    def health(units: int) -> Fraction:
        return other + Fraction(*price) * units * (asset if units > 0 else liab * PPM) / PPM

    found = own_cover(loss, balance, weighed, other, limit, asked, Insurer(fund, 0, price))
    able = max([0, *(units for units in range(min(loss, limit) + 1) if health(balance - units) >= 0)])
    assert found.settled_units == (able if asked is None else min(able, asked))
    assert found.balance_after_units == balance - found.settled_units
    borne = found.settled_units + found.covered_units + found.socialised_units
    assert (borne + found.loss_after_units, found.taken_over_units) == (loss, found.settled_units + found.covered_units)
    if found.socialised_units:
        assert (found.settled_units, found.paid_units) == (able, fund)
    if found.settled_units == able and found.loss_after_units and asked is None:
        assert found.paid_units < fund or health(found.balance_after_units - found.loss_after_units) >= 0


def test_own_cover_by_hand() -> None:
    """The balance first, up to each of its limits; the fund only where it could give no more; then everybody.

    Weights of one, nothing else owned: the balance may fall to zero. (loss, balance, limit, asked, fund).
    """
    even = Weighed((1, 1), PPM, PPM)
    for said, found in (
        ((10, 20, 4, None, 100), OwnCover(4, 0, 0, 0, 4, 6, 16)),  # 6 for the next call: 10 above what health needs
        ((10, 20, 10, 3, 100), OwnCover(3, 0, 0, 0, 3, 7, 17)),  # the balance could give more than was asked for
        ((10, 4, 10, 6, 100), OwnCover(4, 2, 2, 0, 6, 4, 0)),  # 6 asked, 4 given: the fund is asked for 2
        ((10, 4, 10, None, 100), OwnCover(4, 6, 6, 0, 10, 0, 0)),
        ((10, 4, 10, None, 1), OwnCover(4, 1, 1, 5, 5, 0, 0)),
    ):
        loss, balance, limit, asked, fund = said
        assert own_cover(loss, balance, even, 0, limit, asked, Insurer(fund, 0)) == found
    nothing = Weighed((1, 1), 0, PPM)  # what is owned counts nothing, and 4 are owed: no balance is enough
    assert own_cover(5, 3, nothing, -4, 9, None, Insurer(100, 0)) == OwnCover(0, 5, 5, 0, 5, 0, 3)


# 15.7: unvested gains, haircut of equity


def test_unvested_burns_first() -> None:
    """5,000 won, 1,000 warmed, 500 reserved: 3,500 may burn."""
    assert unvested(5_000, 1_000, 500) == 3_500
    assert unvested(1_000, 1_000, 1) == 0
    assert unvested(5_000, 1_000) == 4_000
    assert burn_own(4_000, 5_000, 1_000, 500) == (3_500, 500, 1_500)
    assert burn_own(4_000, 5_000, 1_000, 500, fund_units=200) == (3_500, 200, 1_500)
    assert burn_own(100, 5_000, 1_000, 500) == (100, 0, 4_900)


@given(warming=st.lists(UNITS, max_size=6), equities=st.lists(UNITS, max_size=6), collateral=UNITS, fund=UNITS)
def test_what_is_left_is_what_is_held(warming: list[int], equities: list[int], collateral: int, fund: int) -> None:
    """After burning and cutting, claims are at most what the book holds, fund and collateral together, to the unit."""
    deficit = book_deficit([*warming, *equities], [collateral, fund])
    found = unwind(deficit, warming, fund, equities)
    left = sum(found.unvested_after_units) + sum(equities) - sum(found.charges_units)
    assert left == min(sum(warming) + sum(equities), collateral + fund)
    assert found.drawn_units + found.fund_after_units == fund
    assert not found.drawn_units or not found.all_unvested_after_units  # the fund moves only when all has burned
    assert all(0 <= charge <= equity for charge, equity in zip(found.charges_units, equities, strict=True))
    assert [
        burned + left for burned, left in zip(found.burned_units, found.unvested_after_units, strict=True)
    ] == warming
    assert all(0 <= burned <= had for burned, had in zip(found.burned_units, warming, strict=True))
    assert found.all_burned_units == min(deficit, sum(warming))
    assert found.haircut == (sum(found.charges_units), max(1, sum(equities)))


def test_an_equity_haircut() -> None:
    """`min(1, theta D / W)`: half of a deficit of 60 on 100 and 50; whoever owes pays nothing."""
    assert equity_haircut(60, [100, -10, 50], 500_000) == ((30, 150), [20, 0, 10])
    assert equity_haircut(600, [100, -10, 50]) == ((150, 150), [100, 0, 50])
    assert equity_haircut(5, [0, -1]) == ((0, 1), [0, 0])


# 15.8: rounding, one after the other, an index


@given(amount=UNITS, weights=st.lists(st.integers(0, 10**6), max_size=8))
def test_floor_last(amount: int, weights: list[int]) -> None:
    """All but the last with weight get the floor of the exact share; the sum is the amount."""
    shares = floor_last(amount, weights)
    total = sum(weights)
    if not total:
        assert shares == [0] * len(weights)
        return
    assert sum(shares) == amount
    last = max(i for i, weight in enumerate(weights) if weight)
    exact = [Fraction(amount * weight, total) for weight in weights]
    assert all(share == exact[i].__floor__() for i, share in enumerate(shares) if i != last)
    assert exact[last] <= shares[last] < exact[last] + len(weights)


@given(
    losers=st.lists(st.tuples(UNITS, UNITS | SIGNED), max_size=5),
    split=st.lists(SMALL, min_size=1, max_size=5),
    pool=UNITS,
)
def test_settling_in_order(losers: list[tuple[int, int]], split: list[int], pool: int) -> None:
    """The pool goes loser by loser, as a plain loop would; winners get what was collected, at most their gain."""
    losses, balances = [loss for loss, _ in losers], [balance for _, balance in losers]
    gains = floor_last(sum(losses), [weight + 1 for weight in split])
    found = settle_in_order(losses, balances, gains, pool)
    left = pool
    for loss, balance, own, drawn, paid in zip(
        losses, balances, found.own_units, found.drawn_units, found.paid_units, strict=True
    ):
        assert own == max(0, min(loss, balance))
        assert drawn == min(loss - own, left)
        assert paid == own + drawn
        left -= drawn
    assert found.collected_units == sum(found.paid_units)
    assert (found.pool_after_units, sum(found.payouts_units)) == (left, found.collected_units)
    assert sum(found.charges_units) == found.socialised_units == found.owed_units - found.collected_units
    if not found.socialised_units:
        assert found.payouts_units == gains


def test_a_pool_in_order() -> None:
    """The first is served first."""
    assert draw_in_order([400, 2600, 5], 2900) == [400, 2500, 0]


@given(loss=UNITS, lots=st.lists(SIGNED, max_size=8), scale=st.sampled_from([1, 10, 10**6, 10**9]))
def test_an_interest_charge_covers_the_loss(loss: int, lots: list[int], scale: int) -> None:
    """Each pays its part rounded up, the surplus is below a step and a unit each; nobody there, nobody pays."""
    charged = interest_charge(loss, lots, scale)
    total = sum(map(abs, lots))
    if not total:
        assert (charged.step, sum(charged.charges_units), charged.surplus_units) == (0, 0, 0)
        return
    assert charged.step == -(-loss * scale // total)
    assert all(c >= Fraction(loss * abs(q), total) for c, q in zip(charged.charges_units, lots, strict=True))
    assert 0 <= charged.surplus_units == sum(charged.charges_units) - loss < Fraction(total, scale) + len(lots)
    assert (charged.index_after(7, 1), charged.index_after(7, -1)) == (7 + charged.step, 7 - charged.step)


@given(index=st.integers(1, 10**12), loss=UNITS, deposits=st.integers(1, 10**12))
def test_an_index_of_deposits(index: int, loss: int, deposits: int) -> None:
    """Depositors lose the loss, less than a step of the index more, and never more than they have."""
    found = deposit_loss(index, loss, deposits)
    assert found.index_after == max(0, index - -(-index * loss // deposits)) == index - found.cut
    assert 0 <= found.deposits_after_units <= max(0, deposits - loss)


# 8: the withdrawal factor


def test_a_withdrawal_factor() -> None:
    """1,000 missing of claims of 5,000: a fifth of what leaves stays."""
    assert withdrawal_factor(1000, [3000, 1000]) == (1000, 5000)
    assert leaving(500, (1000, 5000)) == (400, 100)
    assert leaving(501, (1000, 5000)) == (400, 101)  # 100.2: the leaver bears the unit
    assert withdrawal_factor(0, [4000]) == (0, 1)
    assert leaving(500, withdrawal_factor(0, [0])) == (500, 0)


@given(claims=st.lists(st.integers(1, 10**9), min_size=1, max_size=6), part=st.fractions(0, 1))
def test_nobody_leaves_too_early(claims: list[int], part: Fraction) -> None:
    """One after the other, all that is claimed may leave, and what is held is enough, to a unit each."""
    held = int(sum(claims) * part)
    missing = sum(claims) - held
    kept = 0
    for claim in claims:
        mine, left = leaving(claim, withdrawal_factor(missing, [held]))
        held, missing, kept = held - mine, missing - left, kept + mine
        assert held >= 0
        assert mine + left == claim
    assert held < len(claims) + 1
