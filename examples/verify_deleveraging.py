"""Recompute all deleveraging from the operator's events alone: `python verify_deleveraging.py < events.jsonl`.

Standard library only; docs/receipts.md says what events cannot show. Exit code 1: what is wrong is named."""

import json
import sys
from fractions import Fraction
from hashlib import sha256
from math import ceil

ROW = ("account", "score_ppm", "weight", "room_lots", "lots", "remainder_rank", "before_lots", "after_lots")


def same(what, found, recomputed):
    if found != recomputed:
        raise ValueError(f"{what}: found {found!s:.300}, recomputed {recomputed!s:.300}")


def member(account):
    return account.split("/")[0], account


def queue(amount, rows):
    """The greatest score first, each up to its room; ties to the lower row."""
    shares = [0] * len(rows)
    for i in sorted(range(len(rows)), key=lambda i: (-rows[i]["score_ppm"], i)):
        shares[i] = min(amount, rows[i]["room_lots"])
        amount -= shares[i]
    return shares, [0] * len(rows)


def divide(amount, rows):
    """Rulebook 9: who reaches the room leaves with it; floors; missing lots by remainder, then position."""
    weights, rooms = [x["weight"] for x in rows], [x["room_lots"] for x in rows]
    shares, ranks, below, left, total = [0] * len(rows), [0] * len(rows), [], amount, sum(weights)
    for i in sorted((i for i in range(len(rows)) if weights[i]), key=lambda i: Fraction(rooms[i], weights[i])):
        if rooms[i] * total <= left * weights[i]:
            shares[i], left, total = rooms[i], left - rooms[i], total - weights[i]
        else:
            shares[i], remainder = divmod(left * weights[i], total)
            below.append((-remainder, i))
    for rank, (_, i) in enumerate(sorted(below)[: amount - sum(shares)], 1):
        shares[i], ranks[i] = shares[i] + 1, rank
    return shares, ranks


def root_of(rows):
    """The Merkle root over the receipts in their order."""
    level = [sha256("|".join(str(x[name]) for name in ROW).encode()).hexdigest() for x in rows]
    while len(level) > 1:
        pairs = [level[i : i + 2] for i in range(0, len(level), 2)]
        level = [sha256("".join(pair).encode()).hexdigest() if len(pair) == 2 else pair[0] for pair in pairs]
    return level[0]


def check(e):
    """Tier by tier what is left, who gives how much of it, and what nobody had room for; who gives, in their order."""
    left, given = abs(e["lots"]), {}
    for draw in e["draws"]:
        what, rows = f"tier {draw['tier']}", draw["shares"]
        same(f"{what}: amount, root", (draw["amount_lots"], draw["root"]), (left, root_of(rows)))
        names, shares, ranks = ([x[name] for x in rows] for name in ("account", "lots", "remainder_rank"))
        recomputed = (queue if draw["rule"] == "queue" else divide)(left, rows)
        same(what, (names, shares, ranks), (sorted(names, key=member), *recomputed))
        same(f"{what}: after", [x["after_lots"] for x in rows], [x["before_lots"] - x["lots"] for x in rows])
        left -= sum(shares)
        given |= dict(zip(names, shares, strict=True))
    same("market and refused", e["market_lots"] + e["refused_lots"], left)
    return {name: given[name] for name in sorted(given, key=member) if given[name]}


due, checked, e = {}, 0, {"id": "the file"}
try:
    for e in map(json.loads, sys.stdin.buffer):
        if e["type"] == "deleveraging-allocated":
            first, checked = e["first_lots"], checked + 1
            for name, lots in check(e).items():
                due[e["book"], e["instrument"], name] = (Fraction(e["paid_num"], e["paid_den"]), first, lots)
                first += lots
        elif e["type"] == "position-offset":
            paid, first, lots = due.pop((e["book"], e["instrument"], e["account"]))
            moved = abs(e["lots"])
            same("lots", moved, min(moved, lots))
            same("cash", -e["cash_units"], ceil(paid * (first + moved)) - ceil(paid * first))
except (ValueError, KeyError, TypeError) as wrong:
    sys.exit(f"WRONG in {e['id']}: {wrong!r}")
print(f"{checked} rounds of deleveraging: ALL AGREE" if checked else "NO DELEVERAGING")
