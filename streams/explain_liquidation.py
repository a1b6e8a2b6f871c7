"""How an account was liquidated, step by step, from the events alone (RULEBOOK 6, 7): facts, and the same in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from streams.liquidation_words import ENDS, WORDS
from streams.present import Fields
from streams.told import Absent, total, versions

CAUSES = ("margin-call-missed", "hole-found")  # told just before the trigger that they lead to
FILLS = ("liquidation-filled", "liquidation-order-filled")


def liquidations_of(events: Iterable[Fields], account: str) -> Fields:
    """Every liquidation of an account with all that was told of it until the next one. Raises Absent.

    `placed` is with whom its torn-up lots were placed, together with those of others, in the round that came next.
    """
    runs: dict[str, list[list[Fields]]] = {}  # by book; the first is what came before any trigger
    torn: dict[tuple[str, str], list[Fields]] = {}  # by book and instrument: tear-ups that wait for a place round
    placed: dict[tuple[str, str], list[Fields]] = {}  # by book and name of the round: its rows
    for event in events:
        book = event["book"]
        if event["type"] == "position-placed":
            _place(event, torn.get((book, event["instrument"]), []), placed)
        if event.get("account") != account:
            continue
        mine = runs.setdefault(book, [[]])
        if event["type"] == "liquidation-triggered":
            mine.append(_causes(mine[-1], event["seq"]))
        if event["type"] in WORDS:
            mine[-1].append(event)
        if event["type"] == "position-torn-up" or event.get("refused_lots"):
            torn.setdefault((book, event["instrument"]), []).append(event)
    if not runs:
        raise Absent(f"no event is about an account named {account}")
    found = [_run(steps, placed) for mine in runs.values() for steps in mine[1:]]
    return {"account": account, "liquidations": found}


def _causes(before: list[Fields], seq: int) -> list[Fields]:
    """What was told last, at the trigger's own seq, belongs to it."""
    taken = list[Fields]()
    while before and before[-1]["type"] in CAUSES and before[-1]["seq"] == seq:
        taken.insert(0, before.pop())
    return taken


def _place(event: Fields, waiting: list[Fields], placed: dict[tuple[str, str], list[Fields]]) -> None:
    """A row of a place round: the first one after a tear-up has the lots of that."""
    book, number = event["book"], event["subject"].rpartition("/")[2]
    for one in waiting:
        rows = placed.setdefault((book, one["id"]), [])
        if not rows or rows[0]["subject"].rpartition("/")[2] == number:
            rows.append(event)


def _run(steps: list[Fields], placed: dict[tuple[str, str], list[Fields]]) -> Fields:
    """One liquidation with its totals."""
    trigger = next(one for one in steps if one["type"] == "liquidation-triggered")
    keys = ("book", "liquidation", "seq", "time", "versions", "reason", "equity", "mm", "im", "marks")
    fees = [one for one in steps if one["type"] in FILLS]
    return {key: trigger[key] for key in keys} | {
        "fees": total(fees, "fee_units", "fee") if fees else None,
        "steps": steps,
        "placed": {one["id"]: rows for one in steps if (rows := placed.get((one["book"], one["id"])))},
        "end": next((one["type"] for one in reversed(steps) if one["type"] in ENDS), None),
    }


def liquidation_lines(found: Fields) -> Iterator[str]:
    """The facts in words."""
    if not found["liquidations"]:
        yield f"{found['account']} was not liquidated in these events."
    for run in found["liquidations"]:
        yield f"{run['book']}, liquidation {run['liquidation']} of {found['account']}: {versions(run)}"
        for step in run["steps"]:
            yield f"  seq {step['seq']}, {step['time']}: {WORDS[step['type']](step)}"
            rows = run["placed"].get(step.get("id", ""), [])
            if rows:
                whom = ", ".join(f"{row['account']} {row['quantity']}" for row in rows)
                yield f"    placed at {rows[0]['mark']}, with what else was torn up: {whom} (rulebook 17.9)"
        fees = f"; fees in all {run['fees']}" if run["fees"] else ""
        yield f"  end: {ENDS.get(run['end'], 'not in these events')}{fees}"
