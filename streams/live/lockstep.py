"""Feeding in lock-step (RULEBOOK 2a.8): the next raw input is written when nothing that the one before caused is open.

Whether anything is open cannot be seen from outside: a clearing house that has its answers may well decide nothing. So
a fresh run goes ahead in this process, which says what each input causes. Inputs that cause nothing go together. Then
live is the fresh run, to the byte, as fast as the pipeline can answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

import msgspec

from schemas.codes import Refused
from schemas.events import Event
from schemas.governed import BookMessage
from schemas.inputs import AnyInput
from schemas.journal import Answer, Marker
from schemas.message import Input
from streams.driver import Record, Sinks, Venue
from streams.live.frames import EntriesFrame, Frame

GROUP_MAX = 2_000


@dataclass(slots=True)
class Open:
    """What the journal is to show before the next input: entries but for answers, and answers of every shard."""

    entries: int = 0
    answers: int = 0

    def hear(self, frame: Frame) -> None:
        """A frame of the journal was seen."""
        if isinstance(frame, EntriesFrame):
            for entry in frame.entries:
                if isinstance(entry, Answer):
                    self.answers -= 1
                else:
                    self.entries -= 1

    @property
    def is_quiet(self) -> bool:
        """Nothing is open."""
        return self.entries <= 0 and self.answers <= 0


@dataclass(slots=True)
class Lockstep:
    """The fresh run beside a live one with `shards` shards; `events` are what it told."""

    shards: int
    events: list[Event] = field(default_factory=list)
    open: Open = field(default_factory=Open)
    venue: Venue = field(default_factory=Venue)

    def __post_init__(self) -> None:
        self.venue = Venue(self.shards, Sinks(journal=self._entry, event=self.events.append))

    def _entry(self, record: Record) -> None:
        if isinstance(record, Marker):
            self.open.answers += self.shards
        if not isinstance(record, Input | Answer):
            self.open.entries += 1

    def groups(self, messages: list[AnyInput | Refused]) -> Iterator[list[Input]]:
        """Inputs that may be written together; what the last of them causes is open until the caller has heard it."""
        group: list[Input] = []
        for message in messages:
            if isinstance(message, Refused):
                continue
            if isinstance(message, BookMessage):
                message = msgspec.structs.replace(message, shards=self.shards)
            group.append(message)
            with suppress(Refused):
                self.venue.feed(message)
            if not self.open.is_quiet or len(group) >= GROUP_MAX:
                yield group
                group = []
        if group:
            yield group
