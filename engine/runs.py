"""Runs of quiet inputs as columns: prices, heartbeats and plain trades that change no status.

Most of what happens at a venue touches nobody's status, and one input after the other costs Python's price each time.
`Runs.advance` applies the longest prefix of some inputs that it can prove quiet, at once, and leaves the book, the
clearing house and the shards exactly as one input after the other would (17.2). An input is quiet when

- it is judged acceptable by the rules of `Book.judge`: an id not seen in the book or before it in the run, a time
  neither late nor ahead, known names, on tick and lot, within bounds. Whatever is doubtful ends the prefix: the way of
  single inputs decides about it;
- the clock reaches nothing that is due, and no reader waits to look or to ask at the next input;
- a price is within its band and in the calm bounds of every shard's triggers, so no row whose positions the run leaves
  alone can change its status (`triggers`);
- rows that the run does trade on are proved to keep their status by `shard.quiet`.

Such inputs make no reader say anything, so only the state is left to be written.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import repeat
from operator import attrgetter, eq, is_

import numpy as np
from numpy.typing import NDArray

from engine.accounts import Ints
from engine.book import Book
from engine.clearing.door import Clearing
from engine.clearing.rounds import is_idle
from engine.drafts import Draft, drafted
from engine.ledger import BACKSTOP, MARKET, Ledger
from engine.numbers import PPM
from engine.shard import quiet
from engine.shard.door import Shard
from engine.shard.legs import Legs, Trades, legs_of
from engine.texts import REFUSED, Texts
from schemas.inputs import Price, Trade
from schemas.message import Input

_MARK, _INSTRUMENT, _ASSET = attrgetter("mark"), attrgetter("instrument"), attrgetter("asset")
_BUYER, _SELLER, _LIQUIDATION = attrgetter("buyer"), attrgetter("seller"), attrgetter("liquidation_id")
_PRICE, _QUANTITY = attrgetter("price"), attrgetter("quantity")
_BAND_MAX = 1 << 21  # wider bands, times a price, pass 2^62
NAMED = {MARKET, BACKSTOP}
FOREIGN, UNKNOWN, ELSEWHERE = -1, -2, -3
OTHERS_MAX = 1 << 20  # names of other shards' accounts that are remembered


@dataclass(slots=True)
class Ticks:
    """The prices of a run, in order: position, column, ticks."""

    at: Ints
    column: Ints
    price: Ints

    def before(self, stop: int) -> Ticks:
        """Those before a position."""
        count = int(np.searchsorted(self.at, stop))
        return Ticks(self.at[:count], self.column[:count], self.price[:count])


class _Others(dict[str, int]):
    """Whose matter a name is that no shard here has a row for: the clearing house's, that of shards elsewhere, or one
    that single inputs must judge. The latter are not remembered: they may open an account.
    """

    def __init__(self, shards: list[Shard]) -> None:
        super().__init__()
        self.shards = shards

    def __missing__(self, name: str) -> int:
        if name in NAMED:
            return FOREIGN
        if name[0] in "@/" or name[-1] == "/" or any(shard.state.owns(name) for shard in self.shards):
            return UNKNOWN
        if len(self) >= OTHERS_MAX:
            self.clear()
        self[name] = ELSEWHERE
        return ELSEWHERE


class Runs:
    """The way of runs for one book and those of its readers that are here: all, one shard, or the clearing house."""

    def __init__(self, book: Book, clearing: Clearing | None, shards: list[Shard]) -> None:
        self.book, self.clearing, self.shards = book, clearing, shards
        self.texts = Texts(book)
        self.others = _Others(shards)

    def advance(self, messages: list[Input]) -> int:
        """Apply the longest prefix that is proved quiet; its length."""
        if not self._is_calm():
            return 0
        due = [self.book.next_due_ms(), *(shard.next_due_ms() for shard in self.shards)]
        due.append(self.clearing.next_due_ms() if self.clearing else None)
        draft = drafted(self.book, min((ms for ms in due if ms is not None), default=None), messages)
        if not draft.stop:
            return 0
        self.texts.refresh()
        ticks = self._ticks(draft)
        trades = self._trades(draft)
        ticks = ticks.before(draft.stop)
        lows, highs = self._extremes(ticks)
        legs = self._legs(draft, ticks, trades) if trades is not None else []
        proofs: list[quiet.Proof] = []
        for shard, own in zip(self.shards, legs, strict=False):
            proofs.append(quiet.proved(shard.state, own, lows, highs, draft.stop))
            draft.stop = proofs[-1].stop
        if draft.stop:
            self._apply(draft, ticks.before(draft.stop), proofs)
            if trades is not None and self.clearing:
                self._post_named(self.clearing.state.ledger, trades, legs[-1].before(draft.stop))
        return draft.stop

    def _is_calm(self) -> bool:
        """Whether nothing waits to be looked at, or to be asked, at the next input."""
        if not self.book.is_ready or self.book.wind_down or self.book.clock_ms < 0:
            return False
        if self.clearing and not is_idle(self.clearing.state):
            return False
        return all(quiet.is_calm(shard.state) for shard in self.shards)

    def _ticks(self, draft: Draft) -> Ticks:
        """Prices of listed instruments that are accepted, and touch nobody."""
        some = draft.of.get(Price, [])
        at = np.array(draft.at.get(Price, []), np.int64)
        column, price = self.texts.prices(map(_INSTRUMENT, some), map(_MARK, some), len(some))
        bad = column == REFUSED
        if not all(map(is_, map(_ASSET, some), repeat(None))):
            bad |= np.fromiter((one.asset is not None for one in some), np.bool_, len(some))
        draft.end(at, bad)
        ticks = Ticks(at, column, price).before(draft.stop)
        for one in np.unique(ticks.column).tolist():
            mine = ticks.column == one
            draft.end(ticks.at[mine], self._disturbs(one, ticks.price[mine]))
        return ticks

    def _disturbs(self, column: int, prices: Ints) -> NDArray[np.bool_]:
        """Which prices are beyond the band of the one before, or outside the calm bounds."""
        mark, band = self.book.marks[column], self.book.contracts[column].band_ppm
        if mark.awaits_tick or mark.held or mark.is_overdue or band > _BAND_MAX:
            return np.ones(len(prices), np.bool_)
        bad = np.zeros(len(prices), np.bool_)
        if band:
            before = np.concatenate(([mark.price], prices[:-1]))
            bad |= np.abs(prices - before) * PPM > band * before
        for shard in self.shards:
            triggers = shard.state.triggers
            bad |= (prices < triggers.lo[column]) | (prices > triggers.hi[column])
        return bad

    def _extremes(self, ticks: Ticks) -> tuple[Ints, Ints]:
        """The least and greatest mark of each column inside the run, its start included."""
        lows = np.array([mark.price for mark in self.book.marks], np.int64)
        highs = lows.copy()
        for column in np.unique(ticks.column).tolist():
            prices = ticks.price[ticks.column == column]
            lows[column] = min(int(lows[column]), int(prices.min()))
            highs[column] = max(int(highs[column]), int(prices.max()))
        return lows, highs

    def _trades(self, draft: Draft) -> Trades | None:
        """Plain trades of listed instruments, judged."""
        some: list[Trade] = draft.of.get(Trade, [])
        if not some:
            return None
        at = np.array(draft.at[Trade], np.int64)
        column, price = self.texts.prices(map(_INSTRUMENT, some), map(_PRICE, some), len(some))
        lots = self.texts.lots(map(_INSTRUMENT, some), map(_QUANTITY, some), len(some))
        buyers, sellers = list(map(_BUYER, some)), list(map(_SELLER, some))
        bad = (column == REFUSED) | (lots == REFUSED)
        bad |= ~np.fromiter(map(is_, map(_LIQUIDATION, some), repeat(None)), np.bool_, len(some))
        bad |= np.fromiter(map(eq, buyers, sellers), np.bool_, len(some))
        for expired, contract in enumerate(self.book.contracts):
            if contract.expiry_ms is not None:
                bad |= (column == expired) & (draft.times[at] > contract.expiry_ms)
        draft.end(at, bad)
        return Trades(at, column, price, lots, buyers, sellers).before(draft.stop)

    def _legs(self, draft: Draft, ticks: Ticks, trades: Trades) -> list[Legs]:
        """The legs of every shard here, those of named accounts last; a name new to its shard ends the run."""
        count = len(trades.at)
        names = trades.buyers + trades.sellers
        owner, row = np.full(2 * count, UNKNOWN), np.zeros(2 * count, np.int64)
        for index, shard in enumerate(self.shards):
            found = np.fromiter(map(shard.state.accounts.row_of.get, names, repeat(-1)), np.int64, 2 * count)
            owner[found >= 0], row[found >= 0] = index, found[found >= 0]
        places = np.flatnonzero(owner == UNKNOWN)
        strange = names if len(places) == len(names) else [names[place] for place in places.tolist()]
        owner[places] = np.fromiter(map(self.others.__getitem__, strange), np.int64, len(strange))
        draft.end(trades.at, (owner[:count] == UNKNOWN) | (owner[count:] == UNKNOWN))
        both = legs_of(self.book.contracts, trades, self._marks_at(ticks, trades), row)
        return [both.pick(owner[both.name] == index) for index in (*range(len(self.shards)), FOREIGN)]

    def _marks_at(self, ticks: Ticks, trades: Trades) -> Ints:
        """The mark of its column that each trade meets."""
        marks = np.array([mark.price for mark in self.book.marks], np.int64)[trades.column]
        for column in np.unique(trades.column).tolist():
            mine, prices = trades.column == column, ticks.column == column
            last = np.searchsorted(ticks.at[prices], trades.at[mine]) - 1
            if prices.any():
                marks[mine] = np.where(last < 0, marks[mine], ticks.price[prices][np.maximum(last, 0)])
        return marks

    def _apply(self, draft: Draft, ticks: Ticks, proofs: list[quiet.Proof]) -> None:
        """Below this line nothing can fail."""
        stop = draft.stop
        self.book.fold_run(draft.messages[:stop], int(draft.clock[stop - 1]))
        for column in np.unique(ticks.column).tolist():
            last = int(np.flatnonzero(ticks.column == column)[-1])
            mark = self.book.marks[column]
            mark.price, mark.tick_ms = int(ticks.price[last]), int(draft.clock[int(ticks.at[last])])
            for shard in self.shards:
                shard.state.columns.set_price(column, mark.price)
        for shard, proof in zip(self.shards, proofs, strict=False):
            quiet.book_legs(shard.state, proof, stop)

    @staticmethod
    def _post_named(ledger: Ledger, trades: Trades, legs: Legs) -> None:
        """The legs of `@market` and the backstop, in the clearing house's books."""
        names = trades.buyers + trades.sellers
        for place, column, lots, cash in legs.rows():
            ledger.add(names[place], cash)
            ledger.add_lots(names[place], column, lots)
