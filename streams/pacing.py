"""When to try a run (engine.runs), and over how many inputs: where runs keep ending at once, single inputs go on."""

from __future__ import annotations

from engine.runs import Runs
from schemas.message import Input

CHUNK_MIN, CHUNK_MAX = 64, 8192
WORTHWHILE = 8  # inputs; a shorter run costs as much as single inputs
PAUSE_MAX = 64


class Pacing:
    """The runs of one book; `rest` single inputs are due before the next try, up to PAUSE_MAX."""

    def __init__(self, runs: Runs) -> None:
        self.runs = runs
        self.chunk, self.rest, self.pause = CHUNK_MIN, 0, 1

    def advance(self, messages: list[Input], start: int) -> int:
        """How many inputs from `start` on were applied in a run; 0: the next one goes singly."""
        if self.rest:
            self.rest -= 1
            return 0
        some = messages[start : start + self.chunk]
        done = self.runs.advance(some)
        if done == len(some):
            self.chunk, self.pause = min(2 * self.chunk, CHUNK_MAX), 1
        else:
            self.chunk = max(CHUNK_MIN, min(self.chunk, 2 * done))
            self.pause = 1 if done >= WORTHWHILE else min(2 * self.pause, PAUSE_MAX)
            self.rest = self.pause - (not done)
        return done
