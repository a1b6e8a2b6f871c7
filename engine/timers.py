"""Deadlines in log time (RULEBOOK 5, 17.2d): judged at the first input at or after them, before its own effect."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field

KINDS = ("call", "order", "close", "sale")


@dataclass(slots=True)
class Timers:
    """A heap of (deadline, kind rank, (member, account), account). A timer is only a wake-up: who woke checks if
    it still holds.
    """

    heap: list[tuple[int, int, tuple[str, str]]] = field(default_factory=list)

    def set(self, deadline_ms: int, kind: str, key: tuple[str, str]) -> None:
        """Wake the account at `deadline_ms`."""
        heapq.heappush(self.heap, (deadline_ms, KINDS.index(kind), key))

    def next_ms(self) -> int | None:
        """The earliest deadline."""
        return self.heap[0][0] if self.heap else None

    def due(self, now_ms: int) -> tuple[str, str] | None:
        """The next due (kind, account), taken off; None when none is due."""
        if not self.heap or self.heap[0][0] > now_ms:
            return None
        _, kind, (_, account) = heapq.heappop(self.heap)
        return KINDS[kind], account
