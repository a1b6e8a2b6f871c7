"""Deleveraging as a layer (6.7, 15.5, 17.22): what leaves, at what money, and who gives lots against it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

from tests.twin.allocate import allocate
from tests.twin.listed import Instrument, Layer
from tests.twin.margin import equity, mm, mm_in
from tests.twin.plan import Plan, bankruptcy_value, bisect
from tests.twin.state import BACKSTOP, LIQUIDATION, MARKET, MILLION, Account, BookState
from tests.twin.values import hand_over, notional, sign, value, value_floor
from tests.twin.waterfall import left_by, valid


@dataclass
class Batch:
    """Lots in @liquidation that are to be deleveraged, signed; `total` is what the whole line of `size` lots pays."""

    instrument: Instrument
    lots: int
    total: Fraction
    size: int
    first: int
    layer: Layer
    account: str

    def pays(self, first: int, last: int) -> int:
        """Differences of ceilings (6.3)."""
        return ceil(self.total * last / self.size) - ceil(self.total * first / self.size)


def layer_in_force(book: BookState) -> Layer | None:
    """The window's waterfall, else that of one that would open now."""
    layers = book.window.layers if book.window else valid(book)
    return next((layer for layer in layers if layer.said.kind == "deleveraging"), None)


def said(layer: Layer, name: str, default: object) -> object:
    """A field that may be left out."""
    found = getattr(layer.said, name)
    return found if isinstance(found, str | int) else default


def leave(book: BookState, plan: Plan, layer: Layer, first: int) -> None:
    """The rest beyond `first` lots leaves at the rule's money, in one batch, or below zero in two."""
    worth = value_floor(plan.instrument, plan.held, plan.instrument.mark)
    rule, size = said(layer, "price", "reserve"), notional(plan.instrument, plan.held, plan.instrument.mark)
    rest = abs(plan.held) - first
    book.torn_scope = plan.instrument.scope
    if rule == "reserve" and plan.equity < 0:
        marked = reserve(book, plan, layer, worth, rest)
        send(book, plan, layer, Fraction(worth), first, marked)
        send(book, plan, layer, plan.bankruptcy, first + marked, rest - marked)
        return
    total = plan.bankruptcy
    if rule == "mark" or (
        rule == "band" and abs(total - worth) * MILLION > Fraction(said(layer, "band_ppm", 0)) * size
    ):
        total = Fraction(worth)
    elif rule == "blend":
        total = (2 * total + worth) / 3
    send(book, plan, layer, total, first, rest)


def reserve(book: BookState, plan: Plan, layer: Layer, worth: int, rest: int) -> int:
    """Most lots whose loss at the mark the layers before can pay beside all that they owe."""

    def loss(lots: int) -> int:
        return max(0, ceil((plan.bankruptcy - worth) * lots / abs(plan.held)))

    cells = dict(book.window.loss) if book.window else {}
    scope = plan.instrument.scope
    for (account, of), units in book.reserved.items():
        key = (book.account(account).member, of)
        cells[key] = cells.get(key, 0) + units
    mine = (plan.account.member, scope)
    cells[mine] = cells.get(mine, 0) + loss(rest)
    payable = max(0, loss(rest) - left_by(book, layer.said.rank, cells))
    lots = rest if loss(rest) <= payable else bisect(lambda k: loss(k) <= payable, bad=rest, good=0)
    if lots:
        key = (plan.account.id, scope)
        book.reserved[key] = book.reserved.get(key, 0) + loss(lots)
    return lots


def send(book: BookState, plan: Plan, layer: Layer, total: Fraction, first: int, lots: int) -> None:
    """Lots to @liquidation, as a batch."""
    if not lots:
        return
    batch = Batch(plan.instrument, sign(plan.held) * lots, total, abs(plan.held), first, layer, plan.account.id)
    pays = batch.pays(first, first + lots)
    hand_over(book, plan.instrument, plan.account.id, LIQUIDATION, batch.lots, pays)
    book.event("position-deleveraged", plan.account.id, lots=-batch.lots, cash=pays)
    book.batches.append(batch)


def meet(book: BookState, batch: Batch) -> None:
    """The oldest batch: tier by tier, within rooms, then @market; the rest is torn up from now on."""
    instrument, left = batch.instrument, abs(batch.lots)
    tiers: dict[int, list[tuple[Account, int]]] = {1: [], 2: [], 3: []}
    for account in sorted([*book.members_accounts(), book.account(BACKSTOP)], key=lambda one: one.place):
        if account.positions.get(instrument.name, 0) * batch.lots < 0:
            room = room_of(book, batch, account)
            if room:
                tiers[tier_of(account, instrument)].append((account, room))
    given: dict[str, int] = {}
    for tier, rows in tiers.items():
        found = give(book, batch, tier, rows, left)
        given |= found
        left -= sum(found.values())
    there = book.account(MARKET).positions.get(instrument.name, 0)
    at_market = min(left, abs(there)) if there * batch.lots < 0 else 0
    names = sorted((one for one in given if given[one]), key=lambda one: book.account(one).place)
    book.event("deleveraging-allocated", batch.account, lots=-batch.lots, market=at_market, refused=left - at_market)
    if names or at_market:  # else nothing was placed (17.9)
        book.torn_scope = instrument.scope
    first = batch.first
    for name in [*names, *([MARKET] if at_market else [])]:
        lots = given.get(name, at_market)
        pays = batch.pays(first, first + lots)
        first += lots
        before = equity(book, book.account(name))
        hand_over(book, instrument, LIQUIDATION, name, sign(batch.lots) * lots, pays)
        if not name.startswith("@"):
            book.event("position-offset", name, lots=sign(batch.lots) * lots, cash=-pays)
            assert equity(book, book.account(name)) >= min(0, before - 1), f"6.7: {name} was driven below zero"


def tier_of(account: Account, instrument: Instrument) -> int:
    """In liquidation, in profit, other; the pool is other."""
    if account.id == BACKSTOP:
        return 3
    if account.status == "liquidating":
        return 1
    return 2 if profit_of(account, instrument) > 0 else 3


def profit_of(account: Account, instrument: Instrument) -> int:
    return value(instrument, account.positions[instrument.name], instrument.mark) - account.entries[instrument.name]


def room_of(book: BookState, batch: Batch, account: Account) -> int:
    """Most lots after which it is neither below zero nor further below MM than it was (6.7)."""
    instrument = batch.instrument
    held = account.positions[instrument.name]
    before = mm(book, account) - equity(book, account)

    def fits(lots: int) -> bool:
        rest = held - sign(held) * lots
        worth = value_floor(instrument, rest, instrument.mark) - value_floor(instrument, held, instrument.mark)
        cash = -(floor(batch.total * lots / batch.size) + 1) if lots else 0
        after = equity(book, account) + worth + cash
        mm_after = mm(book, account) - mm_in(book, account, instrument) + mm_in(book, account, instrument, rest)
        return after >= 0 and (after >= mm_after or mm_after - after <= before + len(account.positions))

    most = min(abs(batch.lots), abs(held))
    return most if fits(most) else bisect(fits, bad=most, good=0)


def give(book: BookState, batch: Batch, tier: int, rows: list[tuple[Account, int]], left: int) -> dict[str, int]:
    """One tier: pro rata to lots, or in profit by the layer's rule."""
    name = batch.instrument.name
    rule = said(batch.layer, "draw", "queue") if tier == 2 else "pro_rata"
    rooms = {account.place: room for account, room in rows}
    if rule == "queue":
        found = {}
        for account, room in sorted(rows, key=lambda row: (-score_of(book, batch, row[0]), row[0].place)):
            found[account.id] = min(room, left)
            left -= found[account.id]
        return found
    weights = {account.place: abs(account.positions[name]) for account, _ in rows}
    if rule == "capped_pro_rata":
        most = said(batch.layer, "most_ppm", MILLION)
        rooms = {place: min(room, weights[place] * most // MILLION) for place, room in rooms.items()}
    if rule == "risk_aware":
        weights = {account.place: risk_weight(book, batch, account) for account, _ in rows}
    return {account: share for (_, account), share in allocate(left, weights, rooms).items()}


def risk_weight(book: BookState, batch: Batch, account: Account) -> int:
    """`floor(E l^(1 + power))`, `l = N / max(1, E)`."""
    owned = max(0, equity(book, account))
    size = notional(batch.instrument, account.positions[batch.instrument.name], batch.instrument.mark)
    return floor(owned * Fraction(size, max(1, owned)) ** (1 + said(batch.layer, "power", 1)))


def score_of(book: BookState, batch: Batch, account: Account) -> int:
    """In millionths, rounded down (15.5)."""
    exact = exact_score(book, batch, account)
    return max(-(2**62), min(2**62, floor(exact * MILLION)))


def exact_score(book: BookState, batch: Batch, account: Account) -> Fraction:
    instrument, owned = batch.instrument, equity(book, account)
    held, entry = account.positions[instrument.name], account.entries[instrument.name]
    worth, profit = value_floor(instrument, held, instrument.mark), profit_of(account, instrument)
    rule = said(batch.layer, "score", "hyperliquid")
    if rule == "binance":
        wallet = max(10**book.decimals, account.cash + sum(account.entries.values()))
        return Fraction(max(0, profit) * mm(book, account), wallet * owned) if owned > 0 else Fraction(0)
    if rule == "bitmex":
        cushion = worth - bankruptcy_value(book, account, instrument, owned)
        if not entry or cushion <= 0 or not worth:
            return Fraction(0)
        leverage = abs(worth) / cushion
        rate = Fraction(profit, abs(entry))
        return rate * leverage if profit >= 0 else rate / leverage
    if not entry or owned <= 0 or not worth:
        return Fraction(0)
    moved = Fraction(abs(worth), abs(entry))
    size = notional(instrument, held, instrument.mark)
    return (moved if entry > 0 else 1 / moved) * Fraction(size, owned)
