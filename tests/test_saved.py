"""RULEBOOK 14.7: nothing that a reader knows is missing from what it saves."""

from __future__ import annotations

from dataclasses import fields

from engine.book import Book
from engine.clearing.state import ClearingState
from engine.saved import book as saved_book
from engine.saved import clearing as saved_clearing
from engine.saved import shard as saved_shard
from engine.shard.state import ShardState

# Rebuilt when a state is loaded, or handed in.
REBUILT = {"book", "out", "index", "shards", "accounts", "triggers", "columns", "column_of", "seen_order"}


def names(kind: type) -> set[str]:
    """The fields that must be saved."""
    return {field.name for field in fields(kind)} - REBUILT


def test_every_field_of_the_clearing_house_is_saved() -> None:
    """A field that is forgotten here is lost in a crash."""
    assert names(ClearingState) == {*saved_clearing._PLAIN, "raised", "expected", "window"}


def test_every_field_of_a_shard_is_saved() -> None:
    """With the account, or with the rest."""
    rest = {"ledger", "is_window_open", "period_waits", "moves_in", "timers"}
    assert names(ShardState) == {*saved_shard._FACTS, *saved_shard._FLAGS, "counts", "asked", *rest}


def test_every_field_of_the_common_data_is_saved() -> None:
    """Ids too: a repeat after a reload is still a repeat."""
    assert names(Book) == set(saved_book.save_book(Book("b", "USD", 2))) - REBUILT
