"""What one entry made a reader say: entries for the log, events for the world, refusals for the dead letters."""

from __future__ import annotations

from dataclasses import dataclass, field

from schemas.events import Event, Refusal
from schemas.journal import AnyEntry


@dataclass(slots=True)
class Outbox:
    """In the order in which it was said."""

    entries: list[AnyEntry] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)

    @property
    def has_said(self) -> bool:
        """Whether anything was said."""
        return bool(self.entries or self.events or self.refusals)
