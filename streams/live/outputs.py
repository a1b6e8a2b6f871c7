"""What a reader writes: events as CloudEvents in binary mode, refused inputs as dead letters, records of the journal.

The value of an event is its line in events.jsonl; everything about it is made of the log, so a repeat is the same bytes
under the same id. A dead letter keeps key, value and headers, and adds the names of KIP-1034 beside our code.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from engine.book import Book
from schemas.codes import Refused
from schemas.events import Event
from schemas.message import Input
from streams.live.frames import Raw, encode_entries
from streams.live.topics import Topics
from streams.present import Terms, event_fields, iso, json_line
from streams.reader import Record

ENTRIES_MAX = 500  # of one frame
Headers = list[tuple[str, bytes | None]]

_DEFAULTS = {
    "hole-found",
    "window-opened",
    "default-declared",
    "window-closed",
    "account-reopened",
    "assessment-missed",
    "estate-held",
    "refill-missed",
    "estate-paid",
    "wind-down-begun",
}
_LOSSES = {
    "loss-allocated",
    "gains-charged",
    "assessment-called",
    "wind-down-paid",
    "refill-called",
    "recovery-allocated",
}
_OF_LIQUIDATION = ("liquidation", "position", "collateral", "orders", "filled")
_CALLS = {"margin-called", "margin-call-met", "margin-call-missed"}


class Outgoing(NamedTuple):
    """One record to send."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes
    headers: Sequence[tuple[str, bytes | None]]


def topic_of(topics: Topics, kind: str) -> str:
    """Where alerting consumers look for an event of this kind."""
    if kind in _DEFAULTS:
        return topics.defaults
    if kind in _LOSSES:
        return topics.socialized_losses
    if kind in _CALLS:
        return topics.margin_calls
    return topics.liquidations if kind.startswith(_OF_LIQUIDATION) else topics.events


def outgoing_event(topics: Topics, partition: int, event: Event, book: Book) -> Outgoing:
    """An event as a record. Its key is the account or member it is about, so that those of one stay in order."""
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", event.id.encode()),
        ("ce_type", event.kind.encode()),
        ("ce_source", f"rhodian/{event.book}".encode()),
        ("ce_subject", event.subject.encode()),
        ("ce_time", iso(event.time_ms).encode()),
        ("content-type", b"application/json"),
    ]
    key = getattr(event, "account", None) or getattr(event, "member", None) or event.subject
    value = json_line(event_fields(event, Terms(book))).rstrip(b"\n")
    return Outgoing(topic_of(topics, event.kind), partition, str(key).encode(), value, headers)


def outgoing_letter(topics: Topics, raw: Raw, refused: Refused) -> Outgoing:
    """A refused input as a record."""
    topic, _, partition = raw.source.rpartition("/")
    ours = [
        ("ce_id", f"{raw.source}/{raw.offset}/{int(refused.code)}".encode()),
        ("rhodian.code", str(int(refused.code)).encode()),
        ("__streams.errors.exception", refused.code.name.encode()),
        ("__streams.errors.message", refused.reason.encode(errors="backslashreplace")),
        ("__streams.errors.topic", topic.encode()),
        ("__streams.errors.partition", partition.encode()),
        ("__streams.errors.offset", str(raw.offset).encode()),
    ]
    return Outgoing(topics.dead_letters, 0, raw.key, raw.value, [*raw.headers, *ours])


def outgoing_frames(topics: Topics, partition: int, records: Sequence[Record]) -> list[Outgoing]:
    """Reports or decisions as frames of the journal: consecutive numbers, not too many in one."""
    groups = groupby(enumerate(records), key=lambda pair: (pair[1].number - pair[0], pair[0] // ENTRIES_MAX))
    found = []
    for _, group in groups:
        some = [record for _, record in group]
        one, entries = some[0], [record.body for record in some if not isinstance(record.body, Input)]
        value = encode_entries(one.source, one.number, one.shard, one.shards, entries)
        found.append(Outgoing(topics.journal, partition, None, value, []))
    return found
