"""Check one member's share without seeing the others' rows; standard library only (docs/receipts.md).

python verify_share.py events.jsonl MEMBER > mine.json   # who holds the events cuts out the member's receipts
python verify_share.py mine.json                         # the member checks them; exit code 0 or 1
"""

import json
import sys
from hashlib import sha256
from pathlib import Path

ROW = ("payer", "weight_units", "cap_units", "share_units", "remainder_rank", "before_units", "after_units")
LAYER = ("layer", "available_units", "drawn_units", "after_units")
DRAW = ("layer", "role", "amount_units", "total_weight_units", "level_units", "level_weight_units", "root")
HEAD = ("previous", "id", "shortfall_units", "uncovered_units", "snapshot")


def digest(text):
    """sha256 in hex."""
    return sha256(text.encode()).hexdigest()


def line(fields, names):
    """The named fields as they are hashed."""
    return "|".join(str(fields[name]) for name in names)


def path_of(level, at):
    """From the leaf at a position: on each level the sibling and its side, nothing where the leaf is carried up."""
    path = []
    while len(level) > 1:
        if at ^ 1 < len(level):
            path.append(["left" if at % 2 else "right", level[at ^ 1]])
        pairs = [level[i : i + 2] for i in range(0, len(level), 2)]
        level, at = [digest("".join(pair)) if len(pair) == 2 else pair[0] for pair in pairs], at // 2
    return path


def cut_out(event, member):
    """The receipts of a member's rows as payer, each with its path, and the heads that everybody may see."""
    receipts = []
    for number, draw in enumerate(event["draws"]):
        level = [digest(line(share, ROW)) for share in draw["shares"]]
        for at, share in enumerate(draw["shares"]):
            if draw["role"] != "losses" and share["payer"].split("/")[0] == member:
                receipts.append({"draw": number, "path": path_of(level, at), **{name: share[name] for name in ROW}})
    head = {name: event[name] for name in HEAD} | {"layers": event["layers"]}
    return head | {"draws": [{name: draw[name] for name in DRAW} for draw in event["draws"]], "receipts": receipts}


def check(event):
    """Every receipt under its root, every share from weight, cap and level; prints the link of the chain."""
    lines = [line(event, HEAD), *(line(x, LAYER) for x in event["layers"]), *(line(x, DRAW) for x in event["draws"])]
    for one in event["receipts"]:
        draw, found = event["draws"][one["draw"]], digest(line(one, ROW))
        for side, sibling in one["path"]:
            found = digest(sibling + found if side == "left" else found + sibling)
        share, weight = one["cap_units"] if one["weight_units"] else 0, draw["level_weight_units"]
        if weight:
            share = min(share, draw["level_units"] * one["weight_units"] // weight) + (one["remainder_rank"] > 0)
        is_sound = share == one["share_units"] <= one["cap_units"] and one["before_units"] - share == one["after_units"]
        if found != draw["root"] or not is_sound:
            raise ValueError(f"{event['id']}, {draw['layer']}: {line(one, ROW)} is not under the root or not the share")
        print(f"{event['id']}, {draw['layer']}: {one['payer']} pays {share} of {draw['amount_units']} units: agrees")
    print(f"{event['id']}: the next allocation of the book must name {digest(chr(10).join(lines))} as previous")


def main(path, member=None):
    """Cut out, or check; the exit code."""
    with Path(path).open(encoding="utf-8") as lines:
        if member is not None:
            losses = (event for event in map(json.loads, lines) if event["type"] == "loss-allocated")
            json.dump([cut for event in losses if (cut := cut_out(event, member))["receipts"]], sys.stdout, indent=1)
            return 0
        try:
            events = json.load(lines)
            for event in events:
                check(event)
            print(f"{len(events)} windows took something from this member; all agree" if events else "NO RECEIPTS")
        except (ValueError, KeyError, TypeError, IndexError) as wrong:
            print(f"WRONG: {wrong}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) if len(sys.argv) in (2, 3) else __doc__)
