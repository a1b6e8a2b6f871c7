"""How many lots a counterparty can be given (RULEBOOK 6.7): it must not be driven below zero, nor further below MM."""

from __future__ import annotations

from collections.abc import Callable

from engine.contracts import Contract
from engine.liquidation import closing_lots
from engine.margin.statement import Line, Statement, share
from engine.numbers import most_that_holds
from engine.value import notional, value_floor


def most_lots(
    contract: Contract, mark: int, own: Statement, line: Line, others_units: int, lots: int, pays: Callable[[int], int]
) -> int:
    """Most of `lots` of the line after which `equity >= 0`, and `equity >= MM` or no further below it than before.

    `pays(k)`: the counterparty's cash for its first k lots, signed; `others_units`: the notional of the member's other
    accounts in the contract. One unit a position is allowed for the rounding of values and margins. 0: none fit. Found
    between none and all by bisection (17.9): all, where all fit.
    """
    before = own.mm - own.equity
    grace = sum(1 for one in own.lines if one.lots)

    def fits(taken: int) -> bool:
        left = line.lots + closing_lots(line.lots, taken)
        equity = own.equity - line.value + value_floor(contract, left, mark) + pays(taken)
        mm = own.mm - line.mm + share(contract.mm, notional(contract, left, mark), others_units)
        return equity >= 0 and (equity >= mm or mm - equity <= before + grace)

    return most_that_holds(min(lots, abs(line.lots)), fits)
