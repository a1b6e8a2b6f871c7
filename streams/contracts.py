"""JSON Schemas of all that is read and written, made from the same types that read and write it.

Inputs are strict: another field is refused. Events may get more fields one day: whoever reads them passes over those.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, get_args

import msgspec
from msgspec import Struct

from schemas.events import Event
from schemas.fields import KINDS
from schemas.inputs import TOPIC_OF
from schemas.journal import AnyEntry
from schemas.loss_events import DefaultDeclared
from streams.present import count_of

Schema = dict[str, Any]
_TEXT: Schema = {"type": "string"}
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def kind_of(kind: type[Struct]) -> str:
    """A type by its name in JSON."""
    return str(kind.__struct_config__.tag)


def events() -> list[type[Event]]:
    """All that the world is told."""
    found: list[type[Event]] = Event.__subclasses__()
    if DefaultDeclared not in found:
        raise TypeError("events of losses are not loaded")
    return found


def input_schemas() -> dict[str, Schema]:
    """What venues and operators write, by type."""
    found = {kind_of(kind): _document(kind, f"An input on the topic {TOPIC_OF[kind]}.") for kind in KINDS}
    for schema in found.values():
        _take_numbers(schema)
    return found


def event_schemas() -> dict[str, Schema]:
    """What the world is told, by type, with the texts beside the counts."""
    return {kind_of(kind): _told(_document(kind, "An event.")) for kind in events()}


def entry_schemas() -> dict[str, Schema]:
    """What shards and the clearing house write into the journal, by type."""
    return {kind_of(kind): _document(kind, "An entry of the journal.") for kind in get_args(AnyEntry)}


def _document(kind: type[Struct], fallback: str) -> Schema:
    """One type as a document of its own. A docstring that is only inherited describes another type."""
    _, parts = msgspec.json.schema_components([kind], ref_template="#/$defs/{name}")
    whole = parts.pop(kind.__name__)
    whole["description"] = " ".join((vars(kind).get("__doc__") or fallback).split())
    document = {"$schema": DIALECT, "$id": f"urn:rhodian:{kind_of(kind)}", **whole}
    return document | ({"$defs": parts} if parts else {})


def _take_numbers(part: Any) -> None:
    """Decimals may be JSON numbers, which are read with their exact text."""
    if isinstance(part, dict) and part.get("format") == "decimal":
        part["type"] = ["string", "number"]
    for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        _take_numbers(inner)


def _told(schema: Schema) -> Schema:
    """An event as it is written: its id first, and the texts (`streams.present`), at every depth."""
    for part in [schema, *schema.get("$defs", {}).values()]:
        if "properties" in part:
            part["properties"] = dict(_with_texts(part["properties"].items()))
    schema["properties"] = {"id": {"type": "string"}} | schema["properties"]
    schema["required"] = ["id", *schema["required"]]
    return schema


def _with_texts(properties: Iterable[tuple[str, Schema]]) -> Iterable[tuple[str, Schema]]:
    for key, schema in properties:
        yield key, schema
        _, beside = count_of(key)
        if beside:
            yield beside, _text(schema)


def _text(schema: Schema) -> Schema:
    """Where a count is null there is no text; in a mapping what has no text is null."""
    if schema.get("type") != "object":
        return _TEXT
    inner = _text(schema["additionalProperties"])
    return {"type": "object", "additionalProperties": {"type": ["string", "null"]} if inner == _TEXT else inner}
