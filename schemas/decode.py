"""Bytes to inputs: a line becomes a struct or is refused with a code; nothing else ever comes out (RULEBOOK 16, 2.2).

Three steps: the strict decoder of the topic; if it will not take the line, the loose twin, which takes a JSON number
for a decimal with its exact text; if that will not either, the diagnosis that names the code. What the decoder cannot
see is checked after it: that decimal text is a number, and that names hold nothing unprintable.

A chunk is decoded line by line inside one C loop. Joining the lines into one array first, so that msgspec is called
once, was measured: it saves 0-8% and costs a search for the culprit when one line is bad.

When a key stands twice in one object, the last one wins, as in every common JSON reader.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from operator import or_
from typing import Any

import msgspec
import numpy as np
from msgspec import UNSET, Raw, Struct

from schemas.codes import Code, Refused
from schemas.diagnose import diagnose
from schemas.fields import FIELDS, KIND_OF_TWIN, KINDS, TWINS, check_decimal, check_name
from schemas.glance import plain, plain_numbers
from schemas.inputs import TOPICS, AnyInput
from schemas.message import Input

LINE_MAX_BYTES = 1 << 20

_Decoder = msgspec.json.Decoder[Any]
_BY_TOPIC: dict[str | None, tuple[type[Input], ...]] = {None: KINDS} | dict(TOPICS.items())
_STRICT: dict[str | None, _Decoder] = {
    topic: msgspec.json.Decoder(reduce(or_, kinds)) for topic, kinds in _BY_TOPIC.items()
}
_LOOSE: dict[str | None, _Decoder] = {
    topic: msgspec.json.Decoder(reduce(or_, (TWINS[kind] for kind in kinds))) for topic, kinds in _BY_TOPIC.items()
}
_TEXT = msgspec.json.Decoder(str)
# What msgspec raises: its own errors and UnicodeDecodeError are ValueErrors.
_UNDECODED = (ValueError, RecursionError)

_CHECKED = {
    kind: tuple(field for field in fields if field.role in ("name", "decimal", "structs"))
    for kind, fields in FIELDS.items()
}
_FLAT = {topic for topic, kinds in TOPICS.items() if all(f.element is None for kind in kinds for f in FIELDS[kind])}


def decode(line: bytes, topic: str | None = None) -> AnyInput:
    """The input that a line is, on `topic` if one is named.

    Refuses with every 1xx code but CUT_LINE and CUT_FILE, which the reader of files gives.

    >>> decode(b'{"type":"price","book":"b","id":"1","time_ms":5,"mark":0.10,"instrument":"X"}').mark
    '0.10'
    """
    if len(line) > LINE_MAX_BYTES:
        raise Refused(Code.LINE_TOO_LONG, f"{len(line)} bytes, at most {LINE_MAX_BYTES}")
    try:
        message = _STRICT[topic].decode(line)
    except _UNDECODED:
        message = _decode_loose(line, topic)
    _check("", message)
    return message  # type: ignore[no-any-return]  # the decoders are made at run time


def decode_chunk(lines: Sequence[bytes], topic: str | None) -> list[AnyInput | Refused]:
    """What `decode` gives for each line, refusals as values in their places; about the cost of msgspec alone."""
    block = b"".join(lines)
    if len(block) > LINE_MAX_BYTES and max(map(len, lines)) > LINE_MAX_BYTES:
        return [_outcome(decode, line, topic) for line in lines]
    messages: list[AnyInput | Refused] = []
    rest = map(_STRICT[topic].decode, lines)
    while len(messages) < len(lines):
        try:
            messages.extend(rest)  # what came before an exception stays, and `rest` goes on behind the bad line
        except _UNDECODED:
            messages.append(_outcome(_decode_loose, lines[len(messages)], topic))
    _check_chunk(messages, block, lambda: lines)
    return messages


def decode_block(block: bytes, topic: str) -> list[AnyInput | Refused]:
    r"""`decode_chunk(block.split(b"\n"), topic)`, without making the lines when they are all good.

    One value for each line is proved like this: every line begins with `{`. No string holds a line end and no struct
    of a flat topic holds an object, so each such `{` begins a value of its own; as many values as lines, then, is one
    for each. Anything else goes line by line.
    """
    codes = np.frombuffer(block, np.uint8)
    ends = np.flatnonzero(codes == ord("\n"))
    if topic not in _FLAT or not _all_open(codes, ends) or len(block) > LINE_MAX_BYTES:
        return decode_chunk(block.split(b"\n"), topic)
    try:
        messages: list[AnyInput | Refused] = _STRICT[topic].decode_lines(block)
    except _UNDECODED:
        return decode_chunk(block.split(b"\n"), topic)
    if len(messages) != len(ends) + 1:
        return decode_chunk(block.split(b"\n"), topic)
    _check_chunk(messages, block, lambda: block.split(b"\n"))
    return messages


def _all_open(codes: np.ndarray[Any, np.dtype[np.uint8]], ends: np.ndarray[Any, np.dtype[np.int64]]) -> bool:
    """Whether every line of a block begins with an opening brace."""
    if not len(codes) or codes[0] != ord("{") or codes[-1] == ord("\n"):
        return False
    return bool((codes[ends + 1] == ord("{")).all())


def _outcome(read: Callable[[bytes, str | None], Any], line: bytes, topic: str | None) -> AnyInput | Refused:
    """What `read` gives, or its refusal as a value, freed of the frames that it came through."""
    try:
        return read(line, topic)  # type: ignore[no-any-return]  # one of AnyInput
    except Refused as refused:
        return Refused(refused.code, refused.reason)


def _decode_loose(line: bytes, topic: str | None) -> Struct:
    """The second try: decimals as JSON numbers. Refuses with the code of the first fault."""
    try:
        twin = _LOOSE[topic].decode(line)
        return _strict_of(twin)
    except _UNDECODED as error:
        fault = diagnose(line, topic)
        # A key given twice, wrong first and right last: the diagnosis sees only the last.
        raise fault or Refused(Code.WRONG_TYPE, str(error)) from None


def _strict_of(twin: Struct) -> Struct:
    """The strict struct of a loose one, the text of each number taken as it stands; ValueError if one is no text."""
    kind = KIND_OF_TWIN[type(twin)]
    values: dict[str, Any] = {}
    for field in FIELDS[kind]:
        value = getattr(twin, field.name)
        if isinstance(value, Raw):
            value = _decimal_text(bytes(value), field.nullable)
        elif isinstance(value, list):
            value = [_strict_of(element) for element in value]
        values[field.name] = value
    return kind(**values)


def _decimal_text(value: bytes, nullable: bool) -> str | None:
    """The text of a decimal from a JSON number or a JSON string, or None from null."""
    if value[:1] in b"-0123456789":
        return value.decode()
    if nullable and value == b"null":
        return None
    return str(_TEXT.decode(value))


def _check(path: str, message: Struct) -> None:
    """Refuses what the decoder cannot see: BAD_NUMBER, NUMBER_TOO_LARGE, CONTROL_CHARACTER."""
    for field in _CHECKED[type(message)]:
        value = getattr(message, field.name)
        if value is None or value is UNSET:
            continue
        if field.role == "name":
            check_name(path + field.key, value)
        elif field.role == "decimal":
            check_decimal(path + field.key, value)
        else:
            for position, element in enumerate(value):
                _check(f"{path}{field.key}[{position}].", element)


def _check_chunk(messages: list[AnyInput | Refused], block: bytes, lines: Callable[[], Sequence[bytes]]) -> None:
    """`_check` for a chunk, in place: only messages that a glance at the whole chunk leaves in doubt."""
    suspects: Sequence[int] = ()
    if not plain_numbers(messages):
        suspects = range(len(messages))
    elif not plain(block):
        suspects = [position for position, line in enumerate(lines()) if not plain(line)]
    for position in suspects:
        message = messages[position]
        if not isinstance(message, Refused):
            try:
                _check("", message)
            except Refused as refused:
                messages[position] = Refused(refused.code, refused.reason)
