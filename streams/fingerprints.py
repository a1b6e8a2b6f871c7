"""Digests of what a run wrote: events in an order that no shard decides, the journal as it stands."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field


@dataclass(slots=True)
class BookEvents:
    """SHA-256 over the event lines of one book, sorted by (seq, id); lines of one seq wait for the next."""

    found: hashlib._Hash = field(default_factory=hashlib.sha256)
    seq: int = -1
    waiting: list[tuple[str, bytes]] = field(default_factory=list)

    def add(self, seq: int, name: str, line: bytes) -> None:
        """One line; seqs of a book never fall."""
        if seq != self.seq:
            self._flush()
            self.seq = seq
        self.waiting.append((name, line))

    def _flush(self) -> None:
        for _, line in sorted(self.waiting):
            self.found.update(line)
        self.waiting.clear()

    def hexdigest(self) -> str:
        """Of all lines so far."""
        self._flush()
        return self.found.hexdigest()


def over_books(digests: dict[str, str]) -> str:
    """One digest for several books: SHA-256 over the lines `book digest`, by book."""
    found = hashlib.sha256()
    for book, digest in sorted(digests.items()):
        found.update(f"{book} {digest}\n".encode())
    return found.hexdigest()
