"""A replay that follows a live venue: `python -m streams.live.following CONFIG OUT`, a process of its own.

It audits the journals while they grow. A line on its input says where they end, as `{"book": offset}`: there it stops,
and leaves the files of a replay in OUT; on SIGTERM too. The end of its input without that line ends it at once.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from streams import under_way
from streams.exits import INTERRUPTED
from streams.journal import JournalEntry
from streams.live.journal import Journal
from streams.live.replaying import FromKafka
from streams.live.settings import Settings
from streams.replay import replay
from streams.under_way import Ended, UnderWay, Watch

PAUSE_S = 0.1


class Until:
    """Where the journals end, once the other side has said it."""

    def __init__(self) -> None:
        self.ends: dict[str, int] | None = None
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        line = sys.stdin.buffer.readline()
        if not line:
            os._exit(INTERRUPTED)  # whom we follow is gone
        self.ends = msgspec.json.decode(line, type=dict[str, int])


@dataclass(slots=True)
class Following(FromKafka):
    """Feeds a run with the journals of some books, one after the other, while they grow."""

    until: Until | None = None

    def _entries(
        self, run: UnderWay, journal: Journal, runner: asyncio.Runner, book: str
    ) -> Generator[JournalEntry, None, None]:
        """The entries of one book."""
        at, self.partition = 0, self.settings.books.index(book)
        while not run.watch.is_stopped:
            ends = self.until.ends if self.until else {}
            _, end = runner.run(journal.ends(self.partition))
            if at == end:
                if ends is not None and at >= ends.get(book, 0):
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
    replay(under_way.Settings(None, out), watch, Following(settings, settings.books, until=Until()))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
