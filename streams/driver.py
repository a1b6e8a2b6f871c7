"""The in-memory driver (RULEBOOK 2a.8): a fresh run of raw inputs, consequences placed breadth-first.

Topics are lists, the journal is a list; every reader of a book takes each entry before the next is placed. The number
of shards only says who computes: the journal is the same to the byte for every P.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from engine.accounts import account_key
from engine.book import Book
from engine.clearing.door import Clearing
from engine.clearing.rounds import union
from engine.operations import Resharded, Step
from engine.outbox import Outbox
from engine.runs import Runs
from engine.shard.door import Shard
from schemas.codes import Code, Refused
from schemas.events import Event, Refusal
from schemas.governed import BookMessage
from schemas.journal import Answer, AnyEntry, Decision
from schemas.message import Input
from streams.pacing import Pacing

Record = Input | AnyEntry
Outcome = tuple[int, Refused | Refusal]


def _drop(*_: object) -> None:
    """A sink for what nobody asked for."""


def _never(_: object) -> bool:
    return False


@dataclass(slots=True)
class Sinks:
    """Where a run puts what it says."""

    journal: Callable[[Record], None] = _drop
    event: Callable[[Event], None] = _drop
    reshard: Callable[[str, int], None] = _drop  # a book, and the P that a live run has from here on


class BookRun:
    """One book with its clearing house and all its shards, in lock-step."""

    def __init__(self, opening: BookMessage, shards: int = 1, sinks: Sinks | None = None) -> None:
        self.book = Book(opening.book, opening.settlement_asset, opening.decimals)
        self.clearing = Clearing(self.book)
        self.shards = [Shard(self.book, index, shards) for index in range(shards)]
        self.sinks = sinks or Sinks()
        self.queue: deque[AnyEntry] = deque()
        self.refusal: Refusal | None = None
        self.pacing = Pacing(Runs(self.book, self.clearing, self.shards))

    def feed(self, message: Input) -> Refusal | None:
        """One raw input and all its consequences. Raises Refused from common data; returns an account's refusal."""
        operation = self.book.judge(message)
        if operation is None:
            return None
        self.refusal = None
        self.sinks.journal(message)
        said: list[list[Outbox]] = []
        for step in self.book.fold(message, operation):
            said.append(self.apply(step))
        self._hear(said)
        while self.queue:
            self._place(self.queue.popleft())
        return self.refusal

    def apply(self, step: Step) -> list[Outbox]:
        """One change of the common data, by all readers."""
        if isinstance(step.operation, Resharded):
            self.sinks.reshard(self.book.name, step.operation.shards)
        return [self.clearing.apply(step), *(shard.apply(step) for shard in self.shards)]

    def feed_run(
        self, messages: list[Input], at: Callable[[int], None] = _drop, is_over: Callable[[int], bool] = _never
    ) -> tuple[int, list[Outcome]]:
        """`feed` for each, quiet stretches at once; how many were fed, and who was refused, by position.

        `at` is told each position before its input is written down. `is_over` is asked between steps whether to end.
        """
        outcomes: list[Outcome] = []
        done = 0
        while done < len(messages) and not is_over(done):
            fed = self.pacing.advance(messages, done)
            if fed:
                self._note(messages[done : done + fed], done, at)
                done += fed
                continue
            at(done)
            outcome = self._fed(messages[done])
            if outcome is not None:
                outcomes.append((done, outcome))
            done += 1
        return done, outcomes

    def _note(self, fed: list[Input], start: int, at: Callable[[int], None]) -> None:
        """Inputs that went in a run, into the journal."""
        if self.sinks.journal is not _drop:
            for place, message in enumerate(fed, start):
                at(place)
                self.sinks.journal(message)

    def _fed(self, message: Input) -> Refused | Refusal | None:
        try:
            return self.feed(message)
        except Refused as refused:
            return refused

    def _place(self, entry: AnyEntry) -> None:
        self.sinks.journal(entry)
        readers = [self.clearing.read(entry)]
        if isinstance(entry, Decision):  # what shards say changes nothing in a shard
            readers += [shard.read(entry) for shard in self.shards]
        self._hear([readers])

    def _hear(self, said: list[list[Outbox]]) -> None:
        """Queue what one cause made the readers say: the clearing house's first, then by (member, account)."""
        said = [readers for readers in said if any(one.has_said for one in readers)]
        if not said:
            return
        for readers in said:
            self.queue.extend(readers[0].entries)
        reports = [entry for readers in said for one in readers[1:] for entry in one.entries]
        answers = [entry for entry in reports if isinstance(entry, Answer)]
        others = [entry for entry in reports if not isinstance(entry, Answer)]
        self.queue.extend(sorted(others, key=lambda entry: account_key(getattr(entry, "account", ""))))
        if answers:
            self.queue.append(union(answers))
        self.tell(said)

    def tell(self, said: list[list[Outbox]]) -> None:
        """Events and refusals of one cause, in the same order for every number of shards."""
        for readers in said:
            for event in readers[0].events:
                self.sinks.event(event)
        events = [event for readers in said for one in readers[1:] for event in one.events]
        for event in sorted(events, key=lambda event: account_key(getattr(event, "account", ""))):
            self.sinks.event(event)
        for readers in said:
            for one in readers:
                for refusal in one.refusals:
                    self.refusal = refusal


@dataclass(slots=True)
class Venue:
    """All books of a run. A `book` message opens one."""

    shards: int = 1
    sinks: Sinks = field(default_factory=Sinks)
    books: dict[str, BookRun] = field(default_factory=dict)

    def feed(self, message: Input) -> Refusal | None:
        """One raw input, to the book it names. Raises Refused; returns an account's refusal."""
        run = self.books.get(message.book)
        if run is None:
            if not isinstance(message, BookMessage):
                raise Refused(Code.UNKNOWN_BOOK, f"no book named {message.book} is open")
            run = BookRun(message, self.shards, self.sinks)
            refusal = run.feed(message)
            self.books[message.book] = run  # only now: an opening that is refused opens nothing
            return refusal
        return run.feed(message)
