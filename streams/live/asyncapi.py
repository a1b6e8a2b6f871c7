"""The topics of a venue as an AsyncAPI 3 document; its messages are those of `streams.contracts`, in files beside.

From the venue's side: `receive` what its members and operators write, `send` what Rhodian tells.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from schemas.codes import Code
from schemas.inputs import TOPICS
from streams.contracts import DIALECT, Schema, entry_schemas, event_schemas, input_schemas, kind_of
from streams.live.outputs import topic_of
from streams.live.settings import Settings
from streams.live.topics import FOR_EVER, Spec, Topics, specs

_CLOUD_EVENT = ("ce_specversion", "ce_id", "ce_type", "ce_source", "ce_subject", "ce_time", "content-type")
_LETTER = ("ce_id", "rhodian.code", *(f"__streams.errors.{name}" for name in (
    "exception", "message", "topic", "partition", "offset")))  # fmt: skip
_TOLD = {
    "reference": "What there is and which rules hold: books, instruments, assets, parameters, the waterfall.",
    "commands": "What operators order, and heartbeats.",
    "transfers": "Money and collateral in and out.",
    "prices": "Marks, funding, settlement prices.",
    "trades": "What members traded, and what they have resting.",
    "journal": "One partition a book: all that changes state, in the order that holds. Records are frames of lines.",
    "dead-letters": "What was refused, with its code; key, value and headers as their producer wrote them.",
    "defaults": "Holes, windows, defaults.",
    "socialized-losses": "Losses shared, with every receipt, and gains that were charged.",
    "margin-calls": "Calls made, met and missed.",
    "liquidations": "Orders to the venue, fills, positions that moved.",
    "conservation": "Reserved.",
    "events": "All other events.",
    "status": "Readers that take no further step.",
}


def asyncapi(settings: Settings) -> Schema:
    """The document."""
    topics, prefix = Topics(settings.prefix), f"{settings.prefix}."
    messages = {name: _messages(name, topics) for name in (spec.name.removeprefix(prefix) for spec in specs(settings))}
    channels = {
        name: _channel(spec, settings, name, list(messages[name]))
        for spec in specs(settings)
        if (name := spec.name.removeprefix(prefix))
    }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Rhodian", "version": version("rhodian"),
            "description": "Margin, liquidations and the sharing of losses of a venue, over Kafka.",
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": {f"{_action(name)}-{name}": _operation(name) for name in channels},
        "components": {"messages": {key: one for some in messages.values() for key, one in some.items()}},
    }  # fmt: skip


def _action(name: str) -> str:
    return "receive" if name in TOPICS else "send"


def _operation(name: str) -> Schema:
    return {"action": _action(name), "channel": {"$ref": f"#/channels/{name}"}, "summary": _TOLD[name]}


def _channel(spec: Spec, settings: Settings, name: str, messages: list[str]) -> Schema:
    kept: Any = {"cleanup.policy": ["delete"], "retention.ms": spec.retention_ms}
    kafka = {
        "topic": spec.name, "partitions": spec.partitions, "replicas": settings.replication,
        "topicConfiguration": kept | {"max.message.bytes": spec.record_bytes_max}, "bindingVersion": "0.5.0",
    }  # fmt: skip
    if spec.retention_ms == FOR_EVER:
        kept["retention.bytes"] = FOR_EVER
    return {
        "address": spec.name,
        "description": _TOLD[name],
        "messages": {message: {"$ref": f"#/components/messages/{message}"} for message in messages},
        "bindings": {"kafka": kafka},
    }


def _messages(name: str, topics: Topics) -> dict[str, Schema]:
    """The messages of one topic, by name."""
    if name in TOPICS:
        kinds = [kind_of(kind) for kind in TOPICS[name]]
        schemas = input_schemas()
        return {f"input-{kind}": _message("inputs", kind, schemas[kind]) for kind in kinds}
    if name == "journal":
        return {"frame": _frame()}
    if name == "dead-letters":
        codes = {"rhodian.code": {"type": "string", "enum": [str(int(code)) for code in Code]}}
        return {"dead-letter": {"title": "A refused input", "payload": True, "headers": _headers(_LETTER, codes)}}
    if name == "status":
        told = {key: {"type": "string"} for key in ("type", "reader", "reason")}
        return {"reader-halted": {"payload": {"type": "object", "properties": told, "required": list(told)}}}
    headers = {"headers": _headers(_CLOUD_EVENT, {"ce_specversion": {"const": "1.0"}})}
    told = {kind: one for kind, one in event_schemas().items() if topic_of(topics, kind).endswith(f".{name}")}
    return {f"event-{kind}": _message("events", kind, one) | headers for kind, one in told.items()}


def _message(folder: str, kind: str, schema: Schema) -> Schema:
    """A message whose payload is a file beside."""
    payload = {
        "schemaFormat": f"application/schema+json;version={DIALECT}",
        "schema": {"$ref": f"./{folder}/{kind}.json"},
    }
    return {"name": kind, "title": schema["title"], "summary": schema["description"], "payload": payload}


def _headers(names: tuple[str, ...], more: Schema) -> Schema:
    properties = {name: {"type": "string"} for name in names} | more
    return {"type": "object", "properties": properties, "required": list(names)}


def _frame() -> Schema:
    kinds = ", ".join(entry_schemas())
    return {
        "title": "A frame of the journal",
        "contentType": "application/x-ndjson",
        "summary": f"A head, then a line an entry: an input as it was written, or one of journal/*.json: {kinds}.",
        "payload": {"type": "string"},
    }
