"""One reader over the frames of one journal: what was seen is dropped, the rest applied, and what it says collected.

A reader is a margin shard or the clearing house (`Role`). It begins with the message that opens the book.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from msgspec import Struct

from engine.clearing.door import Clearing
from engine.runs import Runs
from engine.shard.door import Shard
from schemas.codes import Code, Halt, Refused
from schemas.events import Event
from schemas.governed import BookMessage
from schemas.journal import Retired
from schemas.message import Input
from streams.live.frames import EntriesFrame, Frame, InputsFrame, Raw
from streams.live.fresh import Fresh
from streams.pacing import Pacing
from streams.reader import Reader, Record, Said

Stage = tuple[int, str]  # the seq of a book, and how far it is wound down: common data change with these alone
NEVER: Stage = (-1, "")
Opens = Callable[[BookMessage], Reader]
"""Makes the reader of a book that was just opened."""


@dataclass(slots=True)
class Letter:
    """An input that was refused after intake: by common data (the clearing house says it), or by its account."""

    raw: Raw
    refused: Refused
    seq: int


@dataclass(slots=True)
class Heard:
    """What some frames made the reader say, in order; `reshard` is the new P of a change that stood last in them."""

    records: list[Record] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)
    reshard: int | None = None


class Seen(Struct, frozen=True):
    """The inputs whose ids are remembered: the last `count` accepted ones among those of the journal from `start` on
    that are beyond `marks` in their sources and were not `passed` over, refused or repeated.
    """

    start: int = 0
    count: int = 0
    marks: dict[str, int] = {}
    passed: list[tuple[str, int]] = []


@dataclass(frozen=True, slots=True)
class _Step:
    """A frame of inputs: its offset, and how the reader stood before it."""

    offset: int
    seq: int
    marks: dict[str, int]
    passed: list[tuple[str, int]] = field(default_factory=list)


class Fold:
    """The fold of one journal partition, from where `reader` stands (None: the book is not open yet).

    `refuses`: what common data refuse is said here; once, by the clearing house.
    """

    def __init__(
        self, opens: Opens, reader: Reader | None = None, seen: Seen | None = None, *, refuses: bool = False
    ) -> None:
        self.opens, self.refuses = opens, refuses
        self.heard = Heard()
        self.steps: deque[_Step] = deque()
        self.unopened: dict[str, int] = {}  # what was seen, and refused, before the book was opened
        self.common: tuple[Stage, dict[str, bytes]] = (NEVER, {})  # the fields of common data, and when they were so
        self.reader: Reader | None = None
        if reader is not None:
            self._stand(reader)
            seen = seen or Seen()
            self.steps.append(_Step(seen.start, reader.book.seq - seen.count, dict(seen.marks), list(seen.passed)))

    def _stand(self, reader: Reader) -> None:
        self.reader, self.common = reader, (NEVER, {})
        reader.last = {**self.unopened, **reader.last}
        machine = reader.machine
        clearing, shards = (machine, []) if isinstance(machine, Clearing) else (None, [machine])
        self.pacing = Pacing(Runs(reader.book, clearing, shards))

    @property
    def is_retired(self) -> bool:
        """Whether a change of P has ended this shard; it has read up to the change, and reads no further."""
        return self.reader is not None and isinstance(self.reader.machine, Shard) and self.heard.reshard is not None

    def take(self, offset: int, frame: Frame) -> None:
        """Apply the frame at an offset of the journal; what was said is added to `heard`."""
        deque(self.taken(offset, frame), 0)

    def taken(self, offset: int, frame: Frame) -> Iterator[None]:
        """`take` in small steps: who drives it may do something else between two."""
        if isinstance(frame, InputsFrame):
            self.steps.append(_Step(offset, self._seq, dict(self._last)))
            yield from self._inputs(frame)
        elif self.reader is not None:
            yield from self._entries(self.reader, frame)
        if self.is_retired and self.reader is not None:
            book = self.reader.book
            self.heard.records.append(self.reader.number(Retired(book=book.name, seq=book.seq)))

    def _entries(self, reader: Reader, frame: EntriesFrame) -> Iterator[None]:
        head = frame.head
        for number, entry in enumerate(frame.entries, head.first):
            yield
            self._say(reader.take(Record(head.source, number, entry, head.shard, head.shards)))

    def _inputs(self, frame: InputsFrame) -> Iterator[None]:
        """New inputs, in stretches; what is counted as seen is what was applied."""
        fresh = Fresh(frame, self._last)
        messages = fresh.messages
        done = 0
        while done < len(messages) and not self.is_retired:
            yield
            fed = self.pacing.advance(messages, done) if self.reader else 0
            if not fed:
                self._single(frame, *fresh.place(done), messages[done])
            done += fed or 1
        self._last.update(fresh.seen(done))

    def _single(self, frame: InputsFrame, line: int, source: str, offset: int, message: Input) -> None:
        """One input by itself. The one that opens the book makes the reader, who inherits what was seen."""
        if self.reader is None:
            try:
                self._stand(self._opened(message))
            except Refused as refused:
                self.steps[-1].passed.append((source, offset))
                if self.refuses:
                    self._refuse(frame, line, refused)
                return
        seq, reader = self._seq, self.open_reader()
        said = reader.apply(message)
        if reader.book.seq == seq:
            self.steps[-1].passed.append((source, offset))
        if said.refused is not None and self.refuses:
            self._refuse(frame, line, said.refused)
        for refusal in said.refusals:
            self._refuse(frame, line, Refused(Code(refusal.code), refusal.reason))
        self._say(said)

    def _opened(self, message: Input) -> Reader:
        """The reader of the book that a message opens."""
        if not isinstance(message, BookMessage):
            raise Refused(Code.UNKNOWN_BOOK, f"no book named {message.book} is open")
        return self.opens(message)

    @property
    def _last(self) -> dict[str, int]:
        """The highest offset seen, by source."""
        return self.reader.last if self.reader else self.unopened

    @property
    def _seq(self) -> int:
        return self.reader.book.seq if self.reader else 0

    def seen(self) -> Seen:
        """Where the remembered inputs begin; what lies before is forgotten here too."""
        book = self.open_reader().book
        first = book.seq - len(book.seen_order)
        while len(self.steps) > 1 and self.steps[1].seq <= first:
            self.steps.popleft()
        passed = [place for step in self.steps for place in step.passed]
        return Seen(self.steps[0].offset, len(book.seen_order), self.steps[0].marks, passed)

    def open_reader(self) -> Reader:
        """The reader of an open book."""
        if self.reader is None:
            raise Halt("the book is not open")
        return self.reader

    def _refuse(self, frame: InputsFrame, line: int, refused: Refused) -> None:
        self.heard.letters.append(Letter(frame.raw(line), refused, self._seq))

    def _say(self, said: Said) -> None:
        self.heard.records += said.records
        self.heard.events += said.events
        if said.reshard is not None:
            self.heard.reshard = said.reshard

    def drain(self) -> Heard:
        """What was said since the last time."""
        heard, self.heard = self.heard, Heard()
        return heard
