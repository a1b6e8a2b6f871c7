"""How many lots a counterparty can be given (RULEBOOK 6.7): it must not be driven below zero, nor further below MM."""

from __future__ import annotations

from collections.abc import Callable

from engine.contracts import Contract
from engine.liquidation import closing_lots
from engine.margin.statement import Line, Statement
from engine.numbers import most_that_holds
from engine.value import value_floor

Units = Callable[[int], int]


def most_lots(
    contract: Contract, mark: int, own: Statement, line: Line, lots: int, requires: Units, pays: Units
) -> int:
    """Most of `lots` of the line after which `equity >= 0`, and `equity >= MM` or no further below it than before.

    `requires(left)`: the MM of the line with that many lots, signed; `pays(k)`: the counterparty's cash for its first k
    lots, signed. One unit a position is allowed for the rounding of values and margins. 0: none fit. Found between none
    and all by bisection (17.9): all, where all fit.
    """
    before = own.mm - own.equity
    grace = sum(1 for one in own.lines if one.lots)

    def fits(taken: int) -> bool:
        left = line.lots + closing_lots(line.lots, taken)
        equity = own.equity - line.value + value_floor(contract, left, mark) + pays(taken)
        mm = own.mm - line.mm + requires(left)
        return equity >= 0 and (equity >= mm or mm - equity <= before + grace)

    return most_that_holds(min(lots, abs(line.lots)), fits)
