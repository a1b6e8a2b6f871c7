"""Text into integers: amounts, lots and ticks with the terms in force (2.2, 17.3)."""

from __future__ import annotations

from schemas.codes import Code, Refused
from schemas.decimals import count_of, units_of
from tests.twin.listed import Asset, Instrument, Quoted
from tests.twin.state import BookState

AMOUNT_MAX = 2**60


def refuse_if(wrong: object, code: Code, reason: str) -> None:
    if wrong:
        raise Refused(code, reason)


def amount_units(text: str, decimals: int) -> int:
    """Money or collateral of a message: above zero, at most 2^60 units (17.3)."""
    units = units_of(text, decimals)
    refuse_if(units <= 0, Code.NOT_POSITIVE, f"expected an amount above zero, found {text}")
    refuse_if(units > AMOUNT_MAX, Code.AMOUNT_BEYOND_BOUND, f"expected at most 2^60 units, found {text}")
    return units


def setting_units(text: str, decimals: int) -> int:
    """Money of a parameter: zero is allowed."""
    units = units_of(text, decimals)
    refuse_if(units < 0, Code.NOT_POSITIVE, f"expected no negative amount, found {text}")
    refuse_if(units > AMOUNT_MAX, Code.AMOUNT_BEYOND_BOUND, f"expected at most 2^60 units, found {text}")
    return units


def said_lots(instrument: Instrument, text: str) -> int:
    """Judged before versions came into force, a quantity is what it says when it takes effect (17.2)."""
    return count_of(text, *instrument.lot.as_integer_ratio(), Code.OFF_LOT)


def said_ticks(quoted: Quoted, text: str) -> int:
    """The same of a price."""
    return count_of(text, *quoted.tick.as_integer_ratio(), Code.OFF_TICK)


def said_units(asset: Asset, text: str) -> int:
    """The same of collateral."""
    return count_of(text, 1, 10**asset.decimals, Code.TOO_MANY_DIGITS)


def lots_of(instrument: Instrument, text: str, least: int = 1) -> int:
    """Judged: `lots = quantity / lot`, up to four times the position limit (17.3)."""
    lots = said_lots(instrument, text)
    refuse_if(lots < least, Code.NOT_POSITIVE, f"expected a quantity above zero, found {text}")
    refuse_if(lots > 4 * instrument.position_limit, Code.QUANTITY_BEYOND_BOUND, f"{lots} lots are too many")
    return lots


def ticks_of(quoted: Quoted, text: str) -> int:
    """Judged: `ticks = price / tick`, within the listed bounds (17.3)."""
    ticks = said_ticks(quoted, text)
    refuse_if(ticks <= 0, Code.NOT_POSITIVE, f"expected a price above zero, found {text}")
    inside = quoted.min_price <= ticks <= quoted.max_price
    refuse_if(not inside, Code.PRICE_BEYOND_BOUND, f"{ticks} ticks lie outside the listed prices")
    return ticks


def asset_units(asset: Asset, text: str) -> int:
    """Judged: a quantity of collateral, up to four times its limit; its lot is its smallest unit (17.3)."""
    units = said_units(asset, text)
    refuse_if(units <= 0, Code.NOT_POSITIVE, f"expected a quantity above zero, found {text}")
    refuse_if(units > 4 * asset.limit, Code.QUANTITY_BEYOND_BOUND, f"{units} units are too many")
    return units


def instrument_of(book: BookState, name: str) -> Instrument:
    """A listed instrument that is not settled (17.4)."""
    refuse_if(name not in book.instruments, Code.UNKNOWN_INSTRUMENT, name)
    # READING: a settled instrument refuses everything that names it: funding, settlement, orders, new
    # versions.
    refuse_if(book.instruments[name].settled, Code.INSTRUMENT_SETTLED, name)
    return book.instruments[name]


def asset_of(book: BookState, name: str) -> Asset:
    # READING: `asset` naming the settlement asset is UNKNOWN_ASSET: money is what has no asset named.
    refuse_if(name not in book.assets, Code.UNKNOWN_ASSET, name)
    return book.assets[name]


def amount_of(book: BookState, text: str, asset: str | None) -> int:
    """Judged: an amount of money or of collateral."""
    return amount_units(text, book.decimals) if asset is None else asset_units(asset_of(book, asset), text)


def said_amount(book: BookState, text: str, asset: str | None) -> int:
    """An amount as it takes effect."""
    return units_of(text, book.decimals) if asset is None else said_units(book.assets[asset], text)
