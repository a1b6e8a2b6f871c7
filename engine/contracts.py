"""What is listed, as integers (RULEBOOK 2-4): contracts and collateral share one shape, a column with a mark.

A collateral asset is a linear column whose point value is net of the haircut and whose brackets are all zero, so
equity, sensitivity and conservation have one formula. Bounds are proved here, once, so that the columns may be int64.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd

from engine.brackets import NO_MARGIN, Brackets
from engine.margin.terms import compile_margin
from engine.numbers import BOUND, PPM, div_up
from engine.rules import money
from schemas.codes import Code, Refused
from schemas.decimals import count_of, ratio_of, units_of
from schemas.governed import AssetMessage, InstrumentMessage

PRICE_BOUND = 2**40


@dataclass(frozen=True, slots=True)
class Contract:
    """One listed instrument or asset. `V = q p num / den` when linear, `-q face / p` when inverse."""

    name: str
    is_asset: bool
    is_inverse: bool
    num: int
    den: int
    face: int
    spot: tuple[int, int]  # an asset's worth per lot and tick before the haircut
    tick: tuple[int, int]
    lot: tuple[int, int]
    lots_bound: int
    limit_lots: int
    price_min: int
    price_max: int
    listing_mark: int
    mm: Brackets
    im: Brackets
    scope: str
    expiry_ms: int | None
    band_ppm: int
    agree_ticks: int
    hold_ms: int
    stale_ms: int
    max_stale_ms: int
    half_spread_ticks: int
    impact_units: int
    depth_lots: int
    refill_lots_per_ms: int
    backstop_lots: int
    is_on_entry: bool  # requirements count entry value, not notional at the mark (15.1)
    version: int

    @property
    def is_exact(self) -> bool:
        """Whether its margin is a matter for exact integers: columns know brackets of notional at the mark only."""
        return self.is_on_entry or bool(self.mm.slope[0])

    def price_ticks(self, text: str) -> int:
        """A price as ticks. Refuses OFF_TICK, NOT_POSITIVE, PRICE_BEYOND_BOUND."""
        ticks = count_of(text, *self.tick, Code.OFF_TICK)
        if ticks <= 0:
            raise Refused(Code.NOT_POSITIVE, f"price {text} is not above zero")
        if not self.price_min <= ticks <= self.price_max:
            raise Refused(Code.PRICE_BEYOND_BOUND, f"price {text} is outside the listed bounds of {self.name}")
        return ticks

    def worst(self, lots: int) -> int:
        """The greatest notional that a holding can have within the price bounds, for sums over columns."""
        if self.is_inverse:
            return div_up(abs(lots) * self.face, self.price_min)
        return div_up(abs(lots) * self.price_max * self.num, self.den)

    def quantity_lots(self, text: str, least: int = 1) -> int:
        """A quantity as lots, at least `least`. Refuses OFF_LOT (TOO_MANY_DIGITS for an asset), NOT_POSITIVE,
        beyond bound.
        """
        lots = count_of(text, *self.lot, Code.TOO_MANY_DIGITS if self.is_asset else Code.OFF_LOT)
        if lots < least:
            raise Refused(Code.NOT_POSITIVE, f"quantity {text} is below {least} lots")
        if lots > self.lots_bound:
            raise Refused(Code.QUANTITY_BEYOND_BOUND, f"quantity {text} is beyond the bound of {self.name}")
        return lots


def compile_instrument(message: InstrumentMessage, decimals: int, book: str) -> Contract:
    """The contract of an `instrument` message. Refuses CROSSED_PARAMETERS, BOUND_DOES_NOT_FIT and the number codes."""
    tick, lot, worth = ratio_of(message.tick), ratio_of(message.lot), ratio_of(message.contract_value)
    limit = count_of(message.position_limit, *lot, Code.OFF_LOT)
    mm, im = compile_margin(message, decimals, lot, limit)
    inverse = message.kind == "inverse"
    num, den, face = _point_value(tick, lot, worth, decimals, inverse)
    price_min, price_max, mark = _prices(message, tick)
    contract = Contract(
        name=message.instrument, is_asset=False, is_inverse=inverse, num=num, den=den, face=face,
        spot=(num, den), tick=tick, lot=lot,
        lots_bound=4 * limit, limit_lots=limit, price_min=price_min, price_max=price_max, listing_mark=mark,
        mm=mm, im=im, scope=message.insurance_scope or book, expiry_ms=message.expiry_ms,
        band_ppm=message.band_ppm, agree_ticks=message.agree_ticks, hold_ms=message.hold_ms,
        stale_ms=message.stale_ms, max_stale_ms=message.max_stale_ms, half_spread_ticks=message.half_spread_ticks,
        impact_units=money(message.impact, decimals), depth_lots=message.depth_lots,
        refill_lots_per_ms=message.refill_lots_per_ms,
        backstop_lots=count_of(message.backstop_limit, *lot, Code.OFF_LOT),
        is_on_entry=message.margin_basis == "entry", version=message.version,
    )  # fmt: skip
    require_bounds(contract)
    return contract


def compile_asset(message: AssetMessage, decimals: int) -> Contract:
    """Collateral as a column: `V = balance p c (10^6 - haircut) / 10^6`, `c` the worth of one unit at one tick."""
    tick = ratio_of(message.tick)
    num = tick[0] * 10**decimals * (PPM - message.haircut_ppm)
    den = tick[1] * 10**message.decimals * PPM
    shared = gcd(num, den)
    limit = units_of(message.limit, message.decimals)
    price_min, price_max, mark = _prices(message, tick)
    contract = Contract(
        name=message.asset, is_asset=True, is_inverse=False, num=num // shared, den=den // shared, face=0,
        spot=(tick[0] * 10**decimals, tick[1] * 10**message.decimals), tick=tick,
        lot=(1, 10**message.decimals), lots_bound=4 * limit, limit_lots=limit, price_min=price_min,
        price_max=price_max, listing_mark=mark, mm=NO_MARGIN, im=NO_MARGIN, scope="", expiry_ms=None,
        band_ppm=message.band_ppm, agree_ticks=message.agree_ticks, hold_ms=message.hold_ms,
        stale_ms=message.stale_ms, max_stale_ms=message.max_stale_ms, half_spread_ticks=0, impact_units=0,
        depth_lots=1, refill_lots_per_ms=0, backstop_lots=0, is_on_entry=False, version=message.version,
    )  # fmt: skip
    require_bounds(contract)
    return contract


def _point_value(
    tick: tuple[int, int], lot: tuple[int, int], worth: tuple[int, int], decimals: int, inverse: bool
) -> tuple[int, int, int]:
    """`(num, den, face)`: the exact ratio of a linear contract, or the whole face of an inverse one."""
    num, den = lot[0] * worth[0] * 10**decimals, lot[1] * worth[1]
    num, den = (num * tick[1], den * tick[0]) if inverse else (num * tick[0], den * tick[1])
    if not inverse:
        return num // gcd(num, den), den // gcd(num, den), 0
    if num % den:
        raise Refused(Code.CROSSED_PARAMETERS, "the face of an inverse contract must be whole units")
    return 1, 1, num // den


def _prices(message: InstrumentMessage | AssetMessage, tick: tuple[int, int]) -> tuple[int, int, int]:
    """Least, greatest and listing price in ticks. Refuses CROSSED_PARAMETERS when they are out of order."""
    price_max = count_of(message.max_price, *tick, Code.OFF_TICK)
    price_min = 1 if message.min_price is None else count_of(message.min_price, *tick, Code.OFF_TICK)
    mark = count_of(message.mark, *tick, Code.OFF_TICK)
    if not 1 <= price_min <= mark <= price_max:
        raise Refused(Code.CROSSED_PARAMETERS, "expected one tick <= min_price <= mark <= max_price")
    return price_min, price_max, mark


def require_bounds(contract: Contract) -> None:
    """Proof that int64 columns hold (RULEBOOK 2.4): the greatest numerator and notional stay below 2^61.

    `|q| <= lots_bound`, `p <= price_max`: `|q| p num` (linear) or `|q| face` (inverse) is the greatest numerator, and
    `N` its quotient by `den` or the least price. Requirements are at most N, since rates are at most 10^6.
    """
    c = contract
    numerator = c.lots_bound * (c.face if c.is_inverse else c.price_max * c.num)
    notional = div_up(numerator, c.price_min if c.is_inverse else c.den)
    if not c.lots_bound > 0 or c.price_max >= PRICE_BOUND or max(numerator, notional, c.face, c.den) >= BOUND:
        raise Refused(Code.BOUND_DOES_NOT_FIT, f"{c.name}: limits times the greatest price pass 2^61 units")
