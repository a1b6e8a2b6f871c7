"""One run under way: what it is asked to do, the world around it, and what both kinds of runs share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from schemas.codes import Code, Refused
from schemas.events import Refusal
from schemas.inputs import AnyInput, Price, Trade
from schemas.message import Input
from streams.balances import Account, accounts_of
from streams.outputs import Outputs
from streams.present import Fields
from streams.summary import Ran, snapshot, summarize

HEARTBEAT_MS = 60_000
Swap = Callable[[AnyInput], AnyInput]


@dataclass(frozen=True, slots=True)
class Settings:
    """What to run; `source` None where no file feeds it. `swap` is given every message and answers the one that stands
    in its place (what-if).
    """

    source: Path | None
    out: Path
    shards: int = 1
    until_ms: int | None = None
    strict: bool = False
    heartbeat_ms: int = HEARTBEAT_MS
    swap: Swap | None = None


@dataclass(slots=True)
class Watch:
    """The world around a run: `is_stopped` once somebody asked it to end, `progress` is told (share done, time)."""

    is_stopped: bool = False
    progress: Callable[[float, int], None] = field(default=lambda _share, _time_ms: None)


class Ended(Exception):
    """The run ends here, before the end of its input."""

    def __init__(self, end: str, reason: str) -> None:
        super().__init__(reason)
        self.end, self.reason = end, reason


@dataclass(slots=True)
class UnderWay:
    """A run and its files. `traded` are books with a trade, `openings` their snapshots before the market moves."""

    settings: Settings
    watch: Watch
    outputs: Outputs
    ran: Ran
    traded: set[str] = field(default_factory=set)
    openings: dict[str, Fields] = field(default_factory=dict)

    def refuse(self, refused: Refused) -> None:
        """Into the dead letters: a line that is no entry."""
        self.ran.refused += 1
        self._letter(refused)

    def refuse_accepted(self, refusal: Refusal) -> None:
        """Into the dead letters: what its account refused was accepted into the journal all the same."""
        self._letter(Refused(Code(refusal.code), refusal.reason))

    def _letter(self, refused: Refused) -> None:
        self.outputs.refuse(refused)
        if self.settings.strict:
            source = self.outputs.source()
            raise Ended("strict", f"{source.file}, line {source.line}: {refused}")

    def watch_opening(self, message: Input) -> None:
        """Before the first price after the first trade of a book: its state before the market moves."""
        if isinstance(message, Trade):
            self.traded.add(message.book)
        elif isinstance(message, Price) and message.book in self.traded and message.book not in self.openings:
            run = self.outputs.venue.books.get(message.book)
            if run is not None:
                self.openings[message.book] = snapshot(run)

    def free_of_snapshots(self, inputs: list[Input]) -> int:
        """How many of some inputs of one book come before its snapshot is due, or may become so."""
        book = inputs[0].book
        if book in self.openings:
            return len(inputs)
        kind = Price if book in self.traded else Trade
        return next((place for place, one in enumerate(inputs) if type(one) is kind), len(inputs))

    def finish(self) -> Fields:
        """The files that are written at the end, and the summary."""
        outputs = self.outputs
        books: dict[str, list[Account]] = {name: accounts_of(run) for name, run in outputs.venue.books.items()}
        outputs.write_accounts(books)
        outputs.write_funds()
        summary = summarize(self.ran, outputs, self.openings, books)
        outputs.write_summary(summary)
        return summary
