"""What a member lost, and why, from the events alone (RULEBOOK 7-9, 12): facts, and the same in words.

Shares are retold from their receipts; nothing is computed that the events do not say, so what stands here is what the
receipts prove.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from engine.names import member_of
from streams.present import Fields
from streams.told import Absent, is_of, total


def losses_of(events: Iterable[Fields], member: str) -> Fields:
    """Each window's loss that a member bore a share of or caused, and what else it lost. Raises Absent.

    `member` may be a fund, as `@insurance/perp`. A window that cost it nothing, and was not its own, is left out.
    """
    if "/" in member and not member.startswith("@"):
        raise Absent(f"{member} is an account; losses are borne by its member, {member_of(member)}")
    told: dict[tuple[str, int], dict[str, list[Fields]]] = {}
    windows, others, occurs = list[Fields](), list[Fields](), False
    for event in events:
        kind = event["type"]
        about = told.setdefault((event["book"], event.get("window", 0)), {"opened": [], "defaults": [], "calls": []})
        mine = any(is_of(event.get(key) or "", member) for key in ("member", "account"))
        occurs |= mine
        if kind == "window-opened":
            about["opened"].append(event)
        elif kind == "default-declared":
            about["defaults"].append(event)
        elif kind == "loss-allocated":
            found = _window(event, member, about)
            occurs |= bool(found["shares"]) or member in event["contributions_units"]
            windows += [found] if found["cost_units"] or found["own_defaults"] or found["met"] else []
        elif kind == "deleveraging-allocated":
            others += _given(event, member)
        elif kind in ("wind-down-paid", "recovery-allocated"):
            kept = list(_paid(event, member) if kind == "wind-down-paid" else _returned(event, member))
            occurs, others = occurs or bool(kept), others + kept
        elif mine and kind == "assessment-called":
            about["calls"].append(event)  # beside the allocation, whose facts hold this list
        elif mine and (kind in ("assessment-missed", "refill-called", "refill-missed") or event.get("left_units")):
            others.append(event)
    if not occurs:
        raise Absent(f"no event is about a member, account or fund named {member}")
    done = {(one["book"], one["window"]) for one in windows}
    waiting = (one for where, about in told.items() if where not in done for one in about["defaults"])
    others += [one for one in waiting if one["member"] == member]
    return {"member": member, "windows": windows, "others": others}


def _window(event: Fields, member: str, about: dict[str, list[Fields]]) -> Fields:
    """One allocation as far as it is about a member."""
    layers = {layer["layer"]: layer for layer in event["layers"]}
    shares, met = list[Fields](), list[Fields]()
    for draw in event["draws"]:
        for share in draw["shares"]:
            facts = {"layer": layers[draw["layer"]], "role": draw["role"], "draw": _head(draw), "share": share}
            if draw["role"] == "losses":
                met += [facts] if share["payer"].partition("\t")[0] == member and share["share_units"] else []
            elif is_of(share["payer"], member):
                shares.append(facts)
    head = {key: event[key] for key in ("book", "window", "seq", "time", "versions", "shortfall", "liquidation_loss")}
    paying = [one["share"] for one in shares if not one["role"].startswith("accounts/")]
    return head | {
        **about,
        "own_defaults": [one for one in about["defaults"] if one["member"] == member],
        "shares": shares,
        "cost_units": sum(share["share_units"] for share in paying),
        "cost": total(paying, "share_units", "share"),
        "met": met,
        "uncovered": event["uncovered"],
    }


def _given(event: Fields, member: str) -> Iterator[Fields]:
    """The lots that accounts of a member gave against those of another account, each with its receipt."""
    for draw in event["draws"]:
        for share in draw["shares"]:
            if share["lots"] and is_of(share["account"], member):
                yield _head(event, "draws") | {"table": _head(draw), "share": share}


def _paid(event: Fields, member: str) -> Iterator[Fields]:
    """What was missing for the claims of a member when its book ended, its contribution's too."""
    for share in event["draw"]["shares"]:
        if is_of(share["payer"].removeprefix("@guarantee/"), member):
            yield _head(event, "draw") | {"table": _head(event["draw"]), "share": share}


def _returned(event: Fields, member: str) -> Iterator[Fields]:
    """What came back to a member of what it had lost by another."""
    for one in event["returns"]:
        for share in one["draw"]["shares"]:
            if share["share_units"] and is_of(share["payer"], member):
                yield _head(event, "returns") | _head(one, "draw") | {"table": _head(one["draw"]), "share": share}


def _head(table: Fields, rows: str = "shares") -> Fields:
    """A table without its rows."""
    return {key: value for key, value in table.items() if key != rows}
