"""Arguments of the command line, and the help that teaches them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from streams.cli.check import run_check
from streams.cli.explain import add_explain
from streams.cli.feed import add_feed
from streams.cli.from_kafka import add_from_kafka
from streams.cli.help import EXITS, add_command, layout
from streams.cli.live import add_live
from streams.cli.local import add_local
from streams.cli.replay import run_replay
from streams.cli.scenario import add_options, run_scenario
from streams.merge import HEARTBEAT_MS_MIN
from streams.present import TIME_MAX_MS
from streams.scenario import ACCOUNTS_MIN
from streams.under_way import HEARTBEAT_MS

ABOUT = """\
Rhodian computes margin, liquidations and the sharing of losses of a venue, exactly and repeatably.

  scenario   builds a venue around real prices, as logs
  check      validates logs without running them
  replay     runs logs, and writes every event, balance and loss
  explain    prints a waterfall as a ladder, and what a loss would take from whom
  local      runs a whole live venue on this machine: its own Kafka and Redis, workers, a feed, and the replay beside it
  topics     creates the Kafka topics of a venue, or checks that none would lose anything
  worker     runs one process of a live venue: intake, a margin shard, the clearing house, or all of them
  verify     compares what Redis holds, and what the journal says, with what the journal gives
  snapshot   writes what Redis holds of a book into a file that a worker can begin with
  tail       shows events as they come: liquidations, defaults, losses
  dead-letters  lists and shows what was refused, and sends it in again
  schemas    writes JSON Schemas of all messages, and the topics as AsyncAPI

stdout carries the result (JSON with --json), stderr progress and messages."""

EXAMPLES = f"""\
examples:
  rhodian scenario --market data/bitmex_xbtusd_1m_20200311_20200314.csv --accounts 10000 --seed 1 --out logs
  rhodian check logs
  rhodian replay logs --out result
  rhodian replay logs --out result --until 2020-03-12T11:00:00Z
  rhodian replay logs --out result --what-if smaller-fund.json
  rhodian replay logs --out result --json | jq .losses

{EXITS}"""

REPLAY = f"""\
LOGS is a directory with one JSON-lines file a topic (reference, commands, transfers, prices, trades; .jsonl, .jsonl.gz
or .jsonl.zst), each line what a producer puts on that topic. Lines are merged by event time, topic, line; the result is
the same for every number of shards. Or it is a journal, journal.jsonl, as a replay writes it. With --from-kafka it is
the journal of a live venue, read from the broker up to its present end. The journal.jsonl that is then written says of
each entry what its envelope said (version 2: docs/journal.md); a replay of it gives the same files, to the byte.

files in DIR:
  events.jsonl        one event a line: id, type, book, seq, time, subject, versions, then its fields;
                      decimal text stands beside every count (equity_units: 123, equity: "0.00000123")
  journal.jsonl       every entry in log order: {{"entry": n, "topic": ..., "line": ..., "value": ...}}
  accounts.csv        every account at the end: status, cash, equity, margins, positions
  funds.csv           insurance, guarantee fund, operator, backstop and technical accounts at the end
  dead-letters.jsonl  every refused line: code, reason, file, line, the original bytes
  summary.json        figures, losses by window and layer, conservation, digests

what-if FILE: a JSON list of reference messages, for instance
  [{{"type": "parameters", "book": "bitmex-xbt", "stop_ppm": 1300000}},
   {{"type": "waterfall", "book": "bitmex-xbt", "layers": [{{"id": "all", "kind": "uncovered", "rank": 1}}]}}]
Each replaces the logged message of its subject, in its place; fields that it does not state stay as logged. Both
outcomes are printed side by side; the files of the second are in DIR/what-if. A FILE of one object, as those of
examples/waterfalls, holds for every book. Of several FILEs each is a run of its own, into DIR/what-if/NAME.

{EXITS}"""

SCENARIO = f"""\
Prices are real, members are drawn; docs/scenario.md says what is assumed, and so does the output. The same file,
accounts, seed and options give the same bytes. Shares are of accounts unless said otherwise.

{EXITS}"""

CHECK = f"""\
Every line is decoded by the schemas and judged by the rules that need no accounts (codes 1xx and 2xx). What one account
refuses (3xx, for instance a withdrawal above what is free) needs margin: see dead-letters.jsonl of a replay.

{EXITS}"""


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The chosen command with its arguments; `run` is what to call. Ends the process with code 2 on wrong usage."""
    parser = argparse.ArgumentParser("rhodian", description=ABOUT, epilog=EXAMPLES, formatter_class=layout)
    parser.add_argument("--version", action="version", version=f"rhodian {version('rhodian')}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_replay(add_command(commands, "replay", "run logs, write every event, balance and loss", REPLAY))
    _add_scenario(add_command(commands, "scenario", "build a venue around real prices, as logs", SCENARIO))
    add_explain(commands)
    _add_check(add_command(commands, "check", "validate logs without running them", CHECK))
    add_live(commands)
    add_local(commands)
    add_feed(commands)
    return parser.parse_args(arguments)


def _add_replay(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "logs", type=Path, nargs="?", metavar="LOGS", help="directory of topic logs, or a journal.jsonl"
    )
    add_from_kafka(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the files go; made if missing")
    parser.add_argument("--shards", type=shards, default=1, metavar="N", help="margin shards (changes no result)")
    until = "stop before the first line later than TIME: ISO 8601 (UTC unless said) or milliseconds"
    parser.add_argument("--until", type=time_ms, metavar="TIME", help=until)
    again = "run again with the rules of each FILE, and compare"
    parser.add_argument("--what-if", type=Path, nargs="+", metavar="FILE", help=again)
    parser.add_argument("--strict", action="store_true", help="end at the first refusal, with exit code 1")
    _add_common(parser, run_replay)


def _add_scenario(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--market", type=Path, required=True, metavar="CSV", help="prices: a file of data/")
    parser.add_argument("--accounts", type=_accounts, required=True, metavar="N", help="how many accounts to draw")
    parser.add_argument("--seed", type=seed, required=True, metavar="S", help="same seed, same bytes")
    parser.add_argument("--out", type=Path, required=True, metavar="LOGS", help="where the logs go; made if missing")
    add_options(parser)
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")
    parser.set_defaults(run=run_scenario)


def _add_check(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("logs", type=Path, metavar="LOGS", help="directory of topic logs")
    _add_common(parser, run_check)


def _add_common(parser: argparse.ArgumentParser, run: object) -> None:
    grid = f"grid of the heartbeats that the merge puts in; 0: none (default {HEARTBEAT_MS})"
    parser.add_argument("--heartbeat-ms", type=heartbeat, default=HEARTBEAT_MS, metavar="MS", help=grid)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.set_defaults(run=run)


def time_ms(text: str) -> int:
    """Milliseconds, or ISO 8601 without a zone (UTC) or with one.

    >>> time_ms("2020-03-12T11:00:00Z") == time_ms("1584010800000") == time_ms("2020-03-12 11:00")
    True
    """
    if text.isascii() and text.isdigit():
        return _whole(text, 0, TIME_MAX_MS)
    try:
        found = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"expected ISO 8601 or milliseconds, found {text!r}") from None
    found = found.replace(tzinfo=UTC) if found.tzinfo is None else found
    since = found - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000


def _whole(text: str, least: int, most: int) -> int:
    if not (text.isascii() and text.isdigit()) or not least <= int(text) <= most:
        raise argparse.ArgumentTypeError(f"expected a whole number from {least} to {most}, found {text!r}")
    return int(text)


def shards(text: str) -> int:
    return _whole(text, 1, 1024)


def _accounts(text: str) -> int:
    return _whole(text, ACCOUNTS_MIN, 10_000_000)


def seed(text: str) -> int:
    return _whole(text, 0, 2**63 - 1)


def heartbeat(text: str) -> int:
    return 0 if text == "0" else _whole(text, HEARTBEAT_MS_MIN, 86_400_000)
