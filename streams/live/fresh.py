"""Which inputs of a frame are new: those beyond what was seen of their sources (RULEBOOK 2a.4)."""

from __future__ import annotations

from bisect import bisect_right

from schemas.message import Input
from streams.live.frames import InputsFrame


class Fresh:
    """The inputs of a frame that are beyond what was seen of their sources, in stretches of (line, source, offset)."""

    def __init__(self, frame: InputsFrame, last: dict[str, int]) -> None:
        self.stretches: list[tuple[int, str, int]] = []
        self.starts: list[int] = []
        self.messages: list[Input] = []
        seen, line = dict(last), 0
        for number, first, count in frame.head.runs:
            source = frame.head.sources[number]
            old = min(count, max(0, seen.get(source, -1) + 1 - first))
            if old < count:
                seen[source] = first + count - 1
                self.starts.append(len(self.messages))
                self.stretches.append((line + old, source, first + old))
                self.messages += frame.messages[line + old : line + count]
            line += count

    def place(self, at: int) -> tuple[int, str, int]:
        """Line, source and offset of one of the inputs."""
        stretch = bisect_right(self.starts, at) - 1
        line, source, offset = self.stretches[stretch]
        return line + at - self.starts[stretch], source, offset + at - self.starts[stretch]

    def seen(self, done: int) -> dict[str, int]:
        """The highest offset of each source among the first `done`."""
        ends = [*self.starts, len(self.messages)][1:]
        return {
            source: offset + min(done, end) - start - 1
            for (_, source, offset), start, end in zip(self.stretches, self.starts, ends, strict=True)
            if start < done
        }
