"""`rhodian tail`: events as they come, a line each."""

from __future__ import annotations

import argparse
import sys
from typing import Any

import orjson

from streams.cli.help import EXITS, Commands, add_command
from streams.cli.live import add_config, live_extra
from streams.cli.wait import run_async
from streams.exits import FINE, UsageError
from streams.present import Fields, iso

HELP = f"""\
One line an event: event time, type, account or member, and the money that matters; with --json the event as it stands
in its topic. What was there before comes in the order of event time, whatever its topic (beyond 200,000 events, the
earliest of those that have come). An event that is told again is shown once. Without --group nothing is remembered,
and nobody else is disturbed; with it, the broker keeps where NAME stands, what was shown is not shown again, and
several of one NAME share the partitions.

  rhodian tail --type default-declared,loss-allocated --from beginning
  rhodian tail --member alice --from 2020-03-12T10:00:00Z --json | jq .equity

{EXITS}"""

# What each type of event is looked at for: keys of its line, in their order.
MATTERS: dict[str, tuple[str, ...]] = {
    "margin-called": ("call", "equity", "im", "deadline"),
    "margin-call-met": ("equity", "im"),
    "margin-call-missed": ("equity", "im"),
    "orders-cancelled": (),
    "liquidation-triggered": ("equity", "mm", "reason"),
    "liquidation-ordered": ("instrument", "quantity", "limit", "deadline"),
    "liquidation-order-ended": ("liquidation_id", "unfilled_lots"),
    "liquidation-order-filled": ("instrument", "quantity", "price", "cash", "fee"),
    "filled-beyond-limit": ("liquidation_id", "price_ticks", "limit_ticks"),
    "liquidation-filled": ("instrument", "quantity", "cash", "fee"),
    "position-taken-over": ("instrument", "quantity", "cash"),
    "position-torn-up": ("instrument", "quantity", "cash"),
    "position-placed": ("instrument", "quantity", "cash"),
    "position-deleveraged": ("instrument", "quantity", "cash"),
    "position-offset": ("instrument", "quantity", "cash"),
    "deleveraging-allocated": ("instrument", "quantity", "price", "draw", "refused_quantity"),
    "liquidation-ended": ("equity", "mm"),
    "withdrawal-released": ("amount_text", "asset", "target", "left"),
    "withdrawal-refused": ("withdrawal", "code"),
    "collateral-offered": ("asset", "quantity", "mark", "deadline"),
    "collateral-sold": ("asset", "quantity", "pay", "buyer"),
    "limit-exceeded": ("instrument", "quantity", "limit_quantity"),
    "account-reopened": ("was",),
    "mark-held": ("instrument", "price", "mark"),
    "mark-accepted-late": ("instrument", "price"),
    "settlement-due": ("instrument", "mark"),
    "funding-applied": ("instrument", "index_delta"),
    "instrument-settled": ("instrument", "price"),
    "hole-found": ("equity",),
    "window-opened": ("window",),
    "default-declared": ("shortfall", "window"),
    "loss-allocated": ("shortfall", "liquidation_loss", "uncovered", "layers"),
    "gains-charged": ("amount", "window"),
    "assessment-called": ("amount", "window", "deadline"),
    "assessment-missed": ("amount", "window"),
    "refill-called": ("amount", "window", "deadline"),
    "refill-missed": ("amount", "window"),
    "estate-held": ("amount", "window"),
    "estate-paid": ("amount",),
    "recovery-allocated": ("amount", "left"),
    "wind-down-begun": ("uncovered",),
    "wind-down-paid": ("held", "claims"),
    "window-closed": ("window", "defaults"),
}


def add_tail(commands: Commands) -> None:
    """The command, with its arguments."""
    tail = add_command(commands, "tail", "show events as they come", HELP)
    tail.add_argument("--type", type=_types, default=(), metavar="A,B", help="these types only")
    tail.add_argument("--member", metavar="M", help="what is about this member, or this account")
    told = "beginning, end (default), or an event time: ISO 8601 (UTC unless said) or milliseconds"
    tail.add_argument("--from", dest="since", type=_since, default=None, metavar="WHERE", help=told)
    tail.add_argument("--no-follow", action="store_true", help="end when all that was there has been shown")
    tail.add_argument("--group", metavar="NAME", help="read as a consumer group; --from holds where it is new")
    add_config(tail)
    tail.add_argument("--json", action="store_true", help="print each event as JSON, one a line")
    tail.set_defaults(run=run_tail)


def _types(text: str) -> tuple[str, ...]:
    kinds = tuple(kind.strip() for kind in text.split(","))
    unknown = [kind for kind in kinds if kind not in MATTERS]
    if unknown:
        raise argparse.ArgumentTypeError(f"no such type: {', '.join(unknown)}; expected some of {', '.join(MATTERS)}")
    return kinds


def _since(text: str) -> int | None:
    from streams.cli.parser import time_ms

    return {"beginning": 0, "end": None}[text] if text in ("beginning", "end") else time_ms(text)


def run_tail(chosen: argparse.Namespace) -> int:
    """The command; answers the exit code."""
    with live_extra():
        from streams.live.settings import Settings, SettingsError
        from streams.live.tables import Transient
        from streams.live.tailing import Wanted, tail
    if chosen.no_follow and chosen.group:
        raise UsageError("--no-follow and --group: a group has no end that it was to come to")

    async def show() -> None:
        async for told in tail(settings, wanted):
            sys.stdout.buffer.write(told.value + b"\n" if chosen.json else told_line(told.kind, told.value))
            sys.stdout.buffer.flush()

    wanted = Wanted(chosen.type, chosen.member, chosen.since, chosen.group, not chosen.no_follow)
    try:
        settings = Settings.load(chosen.config)
        run_async(show())
    except (SettingsError, Transient) as error:
        raise UsageError(str(error)) from error
    return FINE


def told_line(kind: str, value: bytes) -> bytes:
    """An event for people.

    >>> told_line("hole-found", b'{"time_ms":5,"subject":"a/1","account":"a","equity_units":-7,"equity":"-0.07"}')
    b'1970-01-01T00:00:00.005Z  hole-found                a                     equity -0.07\\n'
    """
    event = orjson.loads(value)
    who = event.get("account") or event.get("member") or event["subject"]
    matters = ", ".join(_part(event, key) for key in MATTERS.get(kind, ()) if event.get(key) is not None)
    line = f"{iso(event['time_ms'])}  {kind:<24}  {who:<20}  {matters}".rstrip()
    return line.encode(errors="backslashreplace") + b"\n"


def _part(event: Fields, key: str) -> str:
    """One thing that matters, with its name where that says more than the type."""
    found: Any = event[key]
    if key == "layers":
        drawn = (f"{layer['layer']} {layer['drawn']}" for layer in found if layer["drawn_units"])
        return f"borne by {', '.join(drawn)}"
    return str(found) if key in ("instrument", "quantity") else f"{key.removesuffix('_text')} {found}"
