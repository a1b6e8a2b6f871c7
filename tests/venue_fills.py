"""Fills of venue orders and of collateral sales, as a venue would send them that reads the engine's events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from schemas import inputs
from schemas.decimals import decimal_text
from schemas.events import Event, LiquidationOrdered, LiquidationOrderEnded
from schemas.message import Input
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


def fill(told: Sequence[Event], price: Mapping[str, int], base: dict[str, Any], one: int, two: int, size: int) -> Input:
    """A fill of the oldest order: whole, part, or too much; at, inside, or beyond its limit."""
    order = open_order(told, base["book"])
    if order is None:
        return _sale(price, base, one, two, size)
    name, most = order.instrument, abs(order.lots)
    other = "@market" if ACCOUNTS[two] == order.account or two == one else ACCOUNTS[two]
    buyer, seller = (order.account, other) if order.lots > 0 else (other, order.account)
    ticks = price[name] if order.limit_ticks is None else order.limit_ticks + [0, 0, 1, -1, 3][one % 5]
    return inputs.Trade(
        buyer=buyer, seller=seller, instrument=name, liquidation_id=order.liquidation_id,
        quantity=quantity_text(name, [most, -(-most // 2), 1, most + size][size % 4]),
        price=price_text(name, min(90_000, ticks)), **base,
    )  # fmt: skip


def _sale(price: Mapping[str, int], base: dict[str, Any], one: int, two: int, size: int) -> Input:
    """Collateral to a buyer, under the id of a sale that may be running."""
    seller = ACCOUNTS[one]
    return inputs.Trade(
        buyer="@market" if one == two else ACCOUNTS[two], seller=seller, instrument="GOLD",
        quantity=decimal_text(1 + 97 * size, 3), price=price_text("GOLD", price["GOLD"] + size % 3 - 1),
        liquidation_id=f"{base['book']}/{seller}/{1 + size % 2}", **base,
    )  # fmt: skip
