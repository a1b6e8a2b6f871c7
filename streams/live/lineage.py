"""Who kept a book before: all shards of every P, folded in one process where Redis no longer knows (RULEBOOK 2a.9)."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.governed import BookMessage
from schemas.journal import Retired
from streams.live.fold import Fold
from streams.live.frames import EntriesFrame, Frame, InputsFrame
from streams.live.readers import Role
from streams.live.states import Saved, accounts_of, fields_of, stand_of, succeed

FRAMES_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Heritage:
    """What the shards of a change begin with: what all those before wrote down, where the change stands."""

    change: int
    shards: int
    position: int
    saved: list[Saved]


class Lineage:
    """All shards of every P, one after the other, over the journal of one book."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.folds: list[Fold] = []
        self.frames: list[tuple[int, Frame]] = []
        self.heritages: list[Heritage] = []
        self.retired: set[str] = set()

    def last(self) -> Heritage | None:
        """Of the last change before which all shards have said that they published everything (2a.9)."""
        numbers = dict(enumerate(self.numbers))
        done = (one for one in reversed(self.heritages) if self._sources(numbers, one.change - 1) <= self.retired)
        return next(done, None)

    @staticmethod
    def _sources(numbers: dict[int, int], change: int) -> set[str]:
        return {role.source for role in roles_of(numbers, change)}

    def take(self, offset: int, frame: Frame) -> None:
        """The next frame. The frame of a change is read on by its successors."""
        self.frames.append((offset, frame))
        if isinstance(frame, EntriesFrame) and any(isinstance(entry, Retired) for entry in frame.entries):
            self.retired.add(frame.head.source)
        if not self.folds and not self._open(frame):
            return
        while (shards := self._step(offset, frame)) is not None:
            self._change(offset, shards)
        if self.folds[0].reader is None:  # the opening was refused
            self.folds = []
            return
        if len(self.frames) > FRAMES_MAX:
            self._forget(self.folds[0].seen().start)

    def _forget(self, start: int) -> None:
        self.frames = [one for one in self.frames if one[0] >= start]

    def _open(self, frame: Frame) -> bool:
        """The first shards, with all that was read before the book was opened."""
        messages = frame.messages if isinstance(frame, InputsFrame) else []
        opening = next((one for one in messages if isinstance(one, BookMessage)), None)
        if opening is None:
            return False
        self.numbers = [opening.shards]
        self.folds = [Fold(Role(index, opening.shards).opens) for index in range(opening.shards)]
        for offset, before in self.frames[:-1]:
            self._step(offset, before)
        return True

    def _step(self, offset: int, frame: Frame) -> int | None:
        for fold in self.folds:
            fold.take(offset, frame)
        return {fold.drain().reshard for fold in self.folds}.pop()

    def _change(self, offset: int, shards: int) -> None:
        saved = [Saved(fields_of(fold), accounts_of(fold)) for fold in self.folds]
        seen = stand_of(saved[0]).seen
        self._forget(seen.start)
        frames = [frame for _, frame in self.frames if isinstance(frame, InputsFrame)]
        self.numbers.append(shards)
        change = len(self.numbers) - 1
        self.heritages.append(Heritage(change, shards, offset, saved))
        self.folds = [
            Fold(Role(index, shards).opens, succeed(saved, change, index, shards, frames), seen)
            for index in range(shards)
        ]


def roles_of(known: dict[int, int], change: int) -> list[Role]:
    """All shards of a change."""
    shards = known.get(change, 0)
    return [Role(index, shards, change) for index in range(shards)]
