"""What a member lost, and why, from the events alone (RULEBOOK 7-9, 12): facts, and the same in words.

Shares are retold from their receipts; nothing is computed that the events do not say, so what stands here is what the
receipts prove.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from engine.names import member_of
from streams.present import Fields
from streams.told import Absent, is_of, total, versions

SHOWN = 5  # defaults named in words; the facts have all
_SECTIONS = {
    "replenished": "8, 17.23", "assessment": "8, 17.23", "unvested": "15.7, 17.23", "equity_haircut": "15.7, 17.23",
    "open_interest_charge": "8, 17.23",
}  # fmt: skip
_WEIGHTS = {
    "defaulter_contribution": "its own contribution", "operator": "balance", "insurance": "balance",
    "guarantee_fund": "contribution when the window opened", "assessment": "contribution when the window opened",
    "replenished": "contribution paid in since the window opened", "unvested": "gain that has not vested",
    "gains_haircut": "net gain of the period", "equity_haircut": "equity above zero",
}  # fmt: skip


def losses_of(events: Iterable[Fields], member: str) -> Fields:
    """Each window's loss that a member bore a share of or caused, and what else it lost. Raises Absent.

    `member` may be a fund, as `@insurance/perp`. A window that cost it nothing, and was not its own, is left out.
    """
    if "/" in member and not member.startswith("@"):
        raise Absent(f"{member} is an account; losses are borne by its member, {member_of(member)}")
    opened: dict[tuple[str, int], Fields] = {}
    defaults: dict[tuple[str, int], list[Fields]] = {}
    calls: dict[tuple[str, int], list[Fields]] = {}
    windows, others, occurs = list[Fields](), list[Fields](), False
    for event in events:
        kind, where = event["type"], (event["book"], event.get("window", 0))
        mine = any(is_of(event.get(key) or "", member) for key in ("member", "account"))
        occurs |= mine
        if kind == "window-opened":
            opened[where] = event
        elif kind == "default-declared":
            defaults.setdefault(where, []).append(event)
        elif kind == "assessment-called" and mine:
            calls.setdefault(where, []).append(event)
        elif kind == "assessment-missed" and mine or kind == "withdrawal-released" and mine and event.get("left_units"):
            others.append(event)
        elif kind == "deleveraging-allocated":
            given = list(_given(event, member))
            occurs |= bool(given)
            others += given
        elif kind == "loss-allocated":
            found = _window(event, member, opened.get(where), defaults.get(where, []))
            occurs |= bool(found["shares"]) or member in event["contributions_units"]
            found["calls"] = calls.setdefault(where, [])  # told beside the allocation
            windows += [found] if found["cost"] or found["own_defaults"] else []
    if not occurs:
        raise Absent(f"no event is about a member, account or fund named {member}")
    return {"member": member, "windows": windows, "others": others}


def _window(event: Fields, member: str, opened: Fields | None, defaults: list[Fields]) -> Fields:
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
        "opened": {key: opened[key] for key in ("seq", "time", "snapshot")} if opened else None,
        "defaults": defaults,
        "own_defaults": [one for one in defaults if one["member"] == member],
        "shares": shares,
        "cost_units": sum(share["share_units"] for share in paying),
        "cost": total(paying, "share_units", "share") if any(share["share_units"] for share in paying) else None,
        "met": met,
        "uncovered": event["uncovered"],
    }


def _given(event: Fields, member: str) -> Iterator[Fields]:
    """The lots that accounts of a member gave against those of another account, each with its receipt."""
    for draw in event["draws"]:
        for share in draw["shares"]:
            if share["lots"] and is_of(share["account"], member):
                yield _head(event, "draws") | {"table": _head(draw), "share": share}


def _head(table: Fields, rows: str = "shares") -> Fields:
    """A table without its rows."""
    return {key: value for key, value in table.items() if key != rows}


def loss_lines(found: Fields) -> Iterator[str]:
    """The facts in words."""
    member = found["member"]
    if not found["windows"] and not found["others"]:
        yield f"{member} lost nothing by any default in these events."
    for window in found["windows"]:
        yield from _window_lines(window, member)
    for event in found["others"]:
        yield f"{event['book']}, seq {event['seq']}, {event['time']}: {_other(event)}; {versions(event)}"


def _other(event: Fields) -> str:
    if event["type"] == "deleveraging-allocated":
        return _deleveraged(event)
    if event["type"] == "assessment-missed":
        return f"the call of window {event['window']} was unpaid by {event['amount']}: a default (rulebook 17.23)"
    return (
        f"of the withdrawal {event['withdrawal']} of {event['amount_text']} from {event['account']}, {event['left']} "
        "stayed for losses that nobody covered (rulebook 8, 17.24)"
    )


def _deleveraged(event: Fields) -> str:
    share, table, name = event["share"], event["table"], event["share"]["account"]
    would = ", ".join(f"{rule} {lots.get(name, 0)}" for rule, lots in event["otherwise_lots"].items())
    return (
        f"deleveraging, layer {event['layer']}: {name} gives {share['lots']} lots of {event['instrument']} against "
        f"those of {event['account']}, each for {event['paid_num']}/{event['paid_den']} units; tier {table['tier']}, "
        f"{table['rule']} over {table['amount_lots']} lots, score {share['score_ppm']} ppm, weight {share['weight']} of "
        f"{table['total_weight']}, room {share['room_lots']}, remainder rank {share['remainder_rank']}, before "
        f"{share['before_lots']}, after {share['after_lots']}; under other rules: {would or 'the same'} "
        "(rulebook 6.7, 17.22)"
    )


def _window_lines(window: Fields, member: str) -> Iterator[str]:
    opened = window["opened"]
    since = f"opened at seq {opened['seq']}, {opened['time']}, " if opened else ""
    yield f"{window['book']}, window {window['window']}: {since}allocated at seq {window['seq']}, {window['time']}"
    yield f"  rules: {versions(window)}"
    yield f"  loss: shortfalls of defaulters {window['shortfall']}, of liquidations {window['liquidation_loss']}"
    largest = sorted(window["defaults"], key=lambda one: -one["shortfall_units"])
    for one in largest[:SHOWN]:
        paid = "".join(f", after {text} from its account {name}" for name, text in one["recourse"].items())
        yield f"  default of {one['member']}, account {one['account']}, seq {one['seq']}: {one['shortfall']}{paid}"
    if largest[SHOWN:]:
        yield f"  and {len(largest) - SHOWN} smaller defaults: {total(largest[SHOWN:], 'shortfall_units', 'shortfall')}"
    for one in window["met"]:
        scope = one["share"]["payer"].partition("\t")[2]
        yield f"  its own loss, scope {scope}: layer {one['layer']['layer']} met {one['share']['share']}"
    for one in window["shares"]:
        yield from _share_lines(one, window)
    for call in window["calls"]:
        yield f"  called: {call['amount']} to be paid by {call.get('deadline', call['deadline_ms'])} (rulebook 17.23)"
    yield f"  in all: {member} pays {window['cost'] or 'nothing'}; nobody paid {window['uncovered']}"


def _share_lines(one: Fields, window: Fields) -> Iterator[str]:
    """A receipt; of an account's part, and of a premium, only what is not said already."""
    layer, draw, share, role = one["layer"], one["draw"], one["share"], one["role"]
    balance = f"before {share['before']}, after {share['after']}"
    if role.startswith("accounts/"):
        yield f"    of that its account {share['payer']}: {share['share']}, {_formula(draw, share)}; {balance}"
        return
    if role == "premium":
        yield f"    premium beyond what it covers: {share['share']} (rulebook 15.7, 17.23); {balance}"
        return
    scope = f", scope {layer['scope']}" if layer["scope"] else ""
    section = _SECTIONS.get(layer["kind"], "8, 17.12")
    yield f"  layer {layer['layer']} ({layer['kind']}, rank {layer['rank']}{scope}; rulebook {section}):"
    cap = f"at most {layer['cap']}" if layer["cap_units"] is not None else "no cap"
    yield f"    it had {layer['available']}, {cap}; {layer['drawn']} was drawn, {layer['after']} left"
    yield f"    {share['payer']} pays {share['share']}, its own cap is {share['cap']}; {balance}"
    if layer["kind"] == "open_interest_charge":  # lots, whose text is not that of money
        weight, all_of = f"{share['weight_units']} lots", f"{draw['total_weight_units']} lots"
    else:
        weight, all_of = f"{_WEIGHTS[layer['kind']]} {share['weight']}", draw["total_weight"]
    yield f"    weight: {weight} of {all_of} (rulebook 9: {_formula(draw, share)})"


def _formula(draw: Fields, share: Fields) -> str:
    """How the receipt proves itself, in units."""
    rank, cap, weight = share["remainder_rank"], share["cap_units"], share["weight_units"]
    if not draw["level_weight_units"]:
        return f"all pay their caps, {cap} units"
    more = f" + 1 by remainder rank {rank}" if rank else ""
    level = f"{draw['level_units']} * {weight} // {draw['level_weight_units']}"
    return f"min({cap}, {level}){more} = {share['share_units']} units"
