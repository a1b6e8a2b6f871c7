"""A replay that follows a live venue: `python -m streams.live.following CONFIG OUT`, a process of its own.

It audits the journals while they grow. A line on its input says where they end (`End`): there it stops, and leaves the
files of a replay in OUT, with what intake refused among the dead letters; on SIGTERM without that. The end of its input
without that line ends it at once.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from msgspec import Struct

from schemas.codes import Refused
from streams import under_way
from streams.batch import Source
from streams.exits import INTERRUPTED
from streams.journal import JournalEntry
from streams.live.journal import Journal
from streams.live.letters import refused_at_intake
from streams.live.replaying import FromKafka
from streams.live.settings import Settings
from streams.replay import replay
from streams.under_way import Ended, UnderWay, Watch

PAUSE_S = 0.1


class End(Struct, frozen=True):
    """Where the journals end, by book, and how many lines of what was fed intake refuses."""

    ends: dict[str, int]
    refused: int


class Until:
    """Where it ends, once the other side has said it."""

    def __init__(self) -> None:
        self.end: End | None = None
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        line = sys.stdin.buffer.readline()
        if not line:
            os._exit(INTERRUPTED)  # whom we follow is gone
        self.end = msgspec.json.decode(line, type=End)


@dataclass(slots=True)
class Following(FromKafka):
    """Feeds a run with the journals of some books, one after the other, while they grow."""

    until: Until = field(default_factory=Until)

    def _feed(self, run: UnderWay) -> None:
        """The journals, then the lines that never came into one: no replay of a journal knows them."""
        FromKafka._feed(self, run)
        if self.until.end is not None:
            for one in asyncio.run(refused_at_intake(self.settings, self.until.end.refused)):
                run.ran.lines += 1
                run.ran.refused += 1
                source = Source(f"{one.topic}/{one.partition}", one.offset, one.topic)
                run.outputs.letters.add(Refused(one.code, one.reason), source, one.value)

    def _entries(
        self, run: UnderWay, journal: Journal, runner: asyncio.Runner, book: str
    ) -> Generator[JournalEntry, None, None]:
        """The entries of one book."""
        at, self.partition = 0, self.settings.books.index(book)
        while not run.watch.is_stopped:
            said = self.until.end
            _, end = runner.run(journal.ends(self.partition))
            if at == end:
                if said is not None and at >= said.ends.get(book, 0):
                    return
                time.sleep(PAUSE_S)
                continue
            yield from self._stretch(run, journal, runner, at, end)
            at = end
        raise Ended("interrupted", "stopped by a signal")


def main(config: Path, out: Path) -> None:
    """Run to where the journals end."""
    settings, watch = Settings.load(config), Watch()

    def stop(*_: object) -> None:
        watch.is_stopped = True

    signal.signal(signal.SIGTERM, stop)
    replay(under_way.Settings(None, out), watch, Following(settings, settings.books))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
