"""Decimal text to integers for columns of inputs: each text of an instrument is read once, exactly, and remembered."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import getitem, is_

import numpy as np

from engine.accounts import Ints
from engine.book import Book
from engine.contracts import PRICE_BOUND, Contract
from schemas.codes import Refused

REFUSED = -1
KNOWN_MAX = 1 << 16  # texts of one instrument; beyond it they are forgotten
_SHIFT = PRICE_BOUND.bit_length() - 1


class _Read(dict[str, int]):
    """What a text of one instrument is as an integer; REFUSED where single inputs must say why."""

    def __init__(self, read: Callable[[str], int]) -> None:
        super().__init__()
        self.read = read

    def __missing__(self, text: str) -> int:
        if len(self) >= KNOWN_MAX:
            self.clear()
        try:
            found = self.read(text)
        except Refused:
            found = REFUSED
        self[text] = found
        return found


class _ByName(dict[str | None, _Read]):
    """The readers of all instruments; no other name is kept."""

    def __missing__(self, name: str | None) -> _Read:
        return _NOTHING


def _refused(_: str) -> int:
    return REFUSED


class _Nothing(_Read):
    def __missing__(self, text: str) -> int:
        return REFUSED


_NOTHING = _Nothing(_refused)


class Texts:
    """The readers of one book, made anew for what was listed, changed or settled since."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self._known: list[Contract] = []
        self._settled: list[bool] = []
        self._prices, self._lots = _ByName(), _ByName()

    def refresh(self) -> None:
        """Forget what no longer holds."""
        settled = [mark.settled for mark in self.book.marks]
        contracts = self.book.contracts
        if len(self._known) == len(contracts) and all(map(is_, self._known, contracts)) and settled == self._settled:
            return
        self._known, self._settled = list(contracts), settled
        self._prices, self._lots = _ByName(), _ByName()
        for column, contract in enumerate(contracts):
            if not contract.is_asset and not settled[column]:
                self._prices[contract.name] = _Read(_packed(column, contract))
                self._lots[contract.name] = _Read(contract.quantity_lots)

    def prices(self, names: Iterable[str | None], texts: Iterable[str], count: int) -> tuple[Ints, Ints]:
        """Column and ticks of each price of an instrument that may be priced and traded; column REFUSED: not so."""
        packed = np.fromiter(map(getitem, map(self._prices.__getitem__, names), texts), np.int64, count)
        return packed >> _SHIFT, packed & (PRICE_BOUND - 1)

    def lots(self, names: Iterable[str], texts: Iterable[str], count: int) -> Ints:
        """Lots of each quantity, REFUSED where it is none."""
        return np.fromiter(map(getitem, map(self._lots.__getitem__, names), texts), np.int64, count)


def _packed(column: int, contract: Contract) -> Callable[[str], int]:
    """Column and ticks in one integer: prices lie below PRICE_BOUND."""
    return lambda text: column << _SHIFT | contract.price_ticks(text)
