"""A summary as a risk manager reads it: tables on stdout, one column a run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rich.table import Table
from rich.text import Text

from streams.cli.world import result_console
from streams.present import Fields

Row = tuple[str, list[str]]
TITLES = ("as logged", "what if")
WIDTHS = {1: 100, 2: 140}  # without a terminal to measure


def print_summaries(summaries: list[Fields]) -> None:
    """One summary, or two side by side."""
    console = result_console(WIDTHS[len(summaries)])
    for name in summaries[0]["books"]:
        books = [summary["books"][name] for summary in summaries if name in summary["books"]]
        console.print(_figures(name, books))
        console.print(_layers(books))
        for title, book in zip(TITLES, books, strict=False):
            if book["largest_losses"]:
                console.print(_largest(book, title if len(books) > 1 else ""))
    console.print(_run(summaries))


def grouped(text: str) -> str:
    """Decimal text with thousands set apart.

    >>> grouped("-1234567.80")
    '-1,234,567.80'
    """
    whole, point, rest = text.partition(".")
    sign, digits = ("-", whole[1:]) if whole.startswith("-") else ("", whole)
    return f"{sign}{int(digits):,}{point}{rest}"


def _table(title: str, runs: list[Fields]) -> Table:
    """A table with a column of names and a right-aligned one for each run."""
    table = Table(title=Text(title, style="bold"), title_justify="left", min_width=72)
    table.add_column("")
    table.show_header = len(runs) > 1
    for title, _ in zip(TITLES, runs, strict=False):
        table.add_column(title, justify="right")
    return table


def _add(table: Table, cells: list[str], *, ends: bool = False) -> None:
    table.add_row(*(Text(cell) for cell in cells), end_section=ends)


def _figures(name: str, books: list[Fields]) -> Table:
    table = _table(f"{name}, in {books[0]['asset']}", books)
    for part in (_market, _funds, _events, _losses):
        rows = part(books)
        for number, (label, cells) in enumerate(rows, 1):
            _add(table, [label, *cells], ends=number == len(rows))
    return table


def _each(books: list[Fields], read: Callable[[Any], str]) -> list[str]:
    return [read(book) for book in books]


def _at(book: Fields, moment: str, where: str, key: tuple[str, str], text: str) -> str:
    """A figure of a snapshot's list, found by name; a dash where there is none."""
    rows = (book[moment] or {}).get(where, [])
    return next((grouped(row[text]) for row in rows if row[key[0]] == key[1]), "-")


def _market(books: list[Fields]) -> list[Row]:
    """Accounts, marks, open interest, equity: before the market first moved, and at the end."""
    rows: list[Row] = [("accounts (members)", _each(books, lambda b: f"{b['accounts']:,} ({b['members']:,})"))]
    for moment in ("before", "after"):
        for one in books[0]["after"]["marks"]:
            key = ("instrument", one["instrument"])
            rows.append((f"mark {key[1]}, {moment}", [_at(b, moment, "marks", key, "mark") for b in books]))
    for one in books[0]["after"]["open_interest"]:
        key = ("instrument", one["instrument"])
        for moment in ("before", "after"):
            cells = [_at(b, moment, "open_interest", key, "quantity") for b in books]
            rows.append((f"open interest {key[1]}, {moment}", cells))
    for moment in ("before", "after"):
        cells = [grouped(book[moment]["equity"]) if book[moment] else "-" for book in books]
        rows.append((f"equity of members, {moment}", cells))
    return rows


def _funds(books: list[Fields]) -> list[Row]:
    """What stood behind the members, before and after; the technical accounts are in funds.csv."""
    shown = ("@backstop", "@guarantee", "@insurance", "@operator")
    moments = [book[moment] for book in books for moment in ("before", "after") if book[moment]]
    names = sorted({row["name"] for moment in moments for row in moment["funds"] if row["name"].startswith(shown)})
    rows: list[Row] = []
    for name in names:
        for moment in ("before", "after"):
            cells = [_at(book, moment, "funds", ("name", name), "worth") for book in books]
            rows.append((f"{name}, {moment}", ["0" if cell == "-" else cell for cell in cells]))
    return rows


def _events(books: list[Fields]) -> list[Row]:
    """Calls, liquidations, exits, defaults, windows."""
    calls = _each(books, lambda b: "{called:,} / {met:,} / {missed:,}".format(**b["margin_calls"]))
    rows: list[Row] = [
        ("margin calls: made / met / missed", calls),
        ("liquidations (accounts)", _each(books, lambda b: "{triggered:,} ({accounts:,})".format(**b["liquidations"]))),
        ("liquidation fees", _each(books, lambda b: grouped(b["liquidations"]["fees"]))),
    ]
    words = {"closed": "closed in the market", "taken_over": "taken over by the backstop", "torn_up": "torn up"}
    instruments = [row["instrument"] for row in books[0]["after"]["open_interest"]]
    for what, label in words.items():
        for name in instruments:
            rows.append((f"{label}, {name}", _each(books, lambda b, w=what, n=name: _moved(b, w, n))))  # type: ignore[misc]
    rows += [
        ("holes (accounts below zero)", _each(books, lambda b: f"{b['holes']:,}")),
        ("defaults (members)", _each(books, lambda b: "{declared:,} ({members:,})".format(**b["defaults"]))),
        ("windows (with a loss)", _each(books, lambda b: "{opened:,} ({with_loss:,})".format(**b["windows"]))),
    ]
    return rows


def _moved(book: Fields, what: str, name: str) -> str:
    rows = (row for row in book["moved"] if row["what"] == what and row["instrument"] == name)
    return next((grouped(row["quantity"]) for row in rows), "0")


def _losses(books: list[Fields]) -> list[Row]:
    """What was lost, and the two amounts that no fund paid."""
    return [
        ("shortfall of defaulters", _each(books, lambda b: grouped(b["defaults"]["shortfall"]))),
        ("loss of placing torn-up positions", _each(books, lambda b: grouped(b["liquidation_loss"]))),
        ("all losses", _each(books, lambda b: grouped(b["loss"]))),
        (
            "haircut of gains (accounts)",
            _each(books, lambda b: f"{grouped(b['gains_haircut']['amount'])} ({b['gains_haircut']['accounts']:,})"),
        ),
        ("uncovered", _each(books, lambda b: grouped(b["uncovered"]))),
    ]


def _layers(books: list[Fields]) -> Table:
    """Each layer of the waterfall, its draw and its share of the loss; a layer that a run lacks has a dash."""
    table = Table(title=Text("Loss by layer", style="bold"), title_justify="left", min_width=72)
    for name in ("rank", "layer", "kind"):
        table.add_column(name, overflow="fold")
    for title in TITLES[: len(books)] if len(books) > 1 else ("",):
        table.add_column(f"drawn {title}".strip(), justify="right")
        table.add_column("share of loss", justify="right")
    keys = {(row["rank"], row["layer"], row["kind"]): None for book in books for row in book["loss_by_layer"]}
    for key in sorted(keys, key=lambda key: key[0]):
        cells = [str(part) for part in key]
        for book in books:
            found = (row for row in book["loss_by_layer"] if (row["rank"], row["layer"], row["kind"]) == key)
            cells += next(([grouped(row["drawn"]), percent(row["share_ppm"])] for row in found), ["-", "-"])
        _add(table, cells)
    return table


def percent(ppm: int) -> str:
    """Parts per million as percent, rounded down to two digits.

    >>> percent(385595)
    '38.55%'
    """
    return f"{ppm // 10_000}.{ppm % 10_000 // 100:02d}%"


def awaited(summary: Fields) -> str:
    """What an audit computed and the journal has not said, in words; nothing for nothing."""
    counts = (summary["log"]["awaited"][what] for what in ("reports", "decisions"))
    texts = [f"{count:,} {what}" for count, what in zip(counts, ("report(s)", "decision(s)"), strict=True) if count]
    return " and ".join(texts)


def _largest(book: Fields, title: str) -> Table:
    table = Table(
        title=Text(f"Largest single losses {title}".strip(), style="bold"), title_justify="left", min_width=72
    )
    for name in ("member", "account", "when", "window"):
        table.add_column(name, overflow="fold")
    table.add_column("shortfall", justify="right")
    for row in book["largest_losses"][:5]:
        when = row["time"][:19].replace("T", " ")
        _add(table, [row["member"], row["account"], when, str(row["window"]), grouped(row["shortfall"])])
    return table


def _run(summaries: list[Fields]) -> Table:
    """How it ran: refusals, conservation, digests, speed."""
    table = _table("Run", summaries)
    rows: list[tuple[str, Callable[[Any], str]]] = [
        ("first line", lambda s: s["log"]["first_time"] or "-"),
        ("last line", lambda s: s["log"]["last_time"] or "-"),
        ("ended", lambda s: str(s["end"])),
        ("lines read", lambda s: f"{s['log']['entries']:,}"),
        ("refused", lambda s: f"{sum(s['refused'].values()):,}"),
        ("repeats", lambda s: f"{s['repeats']:,}"),
        ("journal entries", lambda s: f"{s['log']['journal_entries']:,}"),
        ("events", lambda s: f"{sum(s['events'].values()):,}"),
        ("money and lots conserved", lambda s: "yes, to the last unit" if s["conserved"] else "NO"),
        ("balances digest", lambda s: s["balances_digest"][:16]),
        ("events digest", lambda s: s["events_digest"][:16]),
        ("journal digest", lambda s: s["journal_digest"][:16]),
        ("lines per second", lambda s: f"{s['entries_per_s']:,} ({s['elapsed_s']} s, shards: {s['shards']})"),
    ]
    if any(awaited(summary) for summary in summaries):
        rows.insert(7, ("not in the journal yet", lambda s: awaited(s) or "-"))
    for label, read in rows:
        _add(table, [label, *(read(summary) for summary in summaries)])
    return table
