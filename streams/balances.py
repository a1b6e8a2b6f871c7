"""What all readers of a book hold together: accounts, named accounts, conservation and the digest of it all.

Sums over readers, listings by name: nothing here depends on the number of shards.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from engine.accounts import Holding, account_key
from engine.ledger import OUTSIDE, TRANSIT, Ledger
from engine.margin.statement import Statement
from engine.names import member_of
from engine.value import value_floor
from streams.driver import BookRun


@dataclass(frozen=True, slots=True)
class Account:
    """One account as it stands."""

    name: str
    member: str
    status: str
    is_limited: bool
    holding: Holding
    own: Statement


@dataclass(frozen=True, slots=True)
class Conservation:
    """Invariants 14.1 and 14.2 over all readers: each number must be zero."""

    cash_units: int
    lots: dict[str, int]

    @property
    def holds(self) -> bool:
        """Whether nothing was made or lost."""
        return not self.cash_units and not any(self.lots.values())


def accounts_of(run: BookRun) -> list[Account]:
    """All accounts of a book, by (member, account)."""
    found = []
    for shard in run.shards:
        state = shard.state
        for row, name in enumerate(state.accounts.names):
            status, limited = state.accounts.status_of(row).word, row in state.accounts.limited
            holding = state.accounts.take(row)
            found.append(Account(name, member_of(name), status, limited, holding, state.statement(row)))
    return sorted(found, key=lambda one: account_key(one.name))


def named_of(run: BookRun) -> Ledger:
    """The named accounts of a book, all readers' parts added up."""
    total = Ledger()
    for ledger in (run.clearing.state.ledger, *(shard.state.ledger for shard in run.shards)):
        for name, units in ledger.cash.items():
            total.add(name, units)
        for name, held in ledger.lots.items():
            for column, lots in held.items():
                total.add_lots(name, column, lots)
    return total


def conservation(run: BookRun, accounts: list[Account]) -> Conservation:
    """What accounts and named accounts sum to."""
    named, contracts = named_of(run), run.book.contracts
    cash = sum(one.holding.cash for one in accounts) + sum(named.cash.values())
    lots = {
        contract.name: sum(_held(one.holding, column) for one in accounts)
        + sum(held.get(column, 0) for held in named.lots.values())
        for column, contract in enumerate(contracts)
    }
    return Conservation(cash, lots)


def _held(holding: Holding, column: int) -> int:
    return holding.positions[column] if column < len(holding.positions) else 0


def equity_units(accounts: list[Account]) -> int:
    """Equity of all members' accounts."""
    return sum(one.own.equity for one in accounts)


def open_interest(run: BookRun, accounts: list[Account]) -> dict[str, int]:
    """Lots held long, by instrument; named accounts hold some too."""
    named = named_of(run)
    holders = [held for name, held in named.lots.items() if name not in (OUTSIDE, TRANSIT)]
    return {
        contract.name: sum(max(0, _held(one.holding, column)) for one in accounts)
        + sum(max(0, held.get(column, 0)) for held in holders)
        for column, contract in enumerate(run.book.contracts)
        if not contract.is_asset
    }


def worth_units(run: BookRun, named: Ledger, name: str) -> int:
    """Cash and lots of a named account at the present marks."""
    held = named.lots.get(name, {})
    marked = (value_floor(run.book.contracts[column], lots, run.book.price(column)) for column, lots in held.items())
    return named.balance(name) + sum(marked)


def balances_digest(run: BookRun, accounts: list[Account]) -> str:
    """SHA-256 over `listing`."""
    found = hashlib.sha256()
    for line in listing(run, accounts):
        found.update(line)
    return found.hexdigest()


def listing(run: BookRun, accounts: list[Account]) -> Iterator[bytes]:
    """The canonical listing of a book, one JSON array a line, no zero columns.

    Accounts by (member, account): `["account",name,status,limited,cash,[[instrument,lots,entry],...]]`, as listed;
    then by name the named accounts that hold anything: `["named",name,cash,[[instrument,lots],...]]`.
    """
    names = [contract.name for contract in run.book.contracts]
    for one in accounts:
        rows = zip(names, one.holding.positions, one.holding.entries, strict=False)
        held = [[name, lots, entry] for name, lots, entry in rows if lots or entry]
        yield _line(["account", one.name, one.status, one.is_limited, one.holding.cash, held])
    named = named_of(run)
    for name in sorted({*named.cash, *named.lots}):
        lots = [[names[column], count] for column, count in sorted(named.lots.get(name, {}).items()) if count]
        if lots or named.balance(name):
            yield _line(["named", name, named.balance(name), lots])


def _line(row: list[object]) -> bytes:
    return msgspec.json.encode(row) + b"\n"
