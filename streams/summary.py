"""summary.json: what a run came to. Only `elapsed_s` and `entries_per_s` differ from one run to the next."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from importlib.metadata import version

from streams.balances import (
    Account,
    accounts_of,
    balances_digest,
    conservation,
    equity_units,
    named_of,
    open_interest,
    worth_units,
)
from streams.driver import BookRun
from streams.fingerprints import BookEvents, over_books
from streams.outputs import Outputs
from streams.present import Fields, Terms, iso, with_texts
from streams.rereading import JournalRun
from streams.tally import Tally


@dataclass(slots=True)
class Ran:
    """How a run went: `end` is `complete`, `until`, `interrupted`, `strict` or `halted`, `reason` says why."""

    shards: int
    end: str = "complete"
    reason: str = ""
    lines: int = 0
    heartbeats: int = 0
    refused: int = 0
    first_ms: int | None = None
    last_ms: int | None = None
    elapsed_s: float = 0.0

    def see(self, time_ms: int) -> None:
        """The time of an accepted line."""
        self.first_ms = time_ms if self.first_ms is None else min(self.first_ms, time_ms)
        self.last_ms = time_ms if self.last_ms is None else max(self.last_ms, time_ms)


def summarize(ran: Ran, outputs: Outputs, openings: dict[str, Fields], books: dict[str, list[Account]]) -> Fields:
    """The whole summary; `openings` are snapshots by book, `books` all accounts at the end."""
    venue = outputs.venue
    chapters = {name: _book(outputs, venue.books[name], openings.get(name), books[name]) for name in sorted(books)}
    kinds: Counter[str] = sum((tally.kinds for tally in outputs.tallies.values()), Counter())
    tallies = [(outputs.terms[name], outputs.tallies[name]) for name in sorted(outputs.tallies)]
    return {
        "rhodian": version("rhodian"),
        "end": ran.end,
        "reason": ran.reason,
        "interrupted": ran.end == "interrupted",
        "conserved": all(chapter["conservation"]["holds"] for chapter in chapters.values()),
        "balances_digest": over_books({name: chapter["balances_digest"] for name, chapter in chapters.items()}),
        "events_digest": over_books({name: chapter["events_digest"] for name, chapter in chapters.items()}),
        "journal_digest": outputs.journal_digest.hexdigest(),
        "events": {kind: kinds[kind] for kind in sorted(kinds)},
        "refused": outputs.letters.counts(),
        "repeats": ran.lines + ran.heartbeats - ran.refused - outputs.inputs,
        "log": _log(ran, outputs),
        "shards": ran.shards,
        "elapsed_s": round(ran.elapsed_s, 3),
        "entries_per_s": round(ran.lines / ran.elapsed_s) if ran.elapsed_s else 0,
        "books": chapters,
        "losses": [row for terms, tally in tallies for row in tally.losses(terms)],
    }


def _log(ran: Ran, outputs: Outputs) -> Fields:
    """`entries` are lines read, bad ones too; `inputs` those accepted; `journal_entries` with all consequences.

    `awaited` is what an audit computed and the journal has not said where it ends: a live system was stopped there.
    """
    audits = [run for run in outputs.venue.books.values() if isinstance(run, JournalRun)]
    counts = [run.awaited.counts() for run in audits]
    return {
        "entries": ran.lines,
        "heartbeats": ran.heartbeats,
        "inputs": outputs.inputs,
        "journal_entries": outputs.entries,
        "awaited": {"reports": sum(one for one, _ in counts), "decisions": sum(one for _, one in counts)},
        "first_time_ms": ran.first_ms,
        "first_time": None if ran.first_ms is None else iso(ran.first_ms),
        "last_time_ms": ran.last_ms,
        "last_time": None if ran.last_ms is None else iso(ran.last_ms),
    }


def _book(outputs: Outputs, run: BookRun, opening: Fields | None, accounts: list[Account]) -> Fields:
    name, terms = run.book.name, Terms(run.book)
    tally, found = outputs.tallies.get(name, Tally()), conservation(run, accounts)
    checks = {"cash_units": found.cash_units, "lots": found.lots, "losses_met": tally.are_met()}
    return {
        "asset": run.book.asset,
        "decimals": run.book.decimals,
        "accounts": len(accounts),
        "members": len({one.member for one in accounts}),
        "statuses": dict(sorted(Counter(one.status for one in accounts).items())),
        "conservation": {"holds": found.holds and tally.are_met()} | checks,
        "balances_digest": balances_digest(run, accounts),
        "events_digest": outputs.digests.get(name, BookEvents()).hexdigest(),
        "before": opening,
        "after": snapshot(run, accounts),
        **tally.figures(terms),
    }


def snapshot(run: BookRun, accounts: list[Account] | None = None) -> Fields:
    """Equity, open interest and funds of a book at this moment, at the present marks."""
    accounts = accounts_of(run) if accounts is None else accounts
    held = open_interest(run, accounts)
    return with_texts(
        {
            "time_ms": max(0, run.book.clock_ms),
            "equity_units": equity_units(accounts),
            "open_interest": [{"instrument": name, "lots": lots} for name, lots in held.items()],
            "marks": [
                {"instrument": one.name, "mark_ticks": run.book.price(column)}
                for column, one in enumerate(run.book.contracts)
            ],
            "funds": _funds(run),
        },
        Terms(run.book),
    )


def _funds(run: BookRun) -> list[Fields]:
    """Named accounts with a balance, each worth cash and lots at the mark; the guarantee fund is one row."""
    named, worth = named_of(run), Counter[str]()
    for name in sorted({*named.cash, *named.lots}):
        worth["@guarantee" if name.startswith("@guarantee/") else name] += worth_units(run, named, name)
    return [{"name": name, "worth_units": units} for name, units in worth.items() if units]
