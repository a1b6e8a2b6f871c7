"""A fund that asks a premium, and an account's own money before it (RULEBOOK 15.7; Mango v4).

Not the default: a fund of ours meets a loss unit by unit (8), and all that an account has is used before a shortfall is
stated (7). Here an account may keep what its other debts need, and a fund that pays 1 covers 1 / (1 + f), since who
takes over the debt is paid for it.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.numbers import PPM, div_down, div_up

Price = tuple[int, int]  # money units for one unit of something, as a ratio


@dataclass(frozen=True, slots=True)
class Insurer:
    """A fund that asks a premium: what it holds, in units worth `price` each."""

    balance_units: int
    fee_ppm: int
    price: Price = (1, 1)


def premium(due_units: int, price: Price, fund: Insurer) -> int:
    """What a fund would pay to cover all that is due, units worth `price` each: `ceil(due (1 + f) price / its price)`.

    Rounded up: the fund bears the unit.
    """
    return div_up(due_units * (PPM + fund.fee_ppm) * price[0] * fund.price[1], PPM * price[1] * fund.price[0])


def premium_draw(due_units: int, price: Price, fund: Insurer) -> tuple[int, int]:
    """(paid, covered): the fund pays its premium or all it has, and covers `payment / (1 + f)` at the prices.

    Covered is at most what is due, rounded down: who bears the next layer bears the unit.
    """
    paid = min(premium(due_units, price, fund), fund.balance_units)
    worth = paid * PPM * price[1] * fund.price[0]
    return paid, min(due_units, div_down(worth, (PPM + fund.fee_ppm) * price[0] * fund.price[1]))


@dataclass(frozen=True, slots=True)
class Weighed:
    """A balance that counts `asset_ppm` of its worth when owned, and `liab_ppm` when owed; `price` units for one."""

    price: Price
    asset_ppm: int
    liab_ppm: int

    def least(self, other_units: int) -> int | None:
        """The least balance at which health, `other + price * weight * balance`, is not below zero; rounded up.

        Health rises with the balance, so what is above it may leave, and what is below it must come. None: no
        balance is enough, since what is owned counts nothing.
        """
        weight = self.liab_ppm if other_units >= 0 else self.asset_ppm
        if weight == 0:
            return None
        return div_up(-other_units * PPM * self.price[1], weight * self.price[0])


@dataclass(frozen=True, slots=True)
class OwnCover:
    """What became of a loss, in units of the balance; `paid_units` in those of the fund."""

    settled_units: int
    covered_units: int
    paid_units: int
    socialised_units: int
    taken_over_units: int
    loss_after_units: int
    balance_after_units: int


def own_cover(
    loss_units: int,
    balance_units: int,
    weighed: Weighed,
    other_units: int,
    settle_limit_units: int,
    asked_units: int | None,
    fund: Insurer,
) -> OwnCover:
    """The loss of one position against its account's balance, then a fund with a premium, then everybody.

    1 The balance pays while the account's health without the loss stays at zero or above, up to `settle_limit_units`
      and to what the liquidator asked for (None: no limit).
    2 Only if the balance could give no more: of the loss that keeps health below zero, the fund covers what was asked
      for and is left of it.
    3 The rest of 2, whatever was asked, is socialised, if the fund is empty; else it stays for the next call.
    """
    least = weighed.least(other_units)
    given = 0 if least is None else max(0, balance_units - least)
    able = min(given, settle_limit_units, loss_units)
    settled = able if asked_units is None else min(able, asked_units)
    loss, balance, covered, paid, socialised = loss_units - settled, balance_units - settled, 0, 0, 0
    if settled == able:
        needed = loss if least is None else min(loss, max(0, least - (balance - loss)))
        due = needed if asked_units is None else min(needed, asked_units - settled)
        paid, covered = premium_draw(due, weighed.price, fund)
        socialised = needed - covered if paid == fund.balance_units else 0
    after = loss - covered - socialised
    return OwnCover(settled, covered, paid, socialised, settled + covered, after, balance)
