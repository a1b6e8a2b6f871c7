"""The generated contracts as judges: strict ones, which take no field that they do not name."""

from __future__ import annotations

import json
from copy import deepcopy
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from streams.contracts import entry_schemas, event_schemas, input_schemas

MAKERS = {"inputs": input_schemas, "events": event_schemas, "journal": entry_schemas}


@cache
def validators(folder: str) -> dict[str, Draft202012Validator]:
    """By type. Each schema is one itself."""
    found = {}
    for kind, schema in MAKERS[folder]().items():
        Draft202012Validator.check_schema(schema)
        found[kind] = Draft202012Validator(_strict(deepcopy(schema)))
    return found


def _strict(schema: dict[str, Any]) -> dict[str, Any]:
    for part in [schema, *schema.get("$defs", {}).values()]:
        if "properties" in part:
            part["additionalProperties"] = False
    return schema


def require_valid(folder: str, line: bytes) -> str:
    """The type of a line, which its schema accepts."""
    value = json.loads(line)
    fault = next(validators(folder)[value["type"]].iter_errors(value), None)
    assert fault is None, f"{value['type']}: {fault.json_path if fault else ''}: {fault}"
    return str(value["type"])
