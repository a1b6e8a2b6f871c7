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
LOOK_AHEAD = 2_000  # lines offered to the fresh run at once


@dataclass(slots=True)
class Open:
    """What the journal is to show before the next input: entries but for answers, and answers of every shard."""

    entries: int = 0
    answers: int = 0

    def hear(self, frame: Frame) -> None:
        """A frame of the journal was seen."""
        if isinstance(frame, EntriesFrame):
            answers = sum(isinstance(entry, Answer) for entry in frame.entries)
            self.answers -= answers
            self.entries -= len(frame.entries) - answers

    @property
    def is_quiet(self) -> bool:
        """Nothing is open."""
        return self.entries <= 0 and self.answers <= 0


@dataclass(slots=True)
class Lockstep:
    """The fresh run beside a live one that begins with `shards` shards; `events` are what it told."""

    shards: int
    events: list[Event] = field(default_factory=list)
    open: Open = field(default_factory=Open)
    venue: Venue = field(default_factory=Venue)
    in_force: dict[str, int] = field(default_factory=dict)  # P by book, once it was changed

    def __post_init__(self) -> None:
        self.venue = Venue(1, Sinks(journal=self._entry, event=self.events.append, reshard=self._reshard))

    def _entry(self, record: Record) -> None:
        if isinstance(record, Marker):
            self.open.answers += self.in_force.get(record.book, self.shards)
        if not isinstance(record, Input | Answer):
            self.open.entries += 1

    def _reshard(self, book: str, shards: int) -> None:
        """Every old shard says that it has retired; markers behind the change are answered by the new ones."""
        self.open.entries += self.in_force.get(book, self.shards)
        self.in_force[book] = shards

    def groups(self, messages: list[AnyInput | Refused]) -> Iterator[list[Input]]:
        """Inputs that may be written together; what the last of them causes is open until the caller has heard it."""
        for start, stop in self.spans(messages):
            group = [self.as_fed(one) for one in messages[start:stop] if not isinstance(one, Refused)]
            if group:
                yield group

    def as_fed(self, message: Input) -> Input:
        """What live is given: its books open with its number of shards."""
        return msgspec.structs.replace(message, shards=self.shards) if isinstance(message, BookMessage) else message

    def spans(self, messages: list[AnyInput | Refused]) -> Iterator[tuple[int, int]]:
        """Where groups begin and end, refused lines among them."""
        start = position = 0
        while position < len(messages):
            position += self._feed(messages, position)
            if not self.open.is_quiet or position - start >= GROUP_MAX:
                yield start, position
                start = position
        if start < position:
            yield start, position

    def _feed(self, messages: list[AnyInput | Refused], position: int) -> int:
        """Feed the fresh run up to where something is open; how many lines that were."""
        first = messages[position]
        if isinstance(first, Refused):
            return 1
        run = self.venue.books.get(first.book)
        if run is None:
            with suppress(Refused):
                self.venue.feed(first)
            return 1
        some: list[Input] = []
        for one in messages[position : position + LOOK_AHEAD]:
            if isinstance(one, Refused) or one.book != first.book:
                break
            some.append(one)
        return run.feed_run(some, is_over=lambda _: not self.open.is_quiet)[0]
