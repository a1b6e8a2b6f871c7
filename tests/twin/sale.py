"""Collateral sales (7, 16.7, 17.11)."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor

from tests.twin.life import check
from tests.twin.listed import Asset
from tests.twin.state import OPERATOR, Account, BookState, Sale
from tests.twin.trades import sell_collateral
from tests.twin.values import haircut_value


def round_of_sales(book: BookState) -> bool:
    """Who has no positions, cash < 0 and collateral sells; @operator buys what it can pay (17.11)."""
    busy = False
    for account in book.members_accounts():
        if must_sell(account):
            start_sale(book, account)
            busy = True
        elif account.sale and account.sale.due:
            insurance_takes(book, account)
            busy = True
    if busy:
        check(book)
    return busy


def must_sell(account: Account) -> bool:
    return not account.positions and account.cash < 0 and bool(for_sale(account)) and account.sale is None


def for_sale(account: Account) -> list[str]:
    """Assets it has; what it sold without having is below zero (a trade is a fact)."""
    return sorted(name for name, units in account.collateral.items() if units > 0)


def start_sale(book: BookState, account: Account) -> None:
    """The first asset by id, the least amount that brings cash to zero, at most the balance (17.11)."""
    asset = book.assets[for_sale(account)[0]]
    units = least_units(asset, -account.cash, account.collateral[asset.name])
    account.sale_number += 1
    name = f"{book.name}/{account.id}/{account.sale_number}"
    account.sale = Sale(name, asset.name, units, book.clock + book.rules.said.sale_ms)
    deadline = account.sale.deadline_ms
    book.event("collateral-offered", account.id, id=name, asset=asset.name, units=units, deadline=deadline)
    bought = most_units(asset, book.account(OPERATOR).cash, units)
    if bought and haircut_value(asset, bought):  # nothing is sold for nothing
        sell_collateral(book, account, book.account(OPERATOR), asset, bought, ceil(haircut_value(asset, bought)))


def least_units(asset: Asset, needed: int, balance: int) -> int:
    """Least `a` with `floor(value of a after haircut) >= needed`, at most the balance (17.11)."""
    one = haircut_value(asset, 1)
    return balance if one == 0 else min(balance, ceil(needed / one))


def most_units(asset: Asset, cash: int, units: int) -> int:
    """The most whose payment, rounded up, is at most `cash` (17.11)."""
    one = haircut_value(asset, 1)
    if cash < 0:
        return 0
    return units if one == 0 else min(units, floor(Fraction(cash) / one))


def sale_due(book: BookState, account: Account) -> None:
    """At `sale_ms` the rest is taken in a round: fills of the same input stand before it."""
    account.sale.due = True


def insurance_takes(book: BookState, account: Account) -> None:
    """At `sale_ms` the book's insurance fund takes the rest and pays as far as its cash goes (17.11)."""
    asset, units = book.assets[account.sale.asset], account.sale.left
    fund = book.insurance(None)
    paid = min(ceil(haircut_value(asset, units)), fund.cash)
    sell_collateral(book, account, fund, asset, units, paid)
