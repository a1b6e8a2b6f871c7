"""Why a line is no input: one code and one reason for bytes that the decoder would not take.

Order: the bytes, the JSON, the type, the topic, unknown fields, missing fields, then each field in the order of its
struct. Only the first fault is named. A value of the right JSON type that breaks a bound or is not one of the listed
words is OUT_OF_RANGE; for a name BAD_ID; for a decimal BAD_NUMBER or NUMBER_TOO_LARGE.
"""

from __future__ import annotations

import json
import re

import msgspec
from msgspec import Raw, Struct

from schemas.codes import Code, Refused
from schemas.fields import FIELDS, KIND_OF_TAG, Field, check_decimal, check_name
from schemas.inputs import TOPIC_OF

_ANY = msgspec.json.Decoder(Raw)
_OBJECT = msgspec.json.Decoder(dict[str, Raw])
_LIST = msgspec.json.Decoder(list[Raw])
_TEXT = msgspec.json.Decoder(str)
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_LOOKS = {
    "name": re.compile(rb'"'),
    "text": re.compile(rb'"'),
    "choice": re.compile(rb'"'),
    "decimal": re.compile(rb'["0-9-]'),
    "integer": re.compile(rb"-?[0-9]+\Z"),
    "flag": re.compile(rb"true|false"),
    "structs": re.compile(rb"\["),
}
_WORDS = {
    "name": "a string",
    "text": "a string",
    "choice": "a string",
    "decimal": "a number",
    "integer": "a whole number",
    "flag": "true or false",
    "structs": "a list",
}


def diagnose(line: bytes, topic: str | None) -> Refused | None:
    """The refusal of a line, or None when nothing is wrong with it but what only the decoder knows."""
    try:
        line.decode()
        _ANY.decode(line)  # all of it: the object's decoder would stop at the first byte of a list
        members = _OBJECT.decode(line)
        kind = _kind(members.pop("type", None), topic)
        _judge_object("", kind, members)
    except Refused as refused:
        return refused
    except UnicodeDecodeError as error:
        return Refused(Code.BAD_UTF8, f"{error.reason} at byte {error.start}")
    except RecursionError:
        return Refused(Code.NOT_JSON, "nested too deeply")
    except msgspec.ValidationError as error:
        return Refused(Code.NOT_AN_OBJECT, str(error))
    except msgspec.DecodeError as error:
        return _malformed(line.decode(), str(error))
    return None


def is_json(line: bytes) -> bool:
    """Whether the bytes are one whole JSON value, of whatever shape: tells a cut line from a merely unfinished file."""
    try:
        line.decode()
        _ANY.decode(line)
    except (ValueError, RecursionError):
        return False
    return True


def _malformed(text: str, reason: str) -> Refused:
    """NOT_JSON, told apart from the near misses that other JSON readers let through."""
    if text.startswith("\ufeff"):
        return Refused(Code.NOT_JSON, "a byte order mark stands before the JSON")
    constants: list[str] = []
    try:
        # Numbers stay text: int() has a limit on digits of its own, and no float is wanted.
        json.loads(text, parse_constant=constants.append, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return Refused(Code.NOT_JSON, reason)
    if constants:
        return Refused(Code.BAD_NUMBER, f"{constants[0]} is not a number")
    if _SURROGATE.search(text):
        return Refused(Code.LONE_SURROGATE, "half of a surrogate pair in a string")
    return Refused(Code.NOT_JSON, reason)


def _kind(tag: Raw | None, topic: str | None) -> type[Struct]:
    """The struct that `type` names, if the topic takes it."""
    if tag is None:
        raise Refused(Code.MISSING_FIELD, "type")
    if not bytes(tag).startswith(b'"'):
        raise Refused(Code.WRONG_TYPE, f"type: expected a string, found {_shown(tag)}")
    kind = KIND_OF_TAG.get(_TEXT.decode(tag))
    if kind is None:
        raise Refused(Code.UNKNOWN_TYPE, f"type: {_shown(tag)}")
    if topic is not None and TOPIC_OF[kind] != topic:
        raise Refused(Code.WRONG_TOPIC, f"{_shown(tag)} belongs on {TOPIC_OF[kind]}, not on {topic}")
    return kind


def _judge_object(path: str, kind: type[Struct], members: dict[str, Raw]) -> None:
    """Refuses the first fault of an object, its tag already taken out."""
    fields = FIELDS[kind]
    unknown = sorted(members.keys() - {field.key for field in fields})
    if unknown:
        raise Refused(Code.UNKNOWN_FIELD, f"{path}{unknown[0][:64]!r}")
    for field in fields:
        if field.required and field.key not in members:
            raise Refused(Code.MISSING_FIELD, path + field.key)
    for field in fields:
        if field.key in members:
            _judge_value(path + field.key, field, members[field.key])


def _judge_value(path: str, field: Field, raw: Raw) -> None:
    """Refuses what is wrong with one value: its type, its bound, or what stands in it."""
    value = bytes(raw)
    if value == b"null" and field.nullable:
        return
    if not _LOOKS[field.role].match(value):
        raise Refused(Code.WRONG_TYPE, f"{path}: expected {_WORDS[field.role]}, found {_shown(raw)}")
    if field.role == "decimal":
        check_decimal(path, _TEXT.decode(value) if value.startswith(b'"') else value.decode())
    elif field.element is not None:
        _judge_list(path, field, raw)
    else:
        _judge_bound(path, field, raw)


def _judge_list(path: str, field: Field, raw: Raw) -> None:
    """Refuses the first fault of a list of objects: its elements, then its length."""
    elements = _LIST.decode(raw)
    for position, element in enumerate(elements):
        try:
            members = _OBJECT.decode(element)
        except msgspec.ValidationError:
            reason = f"{path}[{position}]: expected an object, found {_shown(element)}"
            raise Refused(Code.WRONG_TYPE, reason) from None
        _judge_object(f"{path}[{position}].", field.element or Struct, members)
    limits = next(meta for meta in field.type.__metadata__ if isinstance(meta, msgspec.Meta))
    if not (limits.min_length or 0) <= len(elements) <= (limits.max_length or len(elements)):
        reason = f"{path}: expected {limits.min_length} to {limits.max_length} elements, found {len(elements)}"
        raise Refused(Code.OUT_OF_RANGE, reason)


def _judge_bound(path: str, field: Field, raw: Raw) -> None:
    """Refuses a value of the right JSON type that its field does not take."""
    try:
        value = msgspec.json.decode(raw, type=field.type)
    except msgspec.ValidationError as error:
        code = Code.BAD_ID if field.role == "name" else Code.OUT_OF_RANGE
        raise Refused(code, f"{path}: {error}") from None
    if field.role == "name":
        check_name(path, value)


def _shown(raw: Raw) -> str:
    """The beginning of a value, for a reason."""
    return bytes(raw)[:40].decode(errors="replace")
