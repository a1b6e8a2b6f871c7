"""A margin shard as documents: one for each account, one for the rest; and back, for any number of shards."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import islice
from typing import Any

import msgspec
import numpy as np

from engine.accounts import Holding
from engine.book import Book
from engine.ledger import Ledger
from engine.life import Status
from engine.liquidation import Liquidation
from engine.operations import Asked
from engine.saved.book import Document
from engine.saved.plain import Written, load_plain
from engine.shard.door import Shard
from engine.shard.state import CollateralSale, ShardState

# Facts about a row that some accounts have: name of the field, and the type of its value.
_FACTS: dict[str, Any] = {
    "liquidations": Liquidation,
    "holes": int,
    "sales": CollateralSale,
    "bankrupt": tuple[int, list[tuple[str, int]]],
    "calls": tuple[int, int],
    "pace": tuple[int, int],
}
_WORDS = [status.word for status in Status]
_FLAGS = ("blocked", "defaulted", "overdue")
_STRETCH = 1_000  # accounts; documents of more are looked through for garbage again and again, and fall out of caches


def save_shard(shard: Shard) -> Document:
    """`accounts` by name, in their order; `rest` is what belongs to no account."""
    state = shard.state
    rows = state.accounts.in_order(list(range(len(state.accounts))))
    return {"accounts": dict(save_accounts(state, rows)), "rest": save_rest(state)}


def save_accounts(state: ShardState, rows: Collection[int]) -> Iterator[tuple[str, Document]]:
    """Some accounts with their names, one after the other: best written as they come."""
    few = _few(state, rows)
    waiting = iter(rows)
    while some := list(islice(waiting, _STRETCH)):
        yield from _save_stretch(state, some, few)


def _few(state: ShardState, rows: Collection[int]) -> set[int]:
    """Those of some rows that have more than all have."""
    facts = [getattr(state, fact).keys() for fact in _FACTS]
    flags = [getattr(state, flag) for flag in _FLAGS]
    wanted = set(rows)
    return set().union(
        *(wanted & one for one in (state.accounts.limited, state.accounts.orders.keys(), *facts, *flags))
    )


def _save_stretch(state: ShardState, rows: list[int], few: set[int]) -> Iterator[tuple[str, Document]]:
    """What all have from the columns at once, what few have one by one."""
    accounts, names = state.accounts, [contract.name for contract in state.book.contracts]
    at = np.array(rows, np.int64)
    columns = (accounts.status, accounts.cash, accounts.flows, accounts.start, accounts.positions, accounts.entries)
    for row, status, cash, flows, start, lots, entries in zip(
        rows, *(one[at].tolist() for one in columns), strict=True
    ):
        if row in accounts.wide:
            one = accounts.wide[row]
            cash, flows, start, lots, entries = one.cash, one.flows, one.start, one.positions, one.entries
        name = accounts.names[row]
        found: Document = {
            "status": _WORDS[status], "cash": cash, "flows": flows, "start": start,
            "positions": {one: held for one, held in zip(names, lots, strict=True) if held},
            "entries": {one: units for one, units in zip(names, entries, strict=True) if units},
        }  # fmt: skip
        if row in few:
            _save_facts(state, row, names, found)
        if name in state.counts:
            found["counts"] = dict(state.counts[name])
        if name in state.asked:
            found["asked"] = [[seq, msgspec.to_builtins(asked)] for seq, asked in state.asked[name].items()]
        yield name, found


def _save_facts(state: ShardState, row: int, names: list[str], found: Document) -> None:
    """What only some accounts have."""
    if row in state.accounts.limited:
        found["limited"] = True
    if row in state.accounts.orders:
        found["orders"] = {names[c]: list(sides) for c, sides in state.accounts.orders[row].items()}
    for fact in _FACTS:
        if row in getattr(state, fact):
            found[fact] = msgspec.to_builtins(getattr(state, fact)[row])
    found.update({flag: True for flag in _FLAGS if row in getattr(state, flag)})


def save_rest(state: ShardState) -> Document:
    """What belongs to no account."""
    return {
        "ledger": msgspec.to_builtins(state.ledger, str_keys=True), "is_window_open": state.is_window_open,
        "period_waits": state.period_waits, "moves_in": [[seq, to] for seq, to in state.moves_in.items()],
        "timers": msgspec.to_builtins(sorted(state.timers.heap)),
    }  # fmt: skip


def load_shard(book: Book, index: int, shards: int, saved: list[Document], *, takes_ledger: bool) -> Shard:
    """Shard `index` of `shards` from its own document, or from those of all shards of an old P; accounts may be texts.

    Members go where they belong. Parts of named accounts belong to no member and only add up: one shard takes them all.
    """
    shard = Shard(book, index, shards)
    state = shard.state
    state.accounts.widen(len(book.contracts))
    names = [list(filter(state.owns, document["accounts"])) for document in saved]
    state.accounts.reserve(sum(map(len, names)))
    for document, own in zip(saved, names, strict=True):
        _load_accounts(state, document["accounts"], own)
        _load_rest(state, document["rest"], takes_ledger=takes_ledger)
    state.sync()
    return shard


def _load_accounts(state: ShardState, saved: Mapping[str, Written], names: list[str]) -> None:
    """Some accounts: many at once, and those that are not plain one by one."""
    for first in range(0, len(names), _STRETCH):
        for name in load_plain(state, saved, names[first : first + _STRETCH]):
            one = saved[name]
            _load_account(state, name, msgspec.json.decode(one) if isinstance(one, bytes) else one)


def _load_account(state: ShardState, name: str, saved: Document) -> None:
    accounts, column_of = state.accounts, state.book.column_of
    row = accounts.open(name)
    holding = Holding(saved["cash"], saved["flows"], saved["start"], [0] * accounts.columns, [0] * accounts.columns)
    for instrument, lots in saved["positions"].items():
        holding.positions[column_of[instrument]] = lots
    for instrument, units in saved["entries"].items():
        holding.entries[column_of[instrument]] = units
    accounts.put(row, holding, state.book.contracts)
    accounts.status[row] = Status[saved["status"].upper()]
    if saved.get("limited"):
        accounts.limited.add(row)
    for instrument, (buys, sells) in saved.get("orders", {}).items():
        accounts.set_orders(row, column_of[instrument], buys, sells)
    for fact, kind in _FACTS.items():
        if fact in saved:
            getattr(state, fact)[row] = msgspec.convert(saved[fact], kind)
    for flag in _FLAGS:
        if saved.get(flag):
            getattr(state, flag).add(row)
    if "counts" in saved:
        state.counts[name] = dict(saved["counts"])
    for seq, asked in saved.get("asked", []):
        state.asked.setdefault(name, {})[seq] = msgspec.convert(asked, Asked)


def _load_rest(state: ShardState, saved: Document, *, takes_ledger: bool) -> None:
    state.is_window_open |= saved["is_window_open"]
    state.period_waits |= saved["period_waits"]
    state.moves_in.update({seq: to for seq, to in saved["moves_in"] if state.owns(to)})
    for deadline, kind, (member, account) in saved["timers"]:
        if state.owns(account):
            state.timers.heap.append((deadline, kind, (member, account)))
    state.timers.heap.sort()
    if takes_ledger:
        part = msgspec.convert(saved["ledger"], Ledger, strict=False)
        for name, units in part.cash.items():
            state.ledger.add(name, units)
        for name, held in part.lots.items():
            for column, lots in held.items():
                state.ledger.add_lots(name, column, lots)
