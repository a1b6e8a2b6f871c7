"""What a worker reads as: the clearing house of a book, or one of its margin shards."""

from __future__ import annotations

from dataclasses import dataclass

from engine.book import Book
from schemas.governed import BookMessage
from streams.reader import Reader, clearing_reader, shard_reader


class NotInForce(Exception):
    """The book is opened with `shards`, another number than ours."""

    def __init__(self, shards: int) -> None:
        super().__init__(f"the book begins with {shards} shards")
        self.shards = shards


@dataclass(frozen=True, slots=True)
class Role:
    """`index` None: the clearing house; else shard `index` of `shards`, after `change` changes of their number."""

    index: int | None = None
    shards: int = 1
    change: int = 0

    @property
    def source(self) -> str:
        """Who this is in the journal."""
        return "clearing" if self.index is None else f"margin/{self.change}/{self.index}"

    @property
    def refuses(self) -> bool:
        """What common data refuse is told once, by the clearing house."""
        return self.index is None

    def opens(self, opening: BookMessage) -> Reader:
        """The reader of a book that this message opens. Raises Refused, and NotInForce for another P (2a.1)."""
        book = Book(opening.book, opening.settlement_asset, opening.decimals)
        book.judge(opening)
        if self.index is None:
            return clearing_reader(book)
        if opening.shards != self.shards:
            raise NotInForce(opening.shards)
        return shard_reader(book, self.index, self.shards)
