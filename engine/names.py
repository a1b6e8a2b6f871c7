"""What the names and amounts of an input stand for in a book, or why they stand for nothing (RULEBOOK 16, 17.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.numbers import AMOUNT_BOUND
from schemas.codes import Code, Refused
from schemas.decimals import units_of

if TYPE_CHECKING:
    from engine.book import Book
    from engine.contracts import Contract


def member_of(account: str) -> str:
    """The member who is liable for an account."""
    return account.partition("/")[0]


def column_named(book: Book, name: str) -> int:
    """The column of what is listed under a name. Refuses UNKNOWN_INSTRUMENT."""
    column = book.column_of.get(name)
    if column is None:
        raise Refused(Code.UNKNOWN_INSTRUMENT, f"nothing named {name} is listed in {book.name}")
    return column


def instrument_named(book: Book, name: str) -> tuple[int, Contract]:
    """Column and contract of an instrument that is not settled. Refuses UNKNOWN_INSTRUMENT, INSTRUMENT_SETTLED."""
    column = column_named(book, name)
    contract = book.contracts[column]
    if contract.is_asset:
        raise Refused(Code.UNKNOWN_INSTRUMENT, f"{name} is an asset")
    if book.marks[column].settled:
        raise Refused(Code.INSTRUMENT_SETTLED, f"{name} is settled")
    return column, contract


def asset_named(book: Book, name: str | None) -> int | None:
    """The column of a collateral asset; None, money, is what names no asset. Refuses UNKNOWN_ASSET."""
    if name is None:
        return None
    column = book.column_of.get(name)
    if column is None or not book.contracts[column].is_asset:
        raise Refused(Code.UNKNOWN_ASSET, f"{name} is not collateral in {book.name}")
    return column


def member_account(name: str) -> str:
    """A name that may be a member's account. Refuses RESERVED_ACCOUNT, BAD_ID."""
    if name.startswith("@"):
        raise Refused(Code.RESERVED_ACCOUNT, f"{name} is not a member's account")
    if name.startswith("/") or name.endswith("/"):
        raise Refused(Code.BAD_ID, f"expected member or member/sub, found {name}")
    return name


def amount_of(book: Book, text: str, column: int | None) -> int:
    """Units of money (`column` None) or lots of an asset, above zero. Refuses NOT_POSITIVE, AMOUNT_BEYOND_BOUND and
    the codes of `Contract.quantity_lots`.
    """
    if column is not None:
        return book.contracts[column].quantity_lots(text)
    units = units_of(text, book.decimals)
    if units <= 0:
        raise Refused(Code.NOT_POSITIVE, f"amount {text} is not above zero")
    if units > AMOUNT_BOUND:
        raise Refused(Code.AMOUNT_BEYOND_BOUND, f"amount {text} is beyond 2^60 units")
    return units
