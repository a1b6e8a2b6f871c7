"""The engine beside its slow twin: the same inputs into both, and every balance, status and event must agree."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any
from unittest.mock import patch

from engine.runs import Runs
from engine.saved.book import load_book, save_book
from engine.saved.clearing import load_clearing, save_clearing
from engine.saved.shard import load_shard, save_shard
from engine.shard import watch
from schemas.codes import Code, Refused
from schemas.events import Event
from schemas.message import Input
from streams.driver import BookRun, Sinks, Venue
from streams.pacing import Pacing
from tests.closing_invariant import checked_plans
from tests.engine_invariants import Invariants
from tests.random_venue import Act, messages
from tests.twin import Twin
from tests.venue_opening import Settings

# What the twin tells, in the engine's words, and the fields that both tell, in the twin's order; other events of the
# engine have no twin.
TOLD: dict[str, tuple[str, ...]] = {
    "margin-called": ("call_units", "deadline_ms"), "margin-call-met": ("equity_units",), "margin-call-missed": (),
    "liquidation-triggered": ("equity_units", "mm_units"), "liquidation-ended": ("equity_units", "mm_units"),
    "liquidation-ordered": ("liquidation_id", "lots", "limit_ticks"), "position-taken-over": (),
    "liquidation-filled": ("instrument", "lots", "cash_units"),
    "liquidation-order-filled": (
        "liquidation_id", "lots", "cash_units", "price_ticks", "fee_units", "unfilled_lots",
    ),
    "position-deleveraged": ("lots", "cash_units"), "position-offset": ("lots", "cash_units"),
    "deleveraging-allocated": ("lots", "market_lots", "refused_lots"), "position-torn-up": (),
    "hole-found": ("equity_units",), "window-opened": (), "default-declared": (),
    "loss-allocated": (), "gains-charged": ("window", "amount_units"), "window-closed": (),
    "assessment-called": ("amount_units", "deadline_ms"), "assessment-missed": ("window", "amount_units"),
    "refill-called": ("amount_units", "deadline_ms"), "refill-missed": ("window", "amount_units"),
    "estate-held": ("amount_units",), "estate-paid": ("amount_units",),
    "recovery-allocated": ("amount_units", "left_units"),
    "wind-down-begun": ("uncovered_units",), "wind-down-paid": ("held_units", "claims_units"),
    "withdrawal-released": ("amount",),
    "withdrawal-refused": (), "mark-held": (), "settlement-due": ("since_ms",),
    "limit-exceeded": ("instrument", "lots", "limit_lots"),
    "collateral-offered": ("sale_id", "asset", "lots", "deadline_ms"),
    "collateral-sold": ("asset", "lots", "pay_units", "buyer"),
}  # fmt: skip
Told = tuple[str, int, str, str, list[str]]


class Pair:
    """An engine venue and a twin, fed alike."""

    def __init__(self, shards: int = 1) -> None:
        self.events: list[Event] = []
        self.venue = Venue(shards, Sinks(event=self.events.append))
        self.twin = Twin()
        self.invariants = Invariants(self.venue, self.events)
        self.heard, self.heard_twin = 0, dict[str, int]()

    def feed(self, message: Input) -> Code | None:
        """One input into both; the codes must agree."""
        expected = self.twin.apply(message)
        found = engine_code(self.venue, message)
        assert found == expected, f"{message}: engine says {found!r}, twin {expected!r}"
        return found

    def feed_batch(self, batch: list[Input]) -> None:
        """Inputs of one book, which the engine takes as one cut of its log: quiet stretches at once."""
        _, outcomes = self.venue.books[batch[0].book].feed_run(batch)
        found = {at: Code(refusal.code) for at, refusal in outcomes}
        for at, message in enumerate(batch):
            expected = self.twin.apply(message)
            assert found.get(at) == expected, f"{message}: engine says {found.get(at)!r}, twin {expected!r}"

    def reload(self, shards: int) -> None:
        """Every reader goes through its document, and the shards become so many (2a.9, 14.7)."""
        for run in self.venue.books.values():
            said = [save_book(run.book), save_clearing(run.clearing), [save_shard(shard) for shard in run.shards]]
            book, clearing, saved = json.loads(json.dumps(said))
            run.book = load_book(book)
            run.clearing = load_clearing(run.book, clearing)
            run.shards = [load_shard(run.book, at, shards, saved, takes_ledger=at == 0) for at in range(shards)]
            run.pacing = Pacing(Runs(run.book, run.clearing, run.shards))
        self.venue.shards = shards

    def compare(self) -> None:
        """Every balance, position, entry value, status and told event."""
        for name, run in self.venue.books.items():
            book = self.twin.books[name]
            same(statuses(run), book.statuses(), "statuses")
            same(balances(run), {k: v for k, v in book.balances().items() if v or not k.startswith("@")}, "balances")
            same(positions(run), {k: v for k, v in book.positions().items() if v}, "positions")
            same(entries(run), {k: v for k, v in book.entries().items() if v}, "entry values")
        same(self.told_by_engine(), self.told_by_twin(), "events")

    def told_by_engine(self) -> list[Told]:
        """What the engine told since the last comparison, sorted."""
        new, self.heard = self.events[self.heard :], len(self.events)
        return sorted(
            _told(e.book, e.seq, e.kind, getattr(e, "account", e.subject), _facts(e)) for e in new if e.kind in TOLD
        )

    def told_by_twin(self) -> list[Told]:
        """The same of the twin."""
        found = []
        for name, book in self.twin.books.items():
            new, self.heard_twin[name] = book.events[self.heard_twin.get(name, 0) :], len(book.events)
            found += [
                _told(name, seq, kind, subject, facts.values()) for seq, kind, subject, facts in new if kind in TOLD
            ]
        return sorted(found)


def _told(book: str, seq: int, kind: str, subject: str, facts: Iterable[object]) -> Told:
    """Book, seq, kind, account or window, and what else both tell."""
    return book, seq, kind, subject, [str(fact) for _, fact in zip(TOLD[kind], facts, strict=False)]


def _facts(event: Event) -> list[object]:
    return [getattr(event, name) for name in TOLD[event.kind]]


def engine_code(venue: Venue, message: Input) -> Code | None:
    """What the engine says to an input."""
    try:
        refusal = venue.feed(message)
    except Refused as refused:
        return refused.code
    return None if refusal is None else Code(refusal.code)


def same(found: Any, expected: Any, what: str) -> None:
    """Equal, or the differences in words."""
    if found == expected:
        return
    if isinstance(found, dict) and isinstance(expected, dict):
        keys = sorted(set(found) | set(expected), key=str)
        wrong = [(k, found.get(k), expected.get(k)) for k in keys if found.get(k) != expected.get(k)]
        raise AssertionError(f"{what} (key, engine, twin): {wrong[:12]}")
    more = [one for one in found if one not in expected], [one for one in expected if one not in found]
    raise AssertionError(f"{what}: only engine {more[0][:12]}, only twin {more[1][:12]}")


def balances(run: BookRun) -> dict[str, int]:
    """Cash of every account and named account, summed over readers; what is only between them is zero when quiet."""
    found: dict[str, int] = {}
    for shard in run.shards:
        accounts = shard.state.accounts
        found.update({name: accounts.take(row).cash for row, name in enumerate(accounts.names)})
    for ledger in [run.clearing.state.ledger, *(shard.state.ledger for shard in run.shards)]:
        for name, units in ledger.cash.items():
            found[name] = found.get(name, 0) + units
    assert not found.pop("@transit", 0), "money in transit"
    found.pop("@outside", 0)
    return {name: units for name, units in found.items() if units or not name.startswith("@")}


def positions(run: BookRun) -> dict[tuple[str, str], int]:
    """Lots by (account, instrument)."""
    found: dict[tuple[str, str], int] = {}
    names = [contract.name for contract in run.book.contracts]
    for shard in run.shards:
        accounts = shard.state.accounts
        for row, account in enumerate(accounts.names):
            found.update({(account, names[c]): lots for c, lots in enumerate(accounts.take(row).positions) if lots})
    for ledger in [run.clearing.state.ledger, *(shard.state.ledger for shard in run.shards)]:
        for account, held in ledger.lots.items():
            for column, lots in held.items():
                key = (account, names[column])
                found[key] = found.get(key, 0) + lots
    assert not any(lots for (account, _), lots in found.items() if account == "@transit"), "lots in transit"
    return {key: lots for key, lots in found.items() if lots and key[0] != "@outside"}


def entries(run: BookRun) -> dict[tuple[str, str], int]:
    """Entry values of members' positions."""
    names = [contract.name for contract in run.book.contracts]
    return {
        (account, names[c]): entry
        for shard in run.shards
        for row, account in enumerate(shard.state.accounts.names)
        for c, entry in enumerate(shard.state.accounts.take(row).entries)
        if entry and not run.book.contracts[c].is_asset
    }


def statuses(run: BookRun) -> dict[str, str]:
    """Where each account stands."""
    return {
        account: shard.state.accounts.status_of(row).word
        for shard in run.shards
        for row, account in enumerate(shard.state.accounts.names)
    }


def run_venue(choices: Settings, acts: list[Act], shards: int, *, vector: bool = False) -> Pair:
    """A random venue through both: compared after each act, with the invariants of the engine. All rows in vectors?"""
    pair = Pair(shards)
    with patch.object(watch, "VECTOR_MIN", 1 if vector else watch.VECTOR_MIN), checked_plans():
        for message in messages(choices, acts, pair.events):
            pair.feed(message)
            if message.id.startswith("n"):
                pair.compare()
                pair.invariants.check()
    return pair
