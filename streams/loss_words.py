"""What a member lost, in words (RULEBOOK 7-9, 17.23): each share as its receipt proves it."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from streams.present import Fields
from streams.told import total, versions

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
    if event["type"] == "default-declared":
        return f"a default of {event['shortfall']} in window {event['window']}, whose loss is not allocated here yet"
    if event["type"] == "wind-down-paid":
        share = event["share"]
        return (
            f"wind-down: of the claim of {share['payer']}, {share['weight']}, it keeps {share['share']}, lost "
            f"{share['after']} ({_formula(event['table'], share)}; rulebook 8, 17.25)"
        )
    if event["type"] == "refill-called":
        until = event.get("deadline", event["deadline_ms"])
        return f"called to refill its contribution by {event['amount']} until {until} (rulebook 17.27)"
    if event["type"] == "refill-missed":
        return f"{event['amount']} not refilled in time, a default in window {event['window']} (rulebook 17.27)"
    if event["type"] == "recovery-allocated":
        share = event["share"]
        return (
            f"recovered from {event['member']}: of {share['weight']} that {share['payer']} lacked of window "
            f"{event['window']}, layer {event['table']['layer']}, {share['share']} come back, {share['after']} do not "
            f"({_formula(event['table'], share)}; rulebook 8, 17.26)"
        )
    if event["type"] == "assessment-missed":
        return (
            f"{event['amount']} of a call unpaid at its deadline, a loss of window {event['window']} (rulebook 17.23)"
        )
    return (
        f"of the withdrawal {event['withdrawal']} of {event['amount_text']} from {event['account']}, {event['left']} "
        "stayed for losses that nobody covered (rulebook 8, 17.24)"
    )


def _deleveraged(event: Fields) -> str:
    """A receipt of lots; by score in a queue, else as money is shared."""
    share, table, name = event["share"], event["table"], event["share"]["account"]
    if table["rule"] == "queue":
        why = f"a queue by score {event['score']}, {share['score_ppm']} ppm, room {share['room_lots']}"
    else:
        facts = (share["room_lots"], share["weight"], share["remainder_rank"], share["lots"])
        level = _level(*facts, table["level"], table["level_weight"])
        why = f"{table['rule']}, weight {share['weight']} of {table['total_weight']}: {level} lots"
    would = ", ".join(f"{rule} {lots.get(name, 0)}" for rule, lots in event["otherwise_lots"].items())
    return (
        f"deleveraging, layer {event['layer']}: {name} gives {share['lots']} lots of {event['instrument']} against "
        f"those of {event['account']}, price {event['price']}: each for "
        f"{Fraction(event['paid_num'], event['paid_den'])} units; tier {table['tier']} "
        f"gave {table['amount_lots']}, by {why}; before {share['before_lots']} lots, after {share['after_lots']}; "
        f"by other rules: {would or 'the same'} (rulebook 6.7, 17.22)"
    )


def _window_lines(window: Fields, member: str) -> Iterator[str]:
    since = "".join(f"opened at seq {one['seq']}, {one['time']}, " for one in window["opened"])
    yield f"{window['book']}, window {window['window']}: {since}allocated at seq {window['seq']}, {window['time']}"
    yield f"  rules: {versions(window)}"
    yield f"  loss: of defaulters {window['shortfall']}, of liquidations {window['liquidation_loss']}"
    largest = sorted(window["defaults"], key=lambda one: -one["shortfall_units"])
    for one in largest[:SHOWN]:
        paid = "".join(f", after {text} from its account {name}" for name, text in one["recourse"].items())
        yield f"  default of {one['member']}, account {one['account']}, seq {one['seq']}: {one['shortfall']}{paid}"
    if largest[SHOWN:]:
        yield f"  and {len(largest) - SHOWN} smaller defaults: {total(largest[SHOWN:], 'shortfall_units', 'shortfall')}"
    for one in window["met"]:
        scope = one["share"]["payer"].partition("\t")[2]
        met = "nobody" if one["layer"]["kind"] == "uncovered" else f"layer {one['layer']['layer']}"
        yield f"  its own loss, scope {scope}: {met} paid {one['share']['share']}"
    for one in window["shares"]:
        yield from _share_lines(one)
    for call in window["calls"]:
        yield f"  called: {call['amount']} to be paid by {call.get('deadline', call['deadline_ms'])} (rulebook 17.23)"
    yield f"  in all: {member} pays {window['cost']}; nobody paid {window['uncovered']}"


def _share_lines(one: Fields) -> Iterator[str]:
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
    facts = (share["cap_units"], share["weight_units"], share["remainder_rank"], share["share_units"])
    return f"{_level(*facts, draw['level_units'], draw['level_weight_units'])} units"


def _level(cap: int, weight: int, rank: int, share: int, level: int, level_weight: int) -> str:
    """The share of a receipt by the level of its table (9)."""
    if not level_weight:
        return f"all give up to their caps = {share}"
    more = f" + 1 by remainder rank {rank}" if rank else ""
    return f"min({cap}, {level} * {weight} // {level_weight}){more} = {share}"
