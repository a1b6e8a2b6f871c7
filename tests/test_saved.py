"""RULEBOOK 14.7: nothing that a reader knows is missing from what it saves."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import fields
from typing import Any

import msgspec
import pytest
from msgspec.structs import astuple

from engine.book import Book
from engine.clearing.state import ClearingState
from engine.saved import book as saved_book
from engine.saved import clearing as saved_clearing
from engine.saved import plain as saved_plain
from engine.saved import shard as saved_shard
from engine.shard.state import ShardState
from schemas.codes import Refused
from schemas.governed import BookMessage
from streams.driver import BookRun
from tests.random_venue import messages, random_venue
from tests.test_runs import streams_of

# Rebuilt when a state is loaded, or handed in.
REBUILT = {"book", "out", "index", "shards", "accounts", "triggers", "columns", "column_of", "seen_order"}


def names(kind: type) -> set[str]:
    """The fields that must be saved."""
    return {field.name for field in fields(kind)} - REBUILT


def test_every_field_of_the_clearing_house_is_saved() -> None:
    """A field that is forgotten here is lost in a crash."""
    assert names(ClearingState) == {*saved_clearing._PLAIN, "raised", "expected", "window"}


def test_a_state_from_before_assessments_loads() -> None:
    """It lacks what no venue had then: calls, and the fields of rules and windows that have a default."""
    stream = [one for one in messages(*random_venue(11, 120)) if one.book == "usd"]
    first = stream[0]
    assert isinstance(first, BookMessage)
    run = BookRun(first)
    for message in stream:
        with suppress(Refused):
            run.feed(message)
    book, saved = saved_book.save_book(run.book), saved_clearing.save_clearing(run.clearing)
    assert (saved["calls"], saved["assessed"], saved["period"]) == ([], {}, None)
    older = {name: value for name, value in saved.items() if name not in ("calls", "assessed", "period")}
    del book["rules"]["withdrawal_factor"]
    for layer in book["waterfall"]["layers"]:
        for name in [name for name in layer if name not in ("id", "kind", "rank", "scope", "cap_units")]:
            del layer[name]
    loaded = saved_book.load_book(book)
    assert saved_book.save_book(loaded) == saved_book.save_book(run.book)
    assert saved_clearing.save_clearing(saved_clearing.load_clearing(loaded, older)) == saved


def test_every_field_of_a_shard_is_saved() -> None:
    """With the account, or with the rest."""
    rest = {"ledger", "is_window_open", "period_waits", "moves_in", "timers"}
    assert names(ShardState) == {*saved_shard._FACTS, *saved_shard._FLAGS, "counts", "asked", *rest}


def test_every_field_of_the_common_data_is_saved() -> None:
    """Ids too: a repeat after a reload is still a repeat."""
    assert names(Book) == set(saved_book.save_book(Book("b", "USD", 2))) - REBUILT


def assert_noted(run: BookRun, mirror: list[dict[str, Any]]) -> None:
    """Writing down only the rows that are said to have changed keeps a mirror true."""
    for shard, kept in zip(run.shards, mirror, strict=True):
        kept.update(saved_shard.save_accounts(shard.state, shard.state.accounts.changed))
        shard.state.accounts.changed.clear()
        assert kept == saved_shard.save_shard(shard)["accounts"]


@pytest.mark.parametrize("seed", range(60))
def test_every_changed_account_is_noted(seed: int) -> None:
    """14.7: what is written down of a shard chunk by chunk is all of it."""
    stream = [one for one in messages(*random_venue(seed, 120)) if one.book == "usd"]
    first = stream[0]
    assert isinstance(first, BookMessage)
    run = BookRun(first, 1 + seed % 2)
    mirror: list[dict[str, Any]] = [{} for _ in run.shards]
    for message in stream:
        with suppress(Refused):
            run.feed(message)
        assert_noted(run, mirror)


@pytest.mark.parametrize("seed", range(8))
def test_every_account_changed_in_a_run_is_noted(seed: int) -> None:
    """The same where quiet stretches go as columns."""
    stream = streams_of(seed, 60, 600)
    first = stream[0]
    assert isinstance(first, BookMessage)
    run = BookRun(first, 2)
    mirror: list[dict[str, Any]] = [{} for _ in run.shards]
    for start in range(0, len(stream), 50):
        run.feed_run(stream[start : start + 50])
        assert_noted(run, mirror)


@pytest.mark.parametrize("seed", range(4))
def test_accounts_loaded_at_once_are_those_loaded_one_by_one(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where every holding fits the columns, and where one number does not."""
    stream = streams_of(seed, 60, 600)
    first = stream[0]
    assert isinstance(first, BookMessage)
    run = BookRun(first)
    run.feed_run(stream)
    saved = saved_shard.save_shard(run.shards[0])
    names = list(saved["accounts"])
    saved["accounts"][names[seed]]["cash"] += 2 ** (60 + seed)
    for held in saved["rest"]["ledger"]["lots"].values():  # what came and went again is not written a second time
        for column in [column for column, lots in held.items() if not lots]:
            del held[column]
    loaded = saved_shard.load_shard(run.book, 0, 1, [saved], takes_ledger=True)
    texts = {name: msgspec.json.encode(one) for name, one in saved["accounts"].items()}
    from_text = saved_shard.load_shard(run.book, 0, 1, [saved | {"accounts": texts}], takes_ledger=True)
    monkeypatch.setattr(saved_shard, "load_plain", lambda _, __, names: names)
    singly = saved_shard.load_shard(run.book, 0, 1, [saved], takes_ledger=True)
    for one in (loaded, from_text):
        assert saved_shard.save_shard(one) == saved_shard.save_shard(singly) == saved
        wide = [{held.names[row] for row in held.wide} for held in (one.state.accounts, singly.state.accounts)]
        assert wide[0] == wide[1]


def test_an_account_is_plain_only_with_what_all_have() -> None:
    """Numbers come in the order of the listings, those past int64 too; a name that no field can have has no way."""
    read = saved_plain._reader(("A", "B"))
    assert read is not None
    plain = {"status": "healthy", "cash": 1, "flows": 2, "start": -(2**70), "positions": {"B": 3}, "entries": {}}
    for one in (plain, msgspec.json.encode(plain)):
        status, *units, positions, entries = astuple(read(one))
        assert (status, units) == ("healthy", [1, 2, -(2**70)])
        assert (astuple(positions), astuple(entries)) == ((0, 3), (0, 0))
    for other in (plain | {"limited": True}, plain | {"positions": {"C": 1}}):
        with pytest.raises(msgspec.ValidationError):
            read(msgspec.json.encode(other))
    assert saved_plain._reader(('quoted "A"',)) is None
