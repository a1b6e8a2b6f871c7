"""What every input has, and what its fields are made of (RULEBOOK 16.1)."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

Name = Annotated[str, Meta(min_length=1, max_length=64)]
Text = Annotated[str, Meta(max_length=1024)]
# A JSON number is accepted too, read exactly: its schema is made so where this format is seen (streams.contracts).
Decimal = Annotated[str, Meta(min_length=1, max_length=128, extra_json_schema={"format": "decimal"})]
TimeMs = Annotated[int, Meta(ge=0, le=253_402_300_799_999)]
Version = Annotated[int, Meta(ge=1, le=2**53)]
Count = Annotated[int, Meta(ge=0, le=2**53)]
Ppm = Annotated[int, Meta(ge=0, le=10**9)]


class Input(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", kw_only=True):
    """What every input has. `id` is unique per book and topic for as long as `late_ms`."""

    book: Name
    id: Name
    time_ms: TimeMs


class Governed(Input, frozen=True, kw_only=True):
    """A change of rules: who, why, and from when (RULEBOOK 11). Versions of one subject only rise."""

    version: Version
    author: Name
    reason: Text
    effective_ms: TimeMs | None = None
