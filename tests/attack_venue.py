"""An attack played on a book written by hand, and what its player has in the end (docs/attacks.md).

Every test plays one honest run and one attacked run on the same venue, with the same money from outside and the same
final marks, and compares `worth`: all that the attacker's members hold or took out, when everything is settled.
"""

from __future__ import annotations

from typing import Any

from engine.ledger import assessment, guarantee
from engine.names import member_of
from engine.value import value_floor
from schemas import inputs
from schemas.codes import Code
from schemas.governed import LayerMessage
from tests.hand_venue import Hand

NARROW: dict[str, Any] = {"half_spread_ticks": 1}  # what is below zero cannot be sold inside the mark: it is torn up
WIDE: dict[str, Any] = {"half_spread_ticks": 1000}  # no market at all
GAINS = LayerMessage(id="gains", kind="gains_haircut", rank=5)
INSURANCE = LayerMessage(id="fund", kind="insurance", rank=1)


def worth(hand: Hand, *members: str) -> int:
    """Cash, positions at the mark, contributions and unpaid calls of these members, and the money they took out."""
    book = hand.run.book
    units = sum(int(cash) for name, cash in hand.cash().items() if member_of(name) in members)
    for (account, instrument), lots in hand.lots().items():
        if member_of(account) in members:
            column = book.column_of[instrument]
            units += value_floor(book.contracts[column], lots, book.price(column))
    units += sum(sum(hand.cash(guarantee(member), assessment(member))) for member in members)
    left = [one for one in hand.told("withdrawal-released") if one["target"] is None and one["asset"] is None]
    return units + sum(int(one["amount"]) for one in left if member_of(one["account"]) in members)


def withdraw(hand: Hand, account: str, amount: int) -> Code | None:
    """Money out of the book."""
    return hand.send(inputs.Withdrawal, account=account, amount=str(amount))


def move(hand: Hand, source: str, target: str, amount: int) -> Code | None:
    """Money to another account."""
    return hand.send(inputs.Move, source=source, target=target, amount=str(amount))


def give(hand: Hand, giver: str, taker: str, units: int, mark: int) -> None:
    """Money to a friend without a transfer: one lot bought too dear, and sold back at the mark."""
    hand.trade(giver, taker, 1, mark + units)
    hand.trade(taker, giver, 1, mark)
