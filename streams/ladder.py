"""A waterfall as people read it (RULEBOOK 8): its rungs with what they hold, and what a loss would take from whom.

The file is the message of a log; what it would draw on are the tables of a replay (`funds.csv`, `accounts.csv`), or
some written by hand. What is drawn is drawn by the engine.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.layers import Deleveraging, Layer, Waterfall, compile_waterfall
from engine.ledger import guarantee
from engine.waterfall.losses import Losses
from engine.waterfall.settle import Resources, Settlement, settle
from schemas.codes import Refused
from schemas.decimals import decimal_text, parse_decimal, units_of
from schemas.decode import decode
from schemas.governed import WaterfallMessage
from schemas.rows import Gain, Holder
from streams.present import Fields, iso

Row = dict[str, str]
DEFAULTER = "defaulter"


class LadderError(ValueError):
    """The file is no waterfall, or a table beside it is none."""


@dataclass(frozen=True, slots=True)
class Ladder:
    """A waterfall at a moment, and what stands behind it, in units of 10^-decimals."""

    message: WaterfallMessage
    waterfall: Waterfall
    decimals: int
    resources: Resources

    def text(self, units: int) -> str:
        """Money as decimal text."""
        return decimal_text(units, self.decimals)


def read_ladder(path: Path, funds: Path | None, accounts: Path | None, at_ms: int | None, more: list[str]) -> Ladder:
    """The waterfall of a file, at a time (its own where none is said), beside the tables. Raises LadderError.

    Amounts get as many decimals as the finest of them has; `more` are others that will be asked about.
    """
    try:
        message = decode(path.read_bytes(), "reference")
        if not isinstance(message, WaterfallMessage):
            raise LadderError(f"{path}: expected a message of type waterfall")
        money, held = _table(funds, message.book), _table(accounts, message.book)
        texts = [text for row in money for text in [row["cash"]]] + [text for row in held for text in _moneys(row)]
        caps = [text for one in message.layers for text in (one.cap, one.member_cap) if isinstance(text, str)]
        decimals = max([0, *(-parse_decimal(text)[1] for text in [*texts, *caps, *more])])
        balances = {row["name"]: units_of(row["cash"], decimals) for row in money}
        resources = Resources(message.book, balances, _contributions(balances), _gains(held, decimals), vests=True)
        resources.holders.extend(_holders(held))
        waterfall = compile_waterfall(message, decimals).at(message.time_ms if at_ms is None else at_ms)
    except OSError as error:
        raise LadderError(f"cannot read {error.filename}: {error.strerror}") from error
    except KeyError as error:
        raise LadderError(f"a table lacks the column {error}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise LadderError(f"a table cannot be read: {error}") from error
    except Refused as refused:
        raise LadderError(f"{path}: {refused}") from refused
    return Ladder(message, waterfall, decimals, resources)


def explain(ladder: Ladder, loss: str | None, defaulter: str, scope: str | None) -> Fields:
    """The rungs in order; with a loss of a member what each draws, what is left after it, and who pays."""
    losses = Losses()
    losses.add(defaulter, scope or ladder.message.book, units_of(loss or "0", ladder.decimals))
    ladder.resources.gains.pop(defaulter, None)
    left = losses.total()
    done = settle(ladder.waterfall, losses, ladder.resources)
    drawn = {one.layer: one for one in done.layers}
    rungs = []
    for layer in ladder.waterfall.layers:
        one = drawn.get(layer.id)  # None: deleveraging moves lots, and draws nothing
        left -= one.drawn_units if one else 0
        is_open = layer.kind == "uncovered" or (layer.kind == "defaulter_contribution" and loss is None)
        rung: Fields = {"rank": layer.rank, "layer": layer.id, "kind": layer.kind, "says": says(layer, ladder)}
        rung["available"] = ladder.text(one.available_units) if one and not is_open else None
        if loss is not None:
            rung |= {"drawn": ladder.text(one.drawn_units) if one else None, "left": ladder.text(left)}
        rungs.append(rung)
    found: Fields = {
        "book": ladder.message.book, "version": ladder.message.version, "author": ladder.message.author,
        "reason": ladder.message.reason, "layers": rungs,
    }  # fmt: skip
    if loss is not None:
        found |= {"loss": ladder.text(units_of(loss, ladder.decimals)), "defaulter": defaulter}
        found["payers"] = list(_payers(ladder, done))
    return found


def says(layer: Layer, ladder: Ladder) -> str:
    """What a rung is, in a line."""
    fund, times = layer.scope or ladder.message.book, _percent(layer.multiple_ppm)
    words = [_WHAT[layer.kind].format(fund=fund, times=times, layer=layer)]
    if layer.deleveraging is not None:
        words += _how(layer.deleveraging)
    if layer.cap_units is not None:
        words.append(f"at most {ladder.text(layer.cap_units)}")
    if layer.member_cap_units is not None:
        rest = ", the rest goes on" if layer.over_cap == "leave" else ""
        words.append(f"at most {ladder.text(layer.member_cap_units)} a member{rest}")
    if layer.refill_ms:
        words.append(f"what a window used of contributions is called back in {layer.refill_ms} ms, within the same")
    if layer.premium_ppm:
        words.append(f"premium {_percent(layer.premium_ppm)} to {layer.owner}")
    if layer.valid_from_ms:
        words.append(f"from {iso(layer.valid_from_ms)}")
    if layer.valid_to_ms is not None:
        words.append(f"until {iso(layer.valid_to_ms)}")
    return "; ".join(words)


_WHAT = {
    "defaulter_contribution": "the defaulter's own contribution, for its own loss",
    "operator": "capital of the operator, @operator/{layer.id}",
    "insurance": "insurance fund @insurance/{fund}",
    "guarantee_fund": "contributions of surviving members, pro rata",
    "replenished": "what survivors paid in since the window opened",
    "assessment": "called from survivors by contribution, at most {times} of it in {layer.period_days} business days",
    "unvested": "gains of survivors that have not vested, pro rata",
    "gains_haircut": "gains of survivors in this period, pro rata",
    "equity_haircut": "equity of survivors, pro rata",
    "open_interest_charge": "both sides of {layer.instrument}, by size",
    "deleveraging": "no money: before a window's loss, what no market took goes to positions of the other side",
    "uncovered": "what nobody paid",
}


def _how(rule: Deleveraging) -> list[str]:
    """At what money, and who gives how many lots."""
    price = f"{rule.price} ({_percent(rule.band_ppm)})" if rule.price == "band" else rule.price
    draws = {
        "queue": f"by score ({rule.score})",
        "pro_rata": "pro rata to lots",
        "capped_pro_rata": f"pro rata to lots, at most {_percent(rule.most_ppm)} of a position",
        "risk_aware": f"by equity and leverage to the power {1 + rule.power}",
    }
    return [f"price: {price}", draws[rule.draw]]


def _percent(ppm: int) -> str:
    """Parts per million as percent, all digits that count."""
    text = decimal_text(ppm, 4)
    return f"{text.rstrip('0').rstrip('.')} %"


def _payers(ladder: Ladder, done: Settlement) -> Iterator[Fields]:
    """Every share of every layer, in the order drawn; a member's accounts after it."""
    for draw in done.draws:
        if draw.role == "losses":
            continue
        for share in draw.shares:
            if share.share_units:
                yield {
                    "layer": draw.layer, "role": draw.role, "payer": share.payer,
                    "pays": ladder.text(share.share_units), "before": ladder.text(share.before_units),
                    "after": ladder.text(share.after_units),
                }  # fmt: skip


def _table(path: Path | None, book: str) -> list[Row]:
    """The rows of a book in a table, all where it names none."""
    if path is None:
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file, restval="") if row.get("book", book) == book]


def _moneys(row: Row) -> list[str]:
    return [row["equity"], row.get("gain") or "0"]


def _contributions(balances: dict[str, int]) -> dict[str, int]:
    prefix = guarantee("")
    return {name.removeprefix(prefix): units for name, units in sorted(balances.items()) if name.startswith(prefix)}


def _gains(rows: list[Row], decimals: int) -> dict[str, Gain]:
    """Members with what they won, netted, and what each account can bear."""
    members: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: row["account"]):
        members.setdefault(row["member"], []).append(row)
    found = {}
    for member, mine in members.items():
        gain = sum(units_of(row.get("gain") or "0", decimals) for row in mine)
        bearing = [(row["account"], max(0, units_of(row["equity"], decimals))) for row in mine]
        found[member] = Gain(member, max(0, gain), bearing)
    return found


def _holders(rows: list[Row]) -> Iterator[Holder]:
    """Positions: columns that are no others' names. Sizes in the finest of their decimals."""
    known = {"book", "account", "member", "status", "limited", "cash", "equity", "im", "mm", "collateral", "gain"}
    for name in dict.fromkeys(name for row in rows for name in row if name not in known):
        sizes = {row["account"]: row[name] for row in rows if row.get(name)}
        decimals = max([0, *(-parse_decimal(text)[1] for text in sizes.values())])
        lots: dict[str, Any] = {account: units_of(text, decimals) for account, text in sizes.items()}
        yield from (Holder(account, name, held) for account, held in lots.items() if held)
