"""What the merge of logs gives: messages in order, with their keys and the way back to the bytes they were."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.codes import Refused
from schemas.inputs import AnyInput
from streams.logs import Block

NO_TIME = -1
Times = NDArray[np.int64]


class Source(NamedTuple):
    """Where a message came from. A heartbeat of ours has line 0 of no file."""

    file: str
    line: int
    topic: str


@dataclass(slots=True, eq=False)
class Batch:
    """Messages in order. `times_ms[i]` is the merge key: the running maximum of time in the file of message i.

    `part` and `place` lead to the source: the block that a message came from, and its place in it; part -1 is ours.
    """

    messages: list[AnyInput | Refused]
    times_ms: Times
    part: NDArray[np.int64]
    place: NDArray[np.int64]
    blocks: list[Block]

    def source(self, position: int) -> Source:
        """File, line and topic of a message."""
        part = int(self.part[position])
        if part < 0:
            return Source("", 0, "commands")
        block = self.blocks[part]
        return Source(block.log.path.name, int(block.numbers[self.place[position]]), block.log.topic)

    def line(self, position: int) -> bytes:
        """The original bytes of a message; for refusals only: it splits the block."""
        part = int(self.part[position])
        return self.blocks[part].lines()[self.place[position]] if part >= 0 else b""
