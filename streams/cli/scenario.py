"""`rhodian scenario`: the options of `streams.scenario`, as arguments."""

from __future__ import annotations

import argparse
from pathlib import Path

import msgspec

from streams.cli.world import print_json
from streams.exits import FINE, UsageError
from streams.scenario import Options, ScenarioSummary, UnknownMarketFile, make_scenario

_HELP = {
    "session": "of a tape with several sessions",
    "scale": "share of the real venue that is built (accounts / 10,000, at most 1)",
    "open_interest_days": "open interest as days of the real volume",
    "size_tail": "Pareto tail of position sizes",
    "size_cap": "largest position, as a share of open interest",
    "isolated_share": "isolated accounts",
    "isolated_leverage": "median leverage of isolated accounts",
    "cross_leverage": "median leverage of cross accounts",
    "trades_per_account": "trades in the run",
    "topup_share": "accounts that answer a margin call",
    "withdrawal_share": "accounts that ask for money back",
    "collateral_share": "cross accounts that put up bitcoin",
    "clearing_share": "members that contribute to the guarantee fund",
    "guarantee_share": "guarantee fund, as a share of all initial margin",
    "insurance_share": "insurance, as a share of open interest (of the market)",
    "operator_share": "operator capital junior and senior, each as a share of open interest",
    "backstop_share": "backstop capital, as a share of open interest",
    "call_ms": "time to meet a margin call (of the market)",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """One argument for each field of Options."""
    group = parser.add_argument_group("options of the scenario")
    for field in msgspec.structs.fields(Options):
        is_whole = field.name in ("session", "call_ms")
        shown = "" if field.default is None else f" (default {field.default})"
        group.add_argument(
            f"--{field.name.replace('_', '-')}",
            dest=f"option_{field.name}",
            type=int if is_whole else float,
            metavar="N" if is_whole else "X",
            help=_HELP.get(field.name, "") + shown,
        )


def run_scenario(chosen: argparse.Namespace) -> int:
    """The command; answers the exit code."""
    summary = make_logs(chosen, chosen.out)
    if chosen.json:
        print_json(summary.as_dict())
    else:
        print("\n".join(summary.lines))
    return FINE


def make_logs(chosen: argparse.Namespace, out: Path) -> ScenarioSummary:
    """The scenario that the arguments ask for, written into `out`."""
    stated = {name: value for name, value in vars(chosen).items() if name.startswith("option_") and value is not None}
    options = {name.removeprefix("option_"): value for name, value in stated.items()}
    try:
        return make_scenario(chosen.market, chosen.accounts, chosen.seed, out, **options)
    except (UnknownMarketFile, msgspec.ValidationError, OSError) as error:
        raise UsageError(str(error)) from error
