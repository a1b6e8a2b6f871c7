"""The mark of one instrument or asset (RULEBOOK 6.8, 16.9, 17.14): bands, held ticks, staleness, suspension."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.contracts import Contract
from engine.numbers import PPM


@dataclass(slots=True)
class Mark:
    """`price` is the last accepted mark, in ticks. Until a first tick it is the listing price, and not trusted.

    `tick_ms` is the time of the last tick, before the first that of the listing; `is_overdue` once governance was told.
    """

    price: int
    tick_ms: int = 0
    is_overdue: bool = False
    awaits_tick: bool = True
    suspended: bool = False
    settled: bool = False
    held: list[tuple[int, int]] = field(default_factory=list)  # (time, price), all agreeing with the one before

    def is_trusted(self, contract: Contract, now_ms: int) -> bool:
        """Whether a new liquidation, a withdrawal or an order may rest on this mark."""
        if self.settled or self.suspended or self.awaits_tick or self.held:
            return False
        return not contract.stale_ms or now_ms - self.tick_ms <= contract.stale_ms

    def overdue_ms(self, contract: Contract) -> int | None:
        """When governance is to be asked for a settlement price; None: it was, or never."""
        if not contract.max_stale_ms or self.is_overdue or self.settled:
            return None
        return self.tick_ms + contract.max_stale_ms + 1

    def take(self, contract: Contract, price: int, now_ms: int) -> bool:
        """A tick: True when it is accepted as the mark, False when it is held."""
        self.tick_ms, self.is_overdue = now_ms, False
        if self.awaits_tick or _agrees(contract, self.price, price):
            return self._accept(price)
        if self.held and not _agrees(contract, self.held[-1][1], price):
            self.held.clear()
        self.held.append((now_ms, price))
        return len(self.held) >= contract.agree_ticks and self._accept(price)

    def release(self, contract: Contract, now_ms: int) -> bool:
        """Accept the latest held tick when the first of its run has waited `hold_ms` (zero: never); True when it
        was.
        """
        if not self.held or not contract.hold_ms or now_ms < self.held[0][0] + contract.hold_ms:
            return False
        return self._accept(self.held[-1][1])

    def _accept(self, price: int) -> bool:
        self.price, self.awaits_tick = price, False
        self.held.clear()
        return True


def _agrees(contract: Contract, anchor: int, price: int) -> bool:
    """Within the band of `anchor`; a band of zero is no band."""
    return not contract.band_ppm or abs(price - anchor) * PPM <= contract.band_ppm * anchor
