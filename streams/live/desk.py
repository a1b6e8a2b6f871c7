"""One reader at work on one partition of the journal."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from schemas.codes import Halt
from streams.live.fold import Fold
from streams.live.readers import Role
from streams.live.tables import Table
from streams.reader import Record


@dataclass(slots=True)
class Desk:
    """One reader at work on one partition: `end` is where the journal ended when it was assigned.

    `is_waiting`: another P keeps the book. `is_moved`: what comes from beyond `position` was fetched before a seek.
    """

    partition: int
    role: Role
    fold: Fold
    table: Table
    end: int
    position: int = 0
    unsaid: deque[Record] = field(default_factory=deque)
    halt: Halt | None = None
    is_waiting: bool = False
    is_moved: bool = False
    is_noted: bool = False
    saved_at: float = 0.0

    @property
    def is_idle(self) -> bool:
        """What comes is dropped."""
        return self.is_waiting or self.halt is not None

    def must_skip(self, offset: int) -> bool:
        """Whether a chunk from `offset` on was fetched before a seek."""
        self.is_moved = self.is_moved and offset > self.position
        return self.is_moved
