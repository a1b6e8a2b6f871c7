"""The slow twin: docs/rulebook.md once more, computed naively, one input after the other, in one process.

It computes what a FRESH run gives (RULEBOOK 2a.8): after each input all its consequences are worked off
before the next. No shards, no journal, no index: every check recomputes every account. It shares only
`schemas` with the engine; where chapter 17 leaves a choice, a comment beginning `READING:` stands there.
"""

from __future__ import annotations

from schemas.codes import Code, Refused
from schemas.governed import BookMessage
from schemas.inputs import TOPIC_OF
from schemas.message import Input
from tests.twin.book import Book

__all__ = ["Book", "Twin"]


class Twin:
    """Many books, each with its own log (1)."""

    def __init__(self) -> None:
        self.books: dict[str, Book] = {}

    def apply(self, message: Input, topic: str | None = None) -> Code | None:
        """None when accepted (or an idempotent repeat), else why it was refused (17.2)."""
        topic = topic or TOPIC_OF[type(message)]
        book = self.books.get(message.book)
        if book is None and not isinstance(message, BookMessage):
            return Code.UNKNOWN_BOOK
        book = book or Book(message.book)
        try:
            code = book.step(message, topic)
        except Refused as refused:
            return refused.code
        self.books[message.book] = book
        return code

    def check_invariants(self) -> None:
        """Every book's invariants (14)."""
        for book in self.books.values():
            book.check_invariants()
