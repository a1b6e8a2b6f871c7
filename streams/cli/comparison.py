"""Several runs of one log under other rules, a row each: what a risk committee compares."""

from __future__ import annotations

from collections import Counter

from rich.table import Table
from rich.text import Text

from schemas.decimals import decimal_text
from streams.cli.show import grouped, percent
from streams.cli.world import result_console
from streams.present import Fields

WIDTH = 200  # without a terminal to measure
FUNDS = ("defaulter_contribution", "operator", "insurance")
COLUMNS = (
    "loss", "defaulters", "operator", "insurance", "members", "uncovered", "deleveraged", "members who paid", "largest",
    "largest share", "top 1% of payers",
)  # fmt: skip


def print_comparison(summaries: dict[str, Fields]) -> None:
    """One table a book: where the loss went, who paid of the survivors, and what was deleveraged."""
    console = result_console(WIDTH)
    for name, first in summaries["logged"]["books"].items():
        table = Table(title=Text(f"{name}, in {first['asset']}", style="bold"), title_justify="left", min_width=72)
        table.add_column("rules")
        for column in COLUMNS:
            table.add_column(column, justify="right")
        for run, summary in summaries.items():
            if name in summary["books"]:
                table.add_row(run, *(Text(cell) for cell in _cells(summary["books"][name], first["decimals"])))
        console.print(table)
    conserved = all(summary["conserved"] for summary in summaries.values())
    console.print(f"money and lots conserved: {'in every run, to the last unit' if conserved else 'NO'}")


def _cells(book: Fields, decimals: int) -> list[str]:
    """`members`: all layers that survivors pay into. `deleveraged`: lots that met an account of the other side."""
    drawn: Counter[str] = Counter()
    for row in book["loss_by_layer"]:
        drawn[row["kind"]] += row["drawn_units"]
    borne = book["borne_by_members"]
    funds = [grouped(decimal_text(drawn[kind], decimals)) for kind in FUNDS] + [grouped(borne["amount"])]
    offset = [f"{grouped(row['quantity'])} {row['instrument']}" for row in book["moved"] if row["what"] == "offset"]
    paid = [f"{borne['members']:,}", grouped(borne["largest"])]
    parts = [percent(borne["largest_share_ppm"]), percent(borne["top_percent_share_ppm"])]
    return [grouped(book["loss"]), *funds, grouped(book["uncovered"]), ", ".join(offset) or "0", *paid, *parts]
