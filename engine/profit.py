"""A liquidation where profit that is not yet settled counts only in part (RULEBOOK 15.2, Mango): closing and settling.

The perpetual's own health is `V * base weight + quote` (a short weighs `2 - base weight`); above zero it counts
`overall weight` of itself, below it counts whole. Settling moves profit to the spot balance, where it counts whole,
less a fee for who takes it over. Not the default: in 4 profit counts at the mark, and `vest_gains` keeps it in.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from engine.contracts import Contract
from engine.liquidation import closing_lots
from engine.numbers import PPM, div_down, div_up, ppm_up, sign
from engine.value import gross, value

SLACK_UNITS = 1  # what the roundings of one settlement can leave: no reason to close another lot


@dataclass(frozen=True, slots=True)
class Weights:
    """The contract at its mark, with the weights of its base and of its profit, and the fee for taking profit over."""

    contract: Contract
    mark: int
    base_ppm: int
    overall_ppm: int
    fee_ppm: int


@dataclass(frozen=True, slots=True)
class Perp:
    """One perpetual of an account, `spot_units` its settled money, `other_units` what everything else counts."""

    spot_units: int
    lots: int
    quote_units: int
    other_units: int


def perp_health(rules: Weights, own: Perp) -> int:
    """The perpetual alone, before its profit is weighted; rounded down, the member bears it."""
    weight = rules.base_ppm if own.lots > 0 else 2 * PPM - rules.base_ppm
    return div_down(value(rules.contract, own.lots, rules.mark) * weight, PPM) + own.quote_units


def health(rules: Weights, own: Perp) -> int:
    """What stops the liquidation at zero."""
    perp = perp_health(rules, own)
    return own.spot_units + own.other_units + (div_down(perp * rules.overall_ppm, PPM) if perp > 0 else perp)


def liquidate(rules: Weights, own: Perp, lots_max: int, settle_max_units: int) -> Perp:
    """The five steps, each no further than health needs and limits let it: at most `lots_max` closed at the mark,

    at most `settle_max_units` settled. Close while the perpetual alone is below zero; settle its profit; close for more
    profit to settle; settle that; close what is left for the weighted profit.
    """
    closed = _close(rules, own, min(-perp_health(rules, own), -health(rules, own)), PPM, lots_max)
    settled = _settle(rules, closed, settle_max_units)
    left = settle_max_units - _settled(closed, settled)
    if not left:
        return _close_weighted(rules, settled, lots_max - _closed(own, settled))
    more = _close(rules, settled, -health(rules, settled), PPM - rules.fee_ppm, lots_max - _closed(own, settled))
    last = _settle(rules, more, left)
    return _close_weighted(rules, last, lots_max - _closed(own, last))


def _close_weighted(rules: Weights, own: Perp, lots_max: int) -> Perp:
    if perp_health(rules, own) < 0 or health(rules, own) >= -SLACK_UNITS:
        return own
    return _close(rules, own, -health(rules, own), rules.overall_ppm, lots_max)


def _close(rules: Weights, own: Perp, needed_units: int, counts_ppm: int, lots_max: int) -> Perp:
    """Close the lots that free `needed` at the mark, where what they free counts `counts_ppm`."""
    num, den = gross(rules.contract, 1, rules.mark)
    freed = num * (PPM - rules.base_ppm) * counts_ppm
    if needed_units <= 0 or freed <= 0:
        return own
    lots = min(div_up(needed_units * den * PPM * PPM, freed), lots_max, abs(own.lots))
    cash = sign(own.lots) * value(rules.contract, lots, rules.mark)
    return replace(own, lots=own.lots + closing_lots(own.lots, lots), quote_units=own.quote_units + cash)


def _settle(rules: Weights, own: Perp, most_units: int) -> Perp:
    """Move profit to spot: each unit counts `1 - fee` there instead of `overall` here."""
    gain_ppm = PPM - rules.fee_ppm - rules.overall_ppm
    needed = -health(rules, own)
    if needed <= 0 or gain_ppm <= 0:
        return own
    units = max(0, min(div_up(needed * PPM, gain_ppm), most_units, perp_health(rules, own)))
    paid = units - ppm_up(units, rules.fee_ppm)
    return replace(own, spot_units=own.spot_units + paid, quote_units=own.quote_units - units)


def _settled(before: Perp, after: Perp) -> int:
    return before.quote_units - after.quote_units


def _closed(before: Perp, after: Perp) -> int:
    return abs(before.lots) - abs(after.lots)
