"""What each field of an input is, read off the structs once: names, decimals, bounds, and a loose twin of each struct.

The twin of a struct is the same struct with every decimal field left undecoded, so that a JSON number keeps its exact
text: `0.1` written as a number is the same input as `"0.1"` (RULEBOOK 2.2).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
from msgspec import Raw, Struct, UnsetType

from schemas.codes import Code, Refused
from schemas.decimals import parse_decimal
from schemas.inputs import TOPICS
from schemas.message import Decimal, Input, Text

Role = Literal["name", "text", "decimal", "integer", "flag", "choice", "structs"]

# What may not stand in a name: controls, formats (bidi marks, joiners, soft hyphen, tags), line ends, blanks other than
# U+0020, private use, surrogates and noncharacters. Written out, because str.isprintable() follows the Unicode tables
# of the running Python: a replay under another version would judge newer letters differently.
_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\xa0\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u1680\u180e\u2000-\u200f\u2028-\u202f"
    "\u205f-\u206f\u3000\ud800-\uf8ff\ufdd0-\ufdef\ufeff\ufff0-\ufffb\ufffe\uffff"
    "\U000110bd\U000110cd\U00013430-\U0001345f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U0010ffff"
    + "".join(f"{chr(plane << 16 | 0xFFFE)}{chr(plane << 16 | 0xFFFF)}" for plane in range(1, 15))
    + "]"
)


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its name in Python and in JSON, what it is, and for lists the struct of an element."""

    name: str
    key: str
    role: Role
    type: Any
    required: bool
    nullable: bool
    element: type[Struct] | None = None


def check_name(path: str, text: str) -> None:
    """Refuses CONTROL_CHARACTER: a name that a terminal, a log or a reader could show as something else."""
    found = _UNPRINTABLE.search(text)
    if found:
        raise Refused(Code.CONTROL_CHARACTER, f"{path}: U+{ord(found[0]):04X} at position {found.start()}")


def check_decimal(path: str, text: str) -> None:
    """Refuses BAD_NUMBER or NUMBER_TOO_LARGE with the path in the reason."""
    try:
        parse_decimal(text)
    except Refused as refused:
        raise Refused(refused.code, f"{path}: {refused.reason}") from None


def _bare(tp: Any) -> tuple[Any, bool]:
    """The type without `| None` and `| UnsetType` (a field that is only written when it was said), and whether null
    was there.
    """
    if get_origin(tp) in (Union, UnionType):
        rest = [arm for arm in get_args(tp) if arm not in (NoneType, UnsetType)]
        if len(rest) != 1:
            raise TypeError(f"a field may be one type or null, found {tp}")
        return rest[0], NoneType in get_args(tp)
    return tp, False


def _role(tp: Any) -> Role:
    """A string that is neither Decimal nor Text is a name, whatever its length bound."""
    if tp in (Decimal, Text):
        return "decimal" if tp == Decimal else "text"
    base = get_args(tp)[0] if get_origin(tp) is Annotated else tp
    if get_origin(base) is list:
        return "structs"
    if get_origin(base) is Literal:
        return "choice"
    roles: dict[Any, Role] = {str: "name", int: "integer", bool: "flag"}
    return roles[base]


def _field(info: msgspec.structs.FieldInfo) -> Field:
    bare, nullable = _bare(info.type)
    role = _role(bare)
    element = get_args(get_args(bare)[0])[0] if role == "structs" else None
    return Field(info.name, info.encode_name, role, bare, info.required, nullable, element)


def _loosened(tp: Any, twins: dict[type[Struct], type[Struct]]) -> Any:
    """The type with Raw for Decimal and twins for structs. Raw takes null too: `Raw | None` would take nothing else."""
    if _bare(tp)[0] == Decimal:
        return Raw
    if get_origin(tp) is Annotated:
        return Annotated[(_loosened(get_args(tp)[0], twins), *get_args(tp)[1:])]
    if get_origin(tp) is list:
        return list[_loosened(get_args(tp)[0], twins)]  # type: ignore[misc]  # a type made at run time
    bare, nullable = _bare(tp)
    if nullable:
        return _loosened(bare, twins) | None
    return twins.get(tp, tp)


def _twin(kind: type[Struct], twins: dict[type[Struct], type[Struct]]) -> type[Struct]:
    """The loose twin of a struct: same keys, same tag, decimals as Raw."""
    fields: list[Any] = []
    for info in msgspec.structs.fields(kind):
        loose = _loosened(info.type, twins)
        fields.append((info.name, loose) if info.required else (info.name, loose, info.default))
    config = kind.__struct_config__
    return msgspec.defstruct(
        f"Loose{kind.__name__}",
        fields,
        tag=config.tag,
        tag_field=config.tag_field,
        forbid_unknown_fields=True,
        rename={field.name: field.key for field in FIELDS[kind]},
        kw_only=True,
    )


KINDS: tuple[type[Input], ...] = tuple(kind for kinds in TOPICS.values() for kind in kinds)
FIELDS: dict[type[Struct], tuple[Field, ...]] = {
    kind: tuple(_field(info) for info in msgspec.structs.fields(kind)) for kind in KINDS
}
ELEMENTS = tuple(dict.fromkeys(f.element for fields in FIELDS.values() for f in fields if f.element is not None))
FIELDS |= {kind: tuple(_field(info) for info in msgspec.structs.fields(kind)) for kind in ELEMENTS}
TWINS: dict[type[Struct], type[Struct]] = {}
for _kind in (*ELEMENTS, *KINDS):  # elements first: the twin of a message holds the twins of its elements
    TWINS[_kind] = _twin(_kind, TWINS)
KIND_OF_TWIN = {twin: kind for kind, twin in TWINS.items()}
KIND_OF_TAG: dict[str, type[Input]] = {str(kind.__struct_config__.tag): kind for kind in KINDS}
