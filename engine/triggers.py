"""How far the marks may move before an account must be looked at (RULEBOOK 5): its safe radius.

A *move* of a column since a reference is `rho = |v(p) / v(p0) - 1|`, v the unrounded value of a lot: `|p / p0 - 1|`
when linear, `|p0 / p - 1|` when inverse. Claim: an account whose status changes only where equity crosses a boundary
at distance D keeps its status while every rho_j <= R = (D - W) / S, R <= 1/4, for any portfolio and any moves at once.
Proof. Each |V_j| changes by at most N_j rho_j, and flooring adds 1 a position. N_j grows to at most 5/4 N_j + 2, so by
convexity its requirement changes by at most N_j rho_j slope_j + 2, slope_j the marginal rate at that reach. For an
account that shares brackets with siblings, its part `N_a avg(N_m)` changes by at most 7/3 N_a rho_j slope (the average
rate changes by at most (slope - avg) rho / (1 - rho)), so three slopes are taken. Sum: S = sum N_j (1 + slope_j)
bounds all but rounding, and rounding is below W = 8 per column + 8. The boundary may lie above or below equity.
Requirements on entry value (15.1) move with open orders only, so by less; rates by size do not move with marks.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.accounts import Accounts, Ints
from engine.contracts import Contract
from engine.life import Status
from engine.margin.columns import Measure
from engine.margin.statement import Statement
from engine.numbers import ppm_up
from engine.value import notional

SCALE_BITS = 20
RADIUS_MAX = 1 << (SCALE_BITS - 2)
ALWAYS = -1  # so near that every tick must look
NOWHERE = np.int64(2**62)


def travelled(contract: Contract, reference: int, price: int) -> int:
    """The move `rho` in 2^-20, rounded up past the true one."""
    return (abs(price - reference) << SCALE_BITS) // (price if contract.is_inverse else reference) + 1


def bounds(contracts: list[Contract], reference: list[int], radius: int) -> tuple[Ints, Ints]:
    """Prices per column whose move from the reference is at most `radius`, rounded inward."""
    lo, hi, one = [], [], 1 << SCALE_BITS
    for contract, price in zip(contracts, reference, strict=False):
        if radius < 0:
            lo.append(1)
            hi.append(0)
        elif contract.is_inverse:
            lo.append(-((-price << SCALE_BITS) // (one + radius)))
            hi.append((price << SCALE_BITS) // (one - radius))
        else:
            reach = (price * radius) >> SCALE_BITS
            lo.append(price - reach)
            hi.append(price + reach)
    return np.array(lo, np.int64), np.array(hi, np.int64)


def distances(status: NDArray[np.int8], measure: Measure, has_calls: bool) -> Ints:
    """How far equity is from the nearest boundary of each row's status, in units; below zero: it must be looked at.

    healthy: down to IM (MM without margin calls); margin-called: down to MM, up to IM; else: zero, from either side.
    """
    equity = measure.equity
    healthy = equity - (measure.im if has_calls else measure.mm)
    called = np.minimum(equity - measure.mm, measure.im - equity - 1)
    other = np.where(equity < 0, -equity - 1, equity)
    return np.where(status == Status.HEALTHY, healthy, np.where(status == Status.MARGIN_CALLED, called, other))


def distance(status: Status, own: Statement, has_calls: bool) -> int:
    """`distances` of one row, in integers of any size."""
    if status is Status.HEALTHY:
        return own.equity - (own.im if has_calls else own.mm)
    if status is Status.MARGIN_CALLED:
        return min(own.equity - own.mm, own.im - own.equity - 1)
    return -own.equity - 1 if own.equity < 0 else own.equity


def rounding(columns: int) -> int:
    """`W`: what rounding may add up to, in units."""
    return 8 * columns + 8


def radius(room: int, sway: int, columns: int) -> int:
    """`radii` of one row, in integers of any size."""
    room -= rounding(columns)
    if sway == 0:
        return int(NOWHERE)
    return ALWAYS if room < 0 else min((room << SCALE_BITS) // (sway + 1), RADIUS_MAX)


def radii(room: Ints, sway: Ints, columns: int) -> Ints:
    """`R` in 2^-20, rounded down; ALWAYS where `D` is within rounding of the boundary; NOWHERE without positions."""
    room = room - rounding(columns)
    fine = (np.clip(room, 0, 2**40) << SCALE_BITS) // (sway + 1)
    coarse = room // ((sway >> SCALE_BITS) + 1)
    radius = np.minimum(np.where(room < 2**40, fine, coarse), RADIUS_MAX)
    return np.where(sway == 0, NOWHERE, np.where(room < 0, ALWAYS, radius))


def halved(radii: Ints, room: Ints, trades: NDArray[np.bool_], columns: int) -> tuple[Ints, Ints]:
    """Half the radius of rows that trade, and what is left of `D - W` at its end, rounded down: their reserve."""
    half = trades & (radii >= 0) & (radii < NOWHERE)
    return np.where(half, radii >> 1, radii), np.where(half, (room - rounding(columns)) >> 1, 0)


def sway_of(accounts: Accounts, contracts: list[Contract], prices: list[int], row: int, own: Statement) -> int:
    """`S` of one account, special ones included; collateral moves by its own size."""
    has_siblings = row in accounts.siblings
    total = 0
    for column, lots in enumerate(accounts.take(row).positions):
        if lots and contracts[column].is_asset:
            total += notional(contracts[column], lots, prices[column])
    for line in own.lines:
        contract = contracts[line.column]
        reach = max(line.member_exposure, line.notional) * 5 // 4 + 2
        slope = max(contract.mm.rate_at(reach, line.member_lots), contract.im.rate_at(reach, line.member_lots))
        total += line.notional + ppm_up(max(line.exposure, line.notional), slope * (3 if has_siblings else 1))
    return total
