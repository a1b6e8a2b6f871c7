"""Accounts that have nothing but money and lots, many at once: read as structs made for the listings, into the columns.

An account is a document or its text; a text is never made a document on the way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache, partial
from itertools import chain
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct
from msgspec.structs import astuple

from engine.life import Status
from engine.numbers import BOUND
from engine.saved.book import Document
from engine.shard.state import ShardState

Written = Document | bytes
_CODES = {status.word: int(status) for status in Status}


def load_plain(state: ShardState, saved: Mapping[str, Written], names: Iterable[str]) -> list[str]:
    """Those of some accounts that are plain and fit the columns are written there; the names of the others.

    None fits where holdings within bounds could add up beyond int64.
    """
    accounts, contracts = state.accounts, state.book.contracts
    read = _reader(tuple(contract.name for contract in contracts))
    if read is None or 2 * sum(contract.worst(contract.lots_bound) for contract in contracts) >= BOUND:
        return list(names)
    found, others = dict[str, tuple[Any, ...]](), list[str]()
    for name in names:
        try:
            found[name] = astuple(read(saved[name]))
        except msgspec.ValidationError:
            others.append(name)
    if not found:
        return others
    statuses, *units, positions, entries = zip(*found.values(), strict=True)
    try:
        money = np.array(units, np.int64)
        lots, entered = (_matrix(one, len(contracts)) for one in (positions, entries))
    except OverflowError:  # some number is past int64: one by one
        return [*others, *found]
    bounds = np.array([contract.lots_bound for contract in contracts], np.int64)
    units_fit = [(one > -BOUND) & (one < BOUND) for one in (money.T, entered)]
    fits = np.hstack([*units_fit, (lots >= -bounds) & (lots <= bounds)]).all(axis=1)
    rows = np.array([accounts.open(name) for name in found], np.int64)[fits]
    accounts.cash[rows], accounts.flows[rows], accounts.start[rows] = money[:, fits]
    accounts.positions[rows], accounts.entries[rows] = lots[fits], entered[fits]
    accounts.status[rows] = np.array([_CODES[word] for word in statuses], np.int8)[fits]
    known = list(found)
    return [*others, *(known[place] for place in np.flatnonzero(~fits).tolist())]


def _matrix(structs: tuple[Struct, ...], columns: int) -> Any:
    """A row of numbers for each struct."""
    return np.fromiter(chain.from_iterable(map(astuple, structs)), np.int64).reshape(len(structs), columns)


@lru_cache(16)
def _reader(names: tuple[str, ...]) -> Callable[[Written], Struct] | None:
    """Reads a plain account, numbers in the order of the columns, or raises ValidationError for one that has more.

    None where a name cannot be that of a field, which only text with quotes, backslashes or control characters cannot.
    """
    columns = {f"column_{at}": name for at, name in enumerate(names)}
    try:
        numbers: type[Struct] = msgspec.defstruct(
            "Numbers", [(column, int, 0) for column in columns], rename=columns, forbid_unknown_fields=True, gc=False
        )
    except ValueError:
        return None
    money = [(name, int) for name in ("cash", "flows", "start")]
    fields = [("status", str), *money, ("positions", numbers), ("entries", numbers)]
    plain = msgspec.defstruct("Plain", fields, forbid_unknown_fields=True, gc=False)
    decode, convert = msgspec.json.Decoder(plain).decode, partial(msgspec.convert, type=plain)
    return lambda one: decode(one) if isinstance(one, bytes) else convert(one)
