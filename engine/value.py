"""The value of a position (RULEBOOK 3, 17.3), for one holding and exact at any size. Columns: `margin/columns.py`."""

from __future__ import annotations

from engine.contracts import Contract
from engine.numbers import sign


def gross(contract: Contract, lots: int, price: int) -> tuple[int, int]:
    """`|V|` before rounding, as numerator and denominator."""
    if contract.is_inverse:
        return abs(lots) * contract.face, price
    return abs(lots) * price * contract.num, contract.den


def value(contract: Contract, lots: int, price: int) -> int:
    """`V(q, p)` in units, truncated from `|q|`; linear: `q p num / den`, inverse: `-q face / p`."""
    numerator, denominator = gross(contract, lots, price)
    return (-sign(lots) if contract.is_inverse else sign(lots)) * (numerator // denominator)


def value_floor(contract: Contract, lots: int, price: int) -> int:
    """`V_floor`: as `value`, rounded toward minus infinity; the member bears it."""
    numerator, denominator = gross(contract, lots, price)
    is_positive = (lots > 0) != contract.is_inverse
    return numerator // denominator if is_positive else -numerator // denominator


def notional(contract: Contract, lots: int, price: int) -> int:
    """`N(q, p) = |V|` rounded up."""
    numerator, denominator = gross(contract, lots, price)
    return -(-numerator // denominator)


def entry_after(entry: int, held: int, lots: int, paid: int) -> int:
    """Entry value after a trade of signed `lots` worth `paid = V(lots, p)` on a holding of `held` lots (17.3).

    Opening adds; closing k of |q| removes the truncated share; a flip closes all and opens with the rest of `paid`.
    """
    if held == 0 or (held > 0) == (lots > 0):
        return entry + paid
    closed = min(abs(held), abs(lots))
    if closed == abs(lots):
        return entry - sign(entry) * (abs(entry) * closed // abs(held))
    return paid - sign(paid) * (abs(paid) * closed // abs(lots))
