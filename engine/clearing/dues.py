"""What a window leaves to be paid later (RULEBOOK 8): calls, what is uncovered, what may be recovered."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Call:
    """An assessment of a window, or a refill after it: what is unpaid of it."""

    member: str
    window: int
    units: int
    deadline_ms: int


@dataclass(slots=True)
class Uncured:
    """What a window left uncovered, as far as it is unpaid, and until when it may be (17.25)."""

    window: int
    units: int
    deadline_ms: int


@dataclass(slots=True)
class Borne:
    """What a layer bore in a window and has not got back: of whose losses, and paid by whom (17.26)."""

    window: int
    rank: int
    layer: str
    kind: str
    owed: dict[str, int]
    paid: dict[str, int]
