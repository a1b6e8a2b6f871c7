"""Recompute every loss allocation from the operator's events alone: `python verify_receipts.py events.jsonl`.

Standard library only, the rules of docs/rulebook.md written anew; docs/receipts.md says what events cannot show.
Exit code 0: all agrees; 1: something does not, and the first such thing is named.
"""

import json
import sys
from collections import Counter
from hashlib import sha256
from itertools import groupby, zip_longest
from pathlib import Path

ROW = ("payer", "weight_units", "cap_units", "share_units", "remainder_rank", "before_units", "after_units")
DRAW = ("layer", "role", "amount_units", "total_weight_units", "level_units", "level_weight_units", "root")
LAYER = ("layer", "available_units", "drawn_units", "after_units")
HEAD = ("previous", "id", "shortfall_units", "uncovered_units", "snapshot")


def same(what, found, expected):
    """Go on only if they are."""
    if found != expected:
        raise ValueError(f"{what}: found {found}, recomputed {expected}")


def digest(*rows):
    """sha256 in hex over lines of fields."""
    return sha256("\n".join("|".join(map(str, row)) for row in rows).encode()).hexdigest()


def allocate(amount, weights, caps):
    """Rulebook 9: the full leave until nobody is; floors; missing units by remainder. Shares, ranks, level."""
    rows, ranks = [(w, c) for w, c in zip(weights, caps, strict=True) if w], [0] * len(weights)
    left, total, most = amount, sum(weights), sum(c for _, c in rows)
    if amount >= most:
        return [c if w else 0 for w, c in zip(weights, caps, strict=True)], ranks, 0, 0
    while len(rows) > len(rows := [(w, c) for w, c in rows if c * total > left * w]):
        left, total = amount - most + sum(c for _, c in rows), sum(w for w, _ in rows)
    shares = [min(c, left * w // total) for w, c in zip(weights, caps, strict=True)]
    rest = {i: left * w % total for i, w in enumerate(weights) if caps[i] * total > left * w}
    for rank, i in enumerate(sorted(rest, key=lambda i: -rest[i])[: amount - sum(shares)], 1):
        shares[i], ranks[i] = shares[i] + 1, rank
    return shares, ranks, left, total


def check_draw(draw, where, amount, rows):
    """Rows (payer, weight, cap, before), rulebook 12: receipts, sums, level, Merkle root. Shares by payer."""
    shares, ranks, left, total = allocate(amount, [row[1] for row in rows], [row[2] for row in rows])
    wanted = [[*r[:3], share, rank, r[3], r[3] - share] for r, share, rank in zip(rows, shares, ranks, strict=True)]
    for found, receipt in zip_longest(draw["shares"], wanted):
        same(f"{where}, receipt", found and [found[name] for name in ROW], receipt)
    units, weight, tree = draw["level_units"], draw["level_weight_units"], [digest(receipt) for receipt in wanted]
    same(f"{where}, level, sum", (units * total, weight > 0, amount), (left * weight, total > 0, sum(shares)))
    while len(tree) > 1:  # two hashes make one, an odd one is carried up
        tree = [digest(["".join(tree[i : i + 2])]) if tree[i + 1 :] else tree[i] for i in range(0, len(tree), 2)]
    head = (*where, amount, sum(row[1] for row in rows), units, weight, *tree)
    same(f"{where}, head", tuple(draw[name] for name in DRAW), head)
    return {row[0]: share for row, share in zip(rows, shares, strict=True)}


def pay(layer, fund, draws, book, e):
    """Rulebook 17.12: who pays what one layer draws, with which weights and caps, and which losses that meets."""
    name, kind, units, frozen = layer["layer"], layer["kind"], layer["drawn_units"], e["contributions_units"]
    cells, meets, owed = book["cells"], {None: units}, Counter()
    for (member, _), left in cells.items():
        owed[member] += left
    if kind != "uncovered":
        draw = next(draws)
        now = {x["payer"]: x["before_units"] for x in draw["shares"]}
        accounts = {x["payer"]: next(draws) for x in draw["shares"] if x["share_units"] and kind == "gains_haircut"}
        most = {
            x["payer"]: x["cap_units"] for x in draw["shares"]
        }  # of a gain that is not charged, only the cap is told
        most |= {member: sum(x["before_units"] for x in table["shares"]) for member, table in accounts.items()}
        by_kind = {"defaulter_contribution": owed, "guarantee_fund": frozen, "gains_haircut": most}
        rows = []
        for payer, limit in sorted(by_kind.get(kind, {fund: layer["available_units"]}).items()):
            if payer not in owed or kind == "defaulter_contribution":
                before = now.get(payer, 0)
                cap = min(before, limit)
                rows.append((payer, {"guarantee_fund": limit, "gains_haircut": before}.get(kind, cap), cap, before))
        shares = check_draw(draw, (name, "payers"), units, rows)
        same(f"{name}, available", layer["available_units"], sum(row[2] for row in rows))
        meets = shares if kind == "defaulter_contribution" else meets
        for member, table in accounts.items():
            rows = sorted((x["payer"], *[x["before_units"]] * 3) for x in table["shares"])
            same(f"accounts of {member}", {row[0].split("/")[0] for row in rows}, {member})
            split = check_draw(table, (name, f"accounts/{member}"), shares[member], rows)
            book["charges"] |= {account: share for account, share in split.items() if share}
    for member, met in meets.items():
        if met:
            keys = [key for key in cells if member in (None, key[0]) and layer["scope"] in (None, key[1])]
            rows = [("|".join(key), *[cells[key]] * 3) for key in keys]
            taken = check_draw(next(draws), (name, "losses"), met, rows).values()
            cells.update({key: cells[key] - share for key, share in zip(keys, taken, strict=True)})


def lose(book, e):
    """Rulebook 8: losses, snapshot, chain; then by rank, and in a rank by scope, what each layer draws."""
    if e["liquidation_loss_units"]:
        book["cells"]["@liquidation", e["book"]] = e["liquidation_loss_units"]
    cells = book["cells"] = dict(sorted(book["cells"].items()))
    told = {(member, scope): units for member, row in e["losses_units"].items() for scope, units in row.items()}
    same("losses, their sum", (told, e["shortfall_units"]), (cells, sum(cells.values())))
    frozen = digest([f"{member}={units}" for member, units in sorted(e["contributions_units"].items())])
    same("snapshot, previous", (e["snapshot"], e["previous"]), (frozen, book["previous"]))
    same("snapshot at opening", book["snapshot"], frozen)
    draws, order = iter(e["draws"]), [(x["rank"], x["scope"] is None, x["scope"] or "") for x in e["layers"]]
    same("order of layers", order, sorted(order))
    for (_, scope), group in groupby(e["layers"], key=lambda x: (x["rank"], x["scope"])):
        left = sum(units for key, units in cells.items() if scope in (None, key[1]))
        peers = {x["layer"]: x for x in group}
        most = [left if peers[x]["cap_units"] is None else peers[x]["cap_units"] for x in sorted(peers)]
        caps = [min(left, peers[x]["available_units"], cap) for x, cap in zip(sorted(peers), most, strict=True)]
        parts = dict(zip(sorted(peers), allocate(min(left, sum(caps)), caps, caps)[0], strict=True))
        for name, layer in peers.items():
            after = layer["available_units"] - parts[name]
            same(f"{name}: drawn, after", (layer["drawn_units"], layer["after_units"]), (parts[name], after))
            fund = f"@operator/{name}" if layer["kind"] == "operator" else f"@insurance/{scope or e['book']}"
            if layer["kind"] in ("operator", "insurance"):
                same(f"{fund} since it last paid", layer["available_units"] < book["funds"].get(fund, 0), False)
                book["funds"][fund] = after
            if parts[name]:
                pay(layer, fund, draws, book, e)
    same("draws beyond the layers, losses not met", (next(draws, None), sum(cells.values())), (None, 0))
    same("uncovered", e["uncovered_units"], sum(x["drawn_units"] for x in e["layers"] if x["kind"] == "uncovered"))
    book["previous"] = digest(
        [e[x] for x in HEAD], *([x[y] for y in LAYER] for x in e["layers"]), *([x[y] for y in DRAW] for x in e["draws"])
    )
    paid = ", ".join(f"{x['layer']} {x['drawn']}" for x in e["layers"] if x["drawn_units"])
    count = sum(len(x["shares"]) for x in e["draws"])
    print(f"{e['book']} window {e['window']}: {e['shortfall']} = {paid}; {count} receipts")


def read(book, e):
    """One event; `book` is what those before it said."""
    if e["type"] == "window-opened":
        same("window", (e["window"], book["charges"]), (book["window"] + 1, {}))
        book |= {"window": e["window"], "snapshot": e["snapshot"], "defaults": 0, "cells": Counter()}
    elif e["type"] == "default-declared":
        units, scopes = e["shortfall_units"], dict(sorted(e["mm_units"].items()))
        shares = allocate(units, [*scopes.values()], [units + 1] * len(scopes))[0]
        split = {scope: share for scope, share in zip(scopes, shares, strict=True) if share}
        same("window, split over scopes", (e["window"], e["scopes_units"]), (book["window"], split))
        book["cells"].update({(e["member"], scope): share for scope, share in split.items()})
        book["defaults"] += 1
    elif e["type"] == "loss-allocated":
        same("window", e["window"], book["window"])
        lose(book, e)
    elif e["type"] == "gains-charged":
        same("charge", (e["window"], e["amount_units"]), (book["window"], book["charges"].pop(e["account"], None)))
    elif e["type"] == "collateral-sold" and e["buyer"] in book["funds"]:
        book["funds"][e["buyer"]] -= e["pay_units"]
    elif e["type"] == "window-closed":
        same("defaults, loss left", (e["defaults"], sum(book["cells"].values())), (book["defaults"], 0))


def main(path):
    """Read a file; the exit code."""
    books, e = {}, {}
    try:
        with Path(path).open(encoding="utf-8") as lines:
            for e in map(json.loads, lines):
                empty = {"window": 0, "previous": "", "charges": {}, "funds": {}, "cells": Counter()}
                read(books.setdefault(e["book"], empty), e)
        for name, book in books.items():
            same(f"{name}, charges not booked", book["charges"], {})
            print(f"{name}: {book['window']} windows, head of the chain {book['previous'] or 'none'}")
    except (ValueError, KeyError, TypeError, AttributeError, StopIteration) as wrong:
        print(f"WRONG in {e.get('id', path)}: {'' if type(wrong) is ValueError else type(wrong).__name__} {wrong}")
        return 1
    print("ALL RECEIPTS AGREE")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
