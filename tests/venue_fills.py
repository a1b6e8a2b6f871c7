"""Fills of venue orders and of collateral sales, as a venue would send them that reads the engine's events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from schemas import inputs
from schemas.decimals import decimal_text
from schemas.events import CollateralOffered, CollateralSold, Event, LiquidationOrdered, LiquidationOrderEnded
from schemas.inputs import Input
from tests.venue_opening import ACCOUNTS


def quantity_text(name: str, lots: int) -> str:
    """Lots as a quantity."""
    return decimal_text(lots, 2) if name == "RAT" else str(lots)


def price_text(name: str, ticks: int) -> str:
    """Ticks as a price, at least one tick."""
    return decimal_text(max(1, ticks), 1) if name == "RAT" else decimal_text(max(1, ticks) * 5, 1)


def open_order(told: Sequence[Event], book: str) -> LiquidationOrdered | None:
    """The oldest order at the venue that has not ended."""
    ended = {e.liquidation_id for e in told if isinstance(e, LiquidationOrderEnded) and e.book == book}
    ordered = (e for e in told if isinstance(e, LiquidationOrdered) and e.book == book)
    return next((e for e in ordered if e.liquidation_id not in ended), None)


def offer(told: Sequence[Event], book: str) -> tuple[CollateralOffered, int] | None:
    """The last sale of which something was left when it was told, and how many lots."""
    sold: dict[str, int] = {}
    for e in reversed(told):
        if isinstance(e, CollateralSold) and e.book == book:
            name = f"{e.book}/{e.account}/{e.sale}"
            sold[name] = sold.get(name, 0) + e.lots
        elif isinstance(e, CollateralOffered) and e.book == book and e.lots > sold.get(e.sale_id, 0):
            return e, e.lots - sold.get(e.sale_id, 0)
    return None


def fill(told: Sequence[Event], price: Mapping[str, int], base: dict[str, Any], one: int, two: int, size: int) -> Input:
    """A fill of a running sale or of the oldest order: whole, part, or too much; at, inside, or beyond its limit."""
    order, sale = open_order(told, base["book"]), offer(told, base["book"])
    if sale is not None and (order is None or size % 3 == 0):
        return _sale(*sale, price, base, two, size)
    if order is None:
        return _no_sale(price, base, one, two, size)
    name, most = order.instrument, abs(order.lots)
    other = "@market" if ACCOUNTS[two] == order.account or two == one else ACCOUNTS[two]
    buyer, seller = (order.account, other) if order.lots > 0 else (other, order.account)
    ticks = price[name] if order.limit_ticks is None else order.limit_ticks + [0, 0, 1, -1, 3][one % 5]
    return inputs.Trade(
        buyer=buyer, seller=seller, instrument=name, liquidation_id=order.liquidation_id,
        quantity=quantity_text(name, [most, -(-most // 2), 1, most + size][size % 4]),
        price=price_text(name, min(90_000, ticks)), **base,
    )  # fmt: skip


def _sale(
    sale: CollateralOffered, left: int, price: Mapping[str, int], base: dict[str, Any], two: int, size: int
) -> Input:
    """Collateral of a running sale to a buyer: whole, part, or too much; at the mark, or worse than its haircut."""
    lots = [left, -(-left // 2), 1, left + 97 * size][size % 4]
    ticks = [price["GOLD"], price["GOLD"] + 1, price["GOLD"] // 2][size // 4 % 3]
    return inputs.Trade(
        buyer="@market" if ACCOUNTS[two] == sale.account else ACCOUNTS[two], seller=sale.account,
        instrument=sale.asset, quantity=decimal_text(min(lots, 4_000_000), 3), price=price_text("GOLD", ticks),
        liquidation_id=sale.sale_id, **base,
    )  # fmt: skip


def _no_sale(price: Mapping[str, int], base: dict[str, Any], one: int, two: int, size: int) -> Input:
    """Collateral to a buyer, under the id of a sale that is over, or never was."""
    seller = ACCOUNTS[one]
    return inputs.Trade(
        buyer="@market" if one == two else ACCOUNTS[two], seller=seller, instrument="GOLD",
        quantity=decimal_text(1 + 97 * size, 3), price=price_text("GOLD", price["GOLD"] + size % 3 - 1),
        liquidation_id=f"{base['book']}/{seller}/{1 + size % 2}", **base,
    )  # fmt: skip
