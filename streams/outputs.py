"""The files of a run: events, journal and dead letters line by line as they come, the rest when the run is over.

A run that ends between two inputs leaves whole files; accounts.csv, funds.csv and summary.json tell of its end. All are
UTF-8, and the same run gives the same bytes, but for `elapsed_s` and `entries_per_s` of the summary.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import BinaryIO

import msgspec

from schemas.codes import Refused
from schemas.events import Event
from schemas.message import Input
from streams.balances import Account, named_of
from streams.batch import Batch, Source
from streams.dead_letters import DeadLetters
from streams.driver import BookRun, Record, Sinks, Venue
from streams.fingerprints import BookEvents
from streams.journal import JournalEntry, journal_line, live_line
from streams.present import Fields, Terms, event_fields, json_document, json_line
from streams.tally import Tally

BUFFER_BYTES = 1 << 20
AS_IT_RUNS = ("events.jsonl", "journal.jsonl", "dead-letters.jsonl")
AT_THE_END = ("accounts.csv", "funds.csv", "summary.json")
WRITTEN = AS_IT_RUNS + AT_THE_END
WHAT_IF = "what-if"  # the folder of a second run, under changed rules; of several, each has one in it


class Outputs:
    """The open files of one run in `directory`, and the digests and counts of what went into them."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        _clear(directory)
        self._stack = ExitStack()
        self._events, self._journal = (self._open(name) for name in AS_IT_RUNS[:2])
        self.letters = DeadLetters(self._open(AS_IT_RUNS[2]))
        self.venue = Venue()
        self.terms: dict[str, Terms] = {}
        self.tallies: dict[str, Tally] = {}
        self.digests: dict[str, BookEvents] = {}
        self.journal_digest = hashlib.sha256()
        self.entries = self.inputs = 0
        self._batch: Batch | None = None
        self._position = 0
        self._entry: tuple[Source, JournalEntry] | None = None

    def _open(self, name: str) -> BinaryIO:
        return self._stack.enter_context((self.directory / name).open("wb", buffering=BUFFER_BYTES))

    def sinks(self) -> Sinks:
        """Where the driver puts what it says."""
        return Sinks(journal=self.record, event=self.event)

    def at(self, batch: Batch, position: int) -> None:
        """The input that is fed next."""
        self._batch, self._position = batch, position

    def at_entry(self, source: Source, entry: JournalEntry) -> None:
        """The journal entry that is taken next."""
        self._entry = (source, entry)

    def source(self) -> Source:
        """Where the input that is being fed came from."""
        if self._entry is not None:
            return self._entry[0]
        return self._batch.source(self._position) if self._batch is not None else Source("", 0, "")

    def refuse(self, refused: Refused) -> None:
        """The input that is being fed was refused."""
        value = self._batch.line(self._position) if self._batch is not None else b""
        if self._entry is not None:  # a journal has the decoded value, not the original bytes (16.3)
            value = msgspec.json.encode(self._entry[1].value)
        self.letters.add(refused, self.source(), value)

    def record(self, record: Record) -> None:
        """One entry of the journal."""
        self.entries += 1
        self.inputs += isinstance(record, Input)
        if self._entry is not None and self._entry[1].live is not None:
            written = live_line(self.entries, self._entry[1].live)
        else:
            source = self.source()
            written = journal_line(self.entries, record, source.topic, source.line)
        self.journal_digest.update(written)
        self._journal.write(written)

    def event(self, event: Event) -> None:
        """One event."""
        tally = self.tallies.get(event.book)
        if tally is None:
            tally = self.tallies[event.book] = Tally()
            self.terms[event.book] = Terms(self.venue.books[event.book].book)
            self.digests[event.book] = BookEvents()
        tally.add(event)
        fields = event_fields(event, self.terms[event.book])
        line = json_line(fields)
        self.digests[event.book].add(event.seq, fields["id"], line)
        self._events.write(line)

    def flush(self) -> None:
        """Close the files that grow; nothing more is written to them."""
        self._stack.close()

    def __enter__(self) -> Outputs:
        return self

    def __exit__(self, *_: object) -> None:
        self.flush()

    def write_accounts(self, books: dict[str, list[Account]]) -> None:
        """accounts.csv: one row an account, money and quantities as decimal text; a column for all that is listed."""
        held = _listed(self.venue)
        header = ["book", "account", "member", "status", "limited", "cash", "equity", "im", "mm", "collateral", *held]
        rows = (_account_row(self.venue.books[book], one, held) for book in sorted(books) for one in books[book])
        self._table("accounts.csv", header, rows)

    def write_funds(self) -> None:
        """funds.csv: one row a named account (`@insurance/...`, `@guarantee/<member>`, `@market`, `@outside`, ...)."""
        held = _listed(self.venue)
        rows = (row for book in sorted(self.venue.books) for row in _fund_rows(self.venue.books[book], held))
        self._table("funds.csv", ["book", "name", "cash", *held], rows)

    def write_summary(self, summary: Fields) -> None:
        """summary.json, indented."""
        (self.directory / "summary.json").write_bytes(json_document(summary) + b"\n")

    def _table(self, name: str, header: list[str], rows: Iterable[list[str]]) -> None:
        with (self.directory / name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(header)
            writer.writerows(rows)


def _clear(directory: Path) -> None:
    """An earlier run's end would look like that of a run that fails, its what-if like one that belongs to this run."""
    changed = directory / WHAT_IF
    several = [path for path in changed.glob("*") if path.is_dir() and not path.is_symlink()]
    for name in AT_THE_END:
        (directory / name).unlink(missing_ok=True)
    for folder in (*several, changed):
        for name in WRITTEN:
            (folder / name).unlink(missing_ok=True)
        with suppress(OSError):  # none, or somebody keeps something there
            folder.rmdir()


def _listed(venue: Venue) -> list[str]:
    """All that is listed in any book, by book and order of listing."""
    names = (contract.name for book in sorted(venue.books) for contract in venue.books[book].book.contracts)
    return list(dict.fromkeys(names))


def _account_row(run: BookRun, one: Account, held: list[str]) -> list[str]:
    terms, own = Terms(run.book), one.own
    money = [terms.money(units) for units in (one.holding.cash, own.equity, own.im, own.mm, own.collateral)]
    lots = dict(enumerate(one.holding.positions))
    words = [run.book.name, one.name, one.member, one.status, "yes" if one.is_limited else "no"]
    return [*words, *money, *_quantities(run, terms, lots, held)]


def _fund_rows(run: BookRun, held: list[str]) -> Iterable[list[str]]:
    terms, named = Terms(run.book), named_of(run)
    for name in sorted({*named.cash, *named.lots}):
        lots = named.lots.get(name, {})
        if named.balance(name) or any(lots.values()):
            yield [run.book.name, name, terms.money(named.balance(name)), *_quantities(run, terms, lots, held)]


def _quantities(run: BookRun, terms: Terms, lots: dict[int, int], held: list[str]) -> list[str]:
    """A cell for each listed name, empty where this book does not list it."""
    columns = run.book.column_of
    return [(terms.quantity(name, lots.get(columns[name], 0)) or "") if name in columns else "" for name in held]
