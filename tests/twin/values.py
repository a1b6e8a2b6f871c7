"""Values (3, 17.3): V, V_floor, N, collateral; and the postings that move money and lots."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor

from tests.twin.listed import Asset, Instrument
from tests.twin.state import MILLION, Account, BookState


def sign(number: int | Fraction) -> int:
    return (number > 0) - (number < 0)


def exact_value(instrument: Instrument, lots: int, ticks: int) -> Fraction:
    """Linear `q p point_value`, inverse `-q face / p`, before any rounding (3)."""
    if instrument.kind == "linear":
        return lots * ticks * instrument.point_value
    return Fraction(-lots * instrument.face, ticks)


def value(instrument: Instrument, lots: int, ticks: int) -> int:
    """V: truncated from |q| (3)."""
    exact = exact_value(instrument, lots, ticks)
    return sign(exact) * floor(abs(exact))


def value_floor(instrument: Instrument, lots: int, ticks: int) -> int:
    """V_floor: the signed value toward minus infinity, against the member (17.3)."""
    if lots == 0:
        return 0
    return floor(exact_value(instrument, lots, ticks))


def notional(instrument: Instrument, lots: int, ticks: int) -> int:
    """N: |V| rounded up (3)."""
    if lots == 0:
        return 0
    return ceil(abs(exact_value(instrument, lots, ticks)))


def haircut_value(asset: Asset, units: int) -> Fraction:
    """Collateral at mark after haircut, before rounding (4)."""
    return units * asset.mark * asset.price * Fraction(MILLION - asset.haircut_ppm, MILLION)


def post(book: BookState, debit: str, credit: str, amount: int) -> None:
    """Money from `debit` to `credit`, both signs at once (3)."""
    book.account(debit).cash -= amount
    book.account(credit).cash += amount


def hand_over(book: BookState, instrument: Instrument, giver: str, taker: str, lots: int, paid: int) -> None:
    """`lots` (signed) go from giver to taker, who pays `paid`: one leg each (3)."""
    book_leg(book.account(taker), instrument.name, lots, paid)
    book_leg(book.account(giver), instrument.name, -lots, -paid)


def book_leg(account: Account, name: str, lots: int, paid: int) -> None:
    """Position, cash, and entry value at average cost (17.3)."""
    held, entry = account.positions.get(name, 0), account.entries.get(name, 0)
    closed = min(abs(held), abs(lots)) if held * lots < 0 else 0
    if closed:
        entry -= sign(entry) * (abs(entry) * closed // abs(held))
    if closed < abs(lots):
        entry += paid - sign(paid) * (abs(paid) * closed // abs(lots))
    account.cash -= paid
    put(account.positions, name, held + lots)
    put(account.entries, name, entry)


def put(table: dict[str, int], name: str, amount: int) -> None:
    """Write an amount; zero is written as absence."""
    if amount:
        table[name] = amount
    else:
        table.pop(name, None)


def move_collateral(giver: Account, taker: Account, asset: str, units: int) -> None:
    put(giver.collateral, asset, giver.collateral.get(asset, 0) - units)
    put(taker.collateral, asset, taker.collateral.get(asset, 0) + units)
