"""What a replay has computed and its journal has not said yet (RULEBOOK 2a.3, 2a.5).

A journal may stop anywhere, so what is not there is no difference until a later entry of the same source proves that
it was left out. A member's reports come from one shard, in order of their causes, those of an account one by one; an
answer comes after all that its shard caused before the marker (2a.5).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from engine.names import member_of
from schemas.codes import Halt
from schemas.journal import Answer, AnyEntry, Decision, Declared, Moved, Paid, Raised

Told = Raised | Moved | Declared | Paid
encode = msgspec.json.Encoder(order="deterministic").encode


class _Report(NamedTuple):
    cause: int
    account: str
    said: bytes


@dataclass(slots=True)
class Awaited:
    """`reports` by member and `answers` by marker carry the place of their cause in the journal."""

    decisions: deque[AnyEntry] = field(default_factory=deque)
    reports: dict[str, deque[_Report]] = field(default_factory=dict)
    answers: dict[tuple[int, int], tuple[int, Answer]] = field(default_factory=dict)

    def expect(self, cause: int, entry: Told) -> None:
        """A report that the journal is to tell."""
        waiting = self.reports.setdefault(member_of(entry.account), deque())
        waiting.append(_Report(cause, entry.account, encode(entry)))

    def decide(self, entry: Decision) -> None:
        """A recorded decision: the next one. Raises Halt."""
        ours = self.decisions.popleft() if self.decisions else None
        if ours != entry:
            raise Halt(f"recorded decision {short(entry)} differs from the recomputed {short(ours)}")

    def report(self, entry: Told) -> None:
        """A recorded report: its account's next one, of its member's next cause. Raises Halt."""
        said, waiting = encode(entry), self.reports.get(member_of(entry.account), deque())
        due = [one for one in waiting if one.cause == waiting[0].cause]
        ours = next((one for one in due if one.account == entry.account), None)
        if ours is not None and ours.said == said:
            waiting.remove(ours)
            if not waiting:
                del self.reports[member_of(entry.account)]
        elif any(one.said == said for one in waiting):
            first = due[0] if ours is None else ours
            raise Halt(f"before the recorded report {_cut(said)} its shard said {_cut(first.said)}, which was left out")
        else:
            raise Halt(f"recorded report {_cut(said)} was not recomputed")

    def answer(self, key: tuple[int, int], theirs: Answer) -> None:
        """All recorded answers to a marker. Raises Halt, also for what their shards said before it and is not there."""
        cause, ours = self.answers.pop(key, (0, None))
        if ours != theirs:
            raise Halt(f"recorded answers {short(theirs)} differ from the recomputed {short(ours)}")
        earlier = [waiting[0].said for waiting in self.reports.values() if waiting[0].cause < cause]
        earlier += [encode(one) for other, one in self.answers.values() if other < cause]
        if earlier:
            raise Halt(
                f"before the recorded answers {short(theirs)} a shard said {_cut(earlier[0])}, which was left out"
            )

    def counts(self) -> tuple[int, int]:
        """How many reports, the answers to one marker as one, and decisions the journal has not told."""
        return sum(map(len, self.reports.values())) + len(self.answers), len(self.decisions)


def short(entry: AnyEntry | None) -> str:
    """The beginning of an entry, for people."""
    return "nothing" if entry is None else _cut(encode(entry))


def _cut(said: bytes) -> str:
    return said[:400].decode(errors="replace")
