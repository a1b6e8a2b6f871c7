"""Recompute all loss allocations from the operator's events alone: `python verify_receipts.py < events.jsonl`.

Standard library only; docs/receipts.md says what events cannot show. Exit code 1: what is wrong is named."""

import json
import sys
from collections import Counter
from fractions import Fraction
from hashlib import sha256
from itertools import groupby

ROW = ("payer", "weight_units", "cap_units", "share_units", "remainder_rank", "before_units", "after_units")
HEAD = ("previous", "id", "shortfall_units", "uncovered_units", "snapshot")
LAYER = ("layer", "available_units", "drawn_units", "after_units")
BY_MEMBER = ("unvested", "gains_haircut", "equity_haircut", "open_interest_charge")
DRAW = ("layer", "role", "amount_units", "total_weight_units", "level_units", "level_weight_units", "root")


def same(what, found, recomputed):
    if found != recomputed:
        raise ValueError(f"{what}: found {found!s:.300}, recomputed {recomputed!s:.300}")


def allocate(amount, weights, caps):
    """Rulebook 9: who reaches the cap leaves with it; floors; missing units by remainder, then position."""
    shares, ranks, below, left, total = [0] * len(caps), [0] * len(caps), [], amount, sum(weights)
    for i in sorted((i for i in range(len(caps)) if weights[i]), key=lambda i: Fraction(caps[i], weights[i])):
        if caps[i] * total <= left * weights[i]:
            shares[i], left, total = caps[i], left - caps[i], total - weights[i]
        else:  # nor does anyone after: what is left, and its weight, stay
            shares[i], remainder = divmod(left * weights[i], total)
            below.append((-remainder, i))
    for rank, (_, i) in enumerate(sorted(below)[: amount - sum(shares)], 1):
        shares[i], ranks[i] = shares[i] + 1, rank
    return shares, ranks


def check(draw, layer, losses):
    """One table: shares, remainder ranks, balances, totals; what it starts from. Who pays what."""
    payers, weights, caps, shares, ranks, before, after = ([x[name] for x in draw["shares"]] for name in ROW)
    what = f"{draw['layer']} {draw['role']}"
    same(what, (payers, shares, ranks), (sorted(payers), *allocate(draw["amount_units"], weights, caps)))
    same(f"{what}: after", after, [units - share for units, share in zip(before, shares, strict=True)])
    same(f"{what}: totals", (draw["amount_units"], draw["total_weight_units"]), (sum(shares), sum(weights)))
    if draw["role"] == "payers":
        same(f"{what}: available", layer["available_units"], sum(caps))
    if draw["role"] == "losses":
        same(f"{what}: before", [weights, caps, before], [[losses[payer] for payer in payers]] * 3)
        losses.subtract(dict(zip(payers, shares, strict=True)))
    return {payer: share for payer, share in zip(payers, shares, strict=True) if share}


def settle(e, losses, charges):
    """Rulebook 8: by rank and scope what each layer draws, who pays it, and which losses that meets."""
    for (_, scope), group in groupby(e["layers"], key=lambda x: (x["rank"], x["scope"])):
        layers = {x["layer"]: x for x in group}
        left = sum(units for key, units in losses.items() if scope in (None, key.split("\t")[1]))
        limits = [(x["available_units"], x["cap_units"]) for _, x in sorted(layers.items())]
        caps = [available if cap is None else min(available, cap) for available, cap in limits]
        drawn = dict(zip(sorted(layers), allocate(min(left, sum(caps)), caps, caps)[0], strict=True))
        for name, layer in layers.items():
            same(f"{name}: drawn", layer["drawn_units"], drawn[name])
            same(f"{name}: after", layer["after_units"], layer["available_units"] - drawn[name])
            extra = -(-drawn[name] * layer.get("premium_ppm", 0) // 10**6)
            due = Counter(losses=drawn[name], payers=drawn[name] * (layer["kind"] != "uncovered"), premium=extra)
            for draw in (x for x in e["draws"] if x["layer"] == name):
                paid = check(draw, layer, losses)
                due[draw["role"]] -= draw["amount_units"]
                if draw["role"].startswith("accounts/"):
                    charges.update({(e["window"], account): share for account, share in paid.items()})
                elif layer["kind"] in BY_MEMBER and draw["role"] == "payers":
                    due.update({f"accounts/{payer}": share for payer, share in paid.items()})
            same(f"{name}: amounts less its tables", +due, -due)
    same("uncovered", e["uncovered_units"], e["layers"][-1]["drawn_units"])  # always the last layer


books, e = {}, {"id": "the file"}
try:
    for e in map(json.loads, sys.stdin.buffer):
        book = books.setdefault(e["book"], {"losses": Counter(), "charges": Counter(), "previous": ""})
        if e["type"] == "default-declared":
            same("scopes", sum(e["scopes_units"].values()), e["shortfall_units"])
            book["losses"].update({f"{e['member']}\t{x}": units for x, units in e["scopes_units"].items()})
        elif e["type"] == "assessment-missed":
            book["losses"][f"{e['member']}\t{e['book']}"] += e["amount_units"]
        elif e["type"] == "loss-allocated":
            book["losses"][f"@liquidation\t{e['book']}"] += e["liquidation_loss_units"]
            told = {f"{one}\t{scope}": row[scope] for one, row in e["losses_units"].items() for scope in row}
            same("losses", told, dict(+book["losses"]))
            same("sum, previous", (e["shortfall_units"], e["previous"]), (sum(told.values()), book["previous"]))
            settle(e, book["losses"], book["charges"])
            rows = [[e[x] for x in HEAD], *([x[y] for y in LAYER] for x in e["layers"])]
            rows += [[x[y] for y in DRAW] for x in e["draws"]]
            book["previous"] = sha256("\n".join("|".join(map(str, row)) for row in rows).encode()).hexdigest()
        elif e["type"] == "gains-charged":
            same("charge", e["amount_units"], book["charges"].pop((e["window"], e["account"]), None))
        elif e["type"] == "recovery-allocated":
            paid = [check(one["draw"], {}, Counter()) for one in e["returns"]]
            same("returned", sum(sum(one.values()) for one in paid), e["amount_units"] - e["left_units"])
        elif e["type"] == "wind-down-paid":
            check(e["draw"], {}, Counter())
            same("claims, held", [e["claims_units"], e["held_units"]], [e["draw"][DRAW[3]], e["draw"][DRAW[2]]])
        elif e["type"] == "window-closed":
            same("losses left", book["losses"].total(), 0)
    same("charges not booked", [book["charges"] for book in books.values() if book["charges"]], [])
except (ValueError, KeyError, TypeError) as wrong:
    sys.exit(f"WRONG in {e['id']}: {wrong!r}")
heads = {name: book["previous"] for name, book in books.items() if book["previous"]}
print(heads, "ALL RECEIPTS AGREE" if heads else "NO RECEIPTS", sep="\n")
