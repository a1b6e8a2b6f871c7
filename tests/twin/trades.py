"""Trades: facts, never refused for what an account is or has (2a.3)."""

from __future__ import annotations

from math import floor, trunc

from schemas.inputs import Trade
from tests.twin.listed import Asset, Instrument
from tests.twin.reading import said_lots, said_ticks, said_units
from tests.twin.state import Account, BookState
from tests.twin.values import haircut_value, hand_over, move_collateral, value
from tests.twin.venue import fill_order

OVER = ("bankrupt", "defaulted", "settled", "closed")


def book_trade(book: BookState, message: Trade) -> None:
    """One value, two signs; flows take out what a trade wins at the mark of its seq (3, 17.8)."""
    if message.instrument in book.assets:
        book_sale_trade(book, message)
        return
    instrument = book.instruments[message.instrument]
    lots, ticks = said_lots(instrument, message.quantity), said_ticks(instrument, message.price)
    buyer, seller = reopened(book, message.buyer), reopened(book, message.seller)
    paid = value(instrument, lots, ticks)
    hand_over(book, instrument, seller.id, buyer.id, lots, paid)
    for account, signed in ((buyer, lots), (seller, -lots)):
        # READING: a liquidation fill is the leg that reduces the order it names; the other side's leg is a
        # flow.
        if not fill_order(book, account, instrument, signed, ticks, message.liquidation_id):
            account.flows += value(instrument, signed, instrument.mark) - value(instrument, signed, ticks)
        flag_limit(book, account, instrument, signed)


def reopened(book: BookState, account_id: str) -> Account:
    """A trade opens an unknown account and reopens one whose life was over (17.6)."""
    account = book.account(account_id)
    if account.status in OVER:
        account.status = "healthy"
    return account


def flag_limit(book: BookState, account: Account, instrument: Instrument, signed: int) -> None:
    """A leg beyond the limit, taken over the member's accounts together, is booked and flagged (2a.3, 4)."""
    if account.id.startswith("@"):
        return
    family = [account, *book.siblings(account)]
    lots = sum(abs(one.positions.get(instrument.name, 0)) for one in family)
    # READING: gross lots of the member; only a leg that adds to the account's own position is beyond a limit.
    adds = account.positions.get(instrument.name, 0) * signed > 0
    if adds and lots > instrument.position_limit:
        limit = instrument.position_limit
        book.event("limit-exceeded", account.id, instrument=instrument.name, lots=lots, limit=limit)


def book_sale_trade(book: BookState, message: Trade) -> None:
    """Collateral of a running sale to a buyer, at the trade's price (17.11)."""
    asset, seller = book.assets[message.instrument], book.account(message.seller)
    if seller.status != "bankrupt":  # selling what is left of a bankrupt's collateral is no new life (17.11)
        seller = reopened(book, message.seller)
    units, ticks = said_units(asset, message.quantity), said_ticks(asset, message.price)
    paid = floor(units * ticks * asset.price)
    buyer = reopened(book, message.buyer)
    sale = seller.sale
    filled = sale is not None and sale.id == message.liquidation_id and sale.asset == asset.name
    buyer.cash, seller.cash = buyer.cash - paid, seller.cash + paid
    move_collateral(seller, buyer, asset.name, units)
    worth = trunc(haircut_value(asset, units))
    buyer.flows, seller.flows = buyer.flows + worth - paid, seller.flows - worth + paid
    if filled:
        tell_sale(book, seller, buyer, asset, units, paid)
        fill_sale(seller, units)


def sell_collateral(book: BookState, seller: Account, buyer: Account, asset: Asset, units: int, paid: int) -> None:
    """Units one way, money the other; the sale ends when nothing is left of it (17.11)."""
    buyer.cash -= paid
    seller.cash += paid
    move_collateral(seller, buyer, asset.name, units)
    tell_sale(book, seller, buyer, asset, units, paid)
    fill_sale(seller, units)


def tell_sale(book: BookState, seller: Account, buyer: Account, asset: Asset, units: int, paid: int) -> None:
    """Every purchase of a sale is told, also by a trade (17.11)."""
    book.event("collateral-sold", seller.id, asset=asset.name, units=units, paid=paid, buyer=buyer.id)


def fill_sale(seller: Account, units: int) -> None:
    """What is sold is no longer for sale (17.11)."""
    if seller.sale:
        seller.sale.left -= units
        if seller.sale.left <= 0:
            seller.sale = None
