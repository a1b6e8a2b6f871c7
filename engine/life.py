"""The life of an account (RULEBOOK 5, 17.6). A move that is not in the table is a defect of ours, never of an input."""

from __future__ import annotations

from enum import IntEnum

from schemas.codes import Halt


class Status(IntEnum):
    """`healthy -> margin_called | liquidating -> bankrupt -> defaulted -> settled`, and the ways back."""

    HEALTHY = 0
    MARGIN_CALLED = 1
    LIQUIDATING = 2
    BANKRUPT = 3
    DEFAULTED = 4
    SETTLED = 5
    CLOSED = 6

    @property
    def word(self) -> str:
        """As it stands in events and files."""
        return self.name.lower()


_MOVES: dict[Status, frozenset[Status]] = {
    Status.HEALTHY: frozenset({Status.MARGIN_CALLED, Status.LIQUIDATING, Status.BANKRUPT, Status.CLOSED}),
    Status.MARGIN_CALLED: frozenset({Status.HEALTHY, Status.LIQUIDATING, Status.BANKRUPT}),
    Status.LIQUIDATING: frozenset({Status.HEALTHY, Status.BANKRUPT}),
    Status.BANKRUPT: frozenset({Status.HEALTHY, Status.DEFAULTED}),
    Status.DEFAULTED: frozenset({Status.SETTLED, Status.HEALTHY}),
    Status.SETTLED: frozenset({Status.HEALTHY, Status.CLOSED}),
    Status.CLOSED: frozenset({Status.HEALTHY}),
}


def require_move(account: str, old: Status, new: Status) -> None:
    """Halts on an illegal move."""
    if new not in _MOVES[old]:
        raise Halt(f"account {account} cannot go from {old.word} to {new.word}")
