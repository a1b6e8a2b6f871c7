"""Barriers: how a producer that writes to several input partitions says what goes before what.

A barrier is a record without a value and with the header `rhodian-barrier`, a number, written into every input
partition behind a group of lines. Intake lets a group go when it has read up to the same barrier in all partitions that
it has: then it is merged like files, and nothing depends on which partition a fetch brought first. Who writes none is
not affected. What waits goes after ALIGN_S all the same: a producer that died between two partitions stops nobody.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from faust.types import TP

HEADER = "rhodian-barrier"
ALIGN_S = 10.0


@dataclass(slots=True)
class Barriers:
    """What was met: `last` by partition, `begun` those with lines behind it; `since`: when they ceased to agree."""

    last: dict[TP, int] = field(default_factory=dict)
    begun: set[TP] = field(default_factory=set)
    since: float | None = None

    def without(self, tp: TP, records: list[Any]) -> list[Any]:
        """The records of a partition that are no barriers; those are noted."""
        found = []
        for record in records:
            number = next((value for name, value in record.headers or () if name == HEADER), None)
            if number is None:
                found.append(record)
                self.begun.add(tp)
            elif number.isdigit():
                self.last[tp] = int(number)
                self.begun.discard(tp)
        return found

    def must_hold(self, assigned: Collection[TP], now: float) -> bool:
        """Whether some partition has not come to the barrier that another has met, or has lines beyond it."""
        met = {self.last.get(tp) for tp in assigned}
        if len(met) == 1 and not self.begun:
            self.since = None
            return False
        self.since = self.since or now
        return now - self.since < ALIGN_S
