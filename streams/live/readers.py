"""The readers of a book that a message opens: its clearing house, or one of its margin shards."""

from __future__ import annotations

from collections.abc import Callable

from engine.book import Book
from schemas.codes import Halt
from schemas.governed import BookMessage
from streams.reader import Reader, clearing_reader, shard_reader


def _book(opening: BookMessage) -> Book:
    return Book(opening.book, opening.settlement_asset, opening.decimals)


def clearing_of(opening: BookMessage) -> Reader:
    """The clearing house."""
    return clearing_reader(_book(opening))


def shard_of(index: int, shards: int) -> Callable[[BookMessage], Reader]:
    """Shard `index` of `shards`; halts when the book begins with another number of them (2a.1)."""

    def opens(opening: BookMessage) -> Reader:
        if opening.shards != shards:
            raise Halt(f"book {opening.book} begins with {opening.shards} shards, this is one of {shards}")
        return shard_reader(_book(opening), index, shards)

    return opens
