"""Reference messages: books, assets, instruments, parameters, waterfalls; checks at listing (17.3, 8)."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor

from msgspec import UNSET

from schemas.codes import Code
from schemas.decimals import count_of, ratio_of
from schemas.governed import AssetMessage, BookMessage, InstrumentMessage, ParametersMessage, Quoted, WaterfallMessage
from schemas.governed import Bracket as BracketMessage
from tests.twin.listed import Asset, Bracket, Instrument, Layer, Rules
from tests.twin.margin import requirement
from tests.twin.reading import refuse_if, said_units, setting_units
from tests.twin.state import MILLION, BookState

KEPT = ("mark", "ticked", "last_tick_ms", "overdue", "held", "held_since_ms", "suspended", "settled", "index", "taken")


def quoted_fields(said: Quoted, tick: Fraction) -> dict[str, object]:
    """Tick, mark and bounds of what has a mark; prices below 2^40 ticks (17.3)."""

    def ticks(text: str) -> int:
        return count_of(text, *tick.as_integer_ratio(), Code.OFF_TICK)

    low = ticks(said.min_price) if said.min_price is not None else 1
    mark, high = ticks(said.mark), ticks(said.max_price)
    refuse_if(min(low, mark, high) <= 0, Code.NOT_POSITIVE, "expected prices above zero")
    refuse_if(low > high, Code.CROSSED_PARAMETERS, "min_price above max_price")
    refuse_if(not low <= mark <= high, Code.PRICE_BEYOND_BOUND, "the mark lies outside the listed prices")
    refuse_if(high >= 2**40, Code.BOUND_DOES_NOT_FIT, "expected prices below 2^40 ticks")
    rules = ("band_ppm", "agree_ticks", "hold_ms", "stale_ms", "max_stale_ms")
    bounds = {"tick": tick, "mark": mark, "min_price": low, "max_price": high}
    return bounds | {name: getattr(said, name) for name in rules}


def make_asset(book: BookState, said: AssetMessage) -> Asset:
    """A collateral column: `c = tick 10^decimals(settlement) / 10^decimals(asset)` (17.3)."""
    tick = Fraction(*ratio_of(said.tick))
    price = tick * 10**book.decimals / 10**said.decimals
    asset = Asset(said.asset, **quoted_fields(said, tick), decimals=said.decimals)
    asset.haircut_ppm, asset.price = said.haircut_ppm, price
    # READING: the column's ratio, haircut included, is in lowest terms for the bound.
    column = price * Fraction(MILLION - said.haircut_ppm, MILLION)
    asset.limit = said_units(asset, said.limit)
    most = 4 * asset.limit
    refuse_if(most * asset.max_price * column.numerator >= 2**61, Code.BOUND_DOES_NOT_FIT, said.asset)
    return asset


def make_instrument(book: BookState, said: InstrumentMessage) -> Instrument:
    """A contract with everything in integers, or refused (17.3)."""
    tick, lot, contract = (Fraction(*ratio_of(text)) for text in (said.tick, said.lot, said.contract_value))
    instrument = Instrument(said.instrument, **quoted_fields(said, tick), kind=said.kind, lot=lot)
    scale = lot * contract * 10**book.decimals
    if said.kind == "linear":
        instrument.point_value = scale * tick
    else:
        # READING: a face that is not whole is CROSSED_PARAMETERS.
        refuse_if((scale / tick).denominator != 1, Code.CROSSED_PARAMETERS, "the face must be whole")
        instrument.face = int(scale / tick)
    step = lot.as_integer_ratio()
    instrument.position_limit = count_of(said.position_limit, *step, Code.OFF_LOT)
    instrument.backstop_limit = count_of(said.backstop_limit, *step, Code.OFF_LOT)
    refuse_if(instrument.position_limit <= 0, Code.NOT_POSITIVE, "position_limit")
    refuse_if(instrument.backstop_limit < 0, Code.NOT_POSITIVE, "backstop_limit")
    instrument.mm_brackets = make_brackets(book, said.mm_brackets)
    instrument.im_brackets = make_brackets(book, said.im_brackets)
    take_margin_terms(book, instrument, said)
    require_im_above_mm(instrument)
    require_bounds(instrument)
    instrument.scope, instrument.expiry_ms = said.insurance_scope or book.name, said.expiry_ms
    instrument.half_spread, instrument.depth_lots = said.half_spread_ticks, said.depth_lots
    # READING: `impact` is money: F(x) counts units of the settlement asset.
    instrument.impact, instrument.refill = setting_units(said.impact, book.decimals), said.refill_lots_per_ms
    return instrument


def take_margin_terms(book: BookState, instrument: Instrument, said: InstrumentMessage) -> None:
    """Basis, cost of closing, size, open interest (17.17)."""
    for bracket in instrument.mm_brackets:
        bracket.rate_ppm += said.closing_cost_ppm or 0
    instrument.on_entry = said.margin_basis == "entry"
    free = count_of(said.free_quantity or "0", *instrument.lot.as_integer_ratio(), Code.OFF_LOT)
    refuse_if(free < 0, Code.NOT_POSITIVE, "free_quantity")
    refuse_if(bool(said.free_quantity) and not said.rate_per_unit, Code.CROSSED_PARAMETERS, "free_quantity alone")
    if said.rate_per_unit:
        instrument.rate_per_lot = Fraction(*ratio_of(said.rate_per_unit)) * instrument.lot
        instrument.free_lots = free
    if said.open_interest or said.interest_lower or said.interest_upper:
        texts = (said.open_interest, said.interest_lower, said.interest_upper)
        interest, low, high = (setting_units(text or "0", book.decimals) for text in texts)
        one = instrument.im_brackets[0]
        refuse_if(len(instrument.im_brackets) > 1 or low >= high, Code.CROSSED_PARAMETERS, "IM by open interest")
        scale = Fraction(min(max(interest - low, 0), high - low), high - low)
        one.rate_ppm += floor((MILLION - one.rate_ppm) * scale)
    more = instrument.rate_per_lot * max(0, instrument.position_limit - instrument.free_lots)
    highest = max(instrument.mm_brackets[-1].rate_ppm, instrument.im_brackets[-1].rate_ppm)
    refuse_if(Fraction(highest, MILLION) + more > 1, Code.CROSSED_PARAMETERS, "a rate above one at the limit")


def make_brackets(book: BookState, said: list[BracketMessage]) -> list[Bracket]:
    """First floor 0, floors rising, rates not falling, whole deductions (4, 17.3)."""
    brackets: list[Bracket] = []
    for one in said:
        low, rate = setting_units(one.floor, book.decimals), one.rate_ppm
        refuse_if(rate > MILLION or (not brackets and low), Code.CROSSED_PARAMETERS, "first floor 0, rates to 10^6")
        last = brackets[-1] if brackets else Bracket(-1, rate, 0)
        refuse_if(low <= last.floor or rate < last.rate_ppm, Code.CROSSED_PARAMETERS, "floors or rates fall")
        step = low * (rate - last.rate_ppm)
        refuse_if(step % MILLION, Code.CROSSED_PARAMETERS, "floor times rate step is not divisible by 10^6")
        brackets.append(Bracket(low, rate, last.deduction + step // MILLION))
    return brackets


def require_im_above_mm(instrument: Instrument) -> None:
    """IM(N) >= MM(N) for every N: at all floors of both tables, and the last rates (17.3)."""
    mm, im = instrument.mm_brackets, instrument.im_brackets
    floors = [bracket.floor for bracket in [*mm, *im]]
    crossed = any(requirement(im, low) < requirement(mm, low) for low in floors)
    refuse_if(crossed or im[-1].rate_ppm < mm[-1].rate_ppm, Code.CROSSED_PARAMETERS, "IM below MM")


def require_bounds(instrument: Instrument) -> None:
    """`|q| p num`, `|q| face` and the notional times the highest rate stay below 2^61 (17.3)."""
    most = 4 * instrument.position_limit
    if instrument.kind == "linear":
        product = most * instrument.max_price * instrument.point_value.numerator
        greatest = ceil(most * instrument.max_price * instrument.point_value)
    else:
        product = most * instrument.face
        greatest = ceil(Fraction(product, instrument.min_price))
    rate = max(instrument.mm_brackets[-1].rate_ppm, instrument.im_brackets[-1].rate_ppm)
    fits = product < 2**61 and Fraction(greatest * rate, MILLION) < 2**61
    refuse_if(not fits, Code.BOUND_DOES_NOT_FIT, instrument.name)


def make_rules(book: BookState, said: ParametersMessage) -> Rules:
    def limit(text: str | None) -> int | None:
        return None if text is None else setting_units(text, book.decimals)

    no_spread, no_adjustment = said.closing_spread_ppm is UNSET, said.closing_adjustment_ppm is UNSET
    refuse_if(no_spread and not no_adjustment, Code.CROSSED_PARAMETERS, "closing_adjustment_ppm alone")
    refuse_if(not no_spread and said.execution != "venue", Code.CROSSED_PARAMETERS, "a closing limit without orders")
    least = setting_units(said.min_notional, book.decimals)
    return Rules(said, least, limit(said.per_account_notional), limit(said.per_book_notional))


def make_layers(book: BookState, said: WaterfallMessage) -> list[Layer]:
    """One `uncovered` layer ends the ladder, alone in the last rank (8)."""
    last_rank = max(layer.rank for layer in said.layers)
    last = [layer for layer in said.layers if layer.rank == last_rank]
    ends = len(last) == 1 and last[0].kind == "uncovered"
    refuse_if(not ends, Code.WATERFALL_WITHOUT_END, "expected one uncovered layer alone in the last rank")
    once = len({layer.id for layer in said.layers}) == len(said.layers)
    endings = sum(layer.kind == "uncovered" for layer in said.layers)
    # READING: BAD_WATERFALL is a repeated id, a second `uncovered`, or one with a cap or a scope.
    plain = last[0].cap is None and last[0].scope is None
    refuse_if(not (once and endings == 1 and plain), Code.BAD_WATERFALL, "layers contradict each other")
    # READING: deleveraging stands once and has no cap; its words belong to no other layer.
    moving = [one for one in said.layers if one.kind == "deleveraging"]
    refuse_if(len(moving) > 1 or any(one.cap for one in moving), Code.BAD_WATERFALL, "one deleveraging, without a cap")
    return [Layer(one, money_of(book, one.cap), money_of(book, one.member_cap)) for one in said.layers]


def money_of(book: BookState, said: object) -> int | None:
    """A cap in units; none where it is not said."""
    return setting_units(said, book.decimals) if isinstance(said, str) else None


def terms_of(book: BookState, said: BookMessage | AssetMessage | InstrumentMessage) -> tuple[tuple[str, str], tuple]:
    """What never changes after listing, under the name it is listed by (17.3)."""
    match said:
        case BookMessage():
            return ("book", book.name), (said.settlement_asset, said.decimals)
        case AssetMessage():
            return ("asset", said.asset), (Fraction(*ratio_of(said.tick)), said.decimals)
    steps = tuple(Fraction(*ratio_of(text)) for text in (said.tick, said.lot, said.contract_value))
    return ("instrument", said.instrument), (said.kind, *steps, said.expiry_ms)


def require_same_terms(book: BookState, said: BookMessage | AssetMessage | InstrumentMessage) -> None:
    """TERMS_CHANGED when a listed name comes back as something else (17.3)."""
    (kind, name), terms = terms_of(book, said)
    refuse_if(book.terms.get((kind, name), terms) != terms, Code.TERMS_CHANGED, name)
    # READING: assets and instruments share one set of names (a sale's trade names either), and the settlement
    # asset is no collateral: a name that is taken is TERMS_CHANGED.
    other = {"asset": "instrument", "instrument": "asset"}.get(kind, "")
    taken = (other, name) in book.terms or (kind == "asset" and name == book.settlement_asset)
    refuse_if(taken, Code.TERMS_CHANGED, f"{name} is another thing")


def list_quoted(book: BookState, fresh: Asset | Instrument) -> None:
    """A first version is listed with its mark; a later one keeps mark, index and what the market did."""
    table = book.assets if isinstance(fresh, Asset) else book.instruments
    old = table.get(fresh.name)
    if old is None:
        fresh.last_tick_ms = book.clock
        table[fresh.name] = fresh
        book.listing.append(fresh)
        return
    kept = {name: getattr(old, name) for name in KEPT if hasattr(old, name)}
    vars(old).update(vars(fresh) | kept)
