"""`rhodian replay --from-kafka`: what it takes, and what feeds its run."""

from __future__ import annotations

import argparse

from streams.cli.live import add_config, live_extra
from streams.exits import UsageError
from streams.replay import Feed

BEGINNING = "beginning"


def add_from_kafka(parser: argparse.ArgumentParser) -> None:
    """The options, in a group of their own."""
    group = parser.add_argument_group("from the broker, instead of LOGS")
    group.add_argument("--from-kafka", action="store_true", help="replay the journals of a live venue")
    add_config(group)
    group.add_argument("--book", metavar="B", help="this book only; default: all of the settings, one after the other")
    told = "where to begin: only the beginning (or offset 0) has a state to begin with; anything else is refused"
    group.add_argument("--from", dest="begin", default=BEGINNING, metavar="WHERE", help=told)


def feed_of(chosen: argparse.Namespace) -> Feed | None:
    """What feeds the run: None for files. Raises UsageError for what does not go together."""
    if not chosen.from_kafka:
        if chosen.logs is None:
            raise UsageError("name LOGS, or say --from-kafka")
        if chosen.config or chosen.book or chosen.begin != BEGINNING:
            raise UsageError("--config, --book and --from belong to --from-kafka")
        return None
    if chosen.logs is not None:
        raise UsageError("LOGS and --from-kafka: which one?")
    if chosen.what_if is not None:
        raise UsageError("--what-if needs topic logs: a journal holds the decisions made under the logged rules")
    if chosen.begin not in (BEGINNING, "0"):
        raise UsageError(
            f"--from {chosen.begin}: a replay that begins there needs the state that stands there, and a journal holds "
            f"none; begin at the beginning. A worker can begin at a snapshot: see rhodian snapshot --help"
        )
    with live_extra():
        from streams.live.replaying import FromKafka
        from streams.live.settings import Settings, SettingsError
    try:
        settings = Settings.load(chosen.config)
    except SettingsError as error:
        raise UsageError(str(error)) from error
    return FromKafka(settings, books_of(settings.books, chosen.book))


def books_of(books: tuple[str, ...], chosen: str | None) -> tuple[str, ...]:
    """The books that are meant. Raises UsageError for one that the settings do not name."""
    if chosen is not None and chosen not in books:
        raise UsageError(f"--book {chosen}: the settings name {', '.join(books)}")
    return books if chosen is None else (chosen,)
