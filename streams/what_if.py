"""What if the rules had been others: reference messages that stand in for those of the log with the same subject.

The file is a JSON list. Each object names `type`, `book` (and `instrument` or `asset`), and the fields that differ;
what it does not say stays as logged. A file of one object, as those of examples/waterfalls, holds for every book. A
change holds for every logged version of its subject, and takes over its id, time, version and effective time, so the
rules come into force when they did.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, cast

from msgspec import to_builtins

from engine import governance
from engine.book import Book
from engine.judge import judge
from schemas.codes import Code, Refused
from schemas.decode import decode, decode_block
from schemas.fields import KIND_OF_TAG
from schemas.governed import BookMessage
from schemas.inputs import TOPICS, AnyInput
from schemas.message import Governed
from streams.logs import Log, read_blocks
from streams.present import Fields

ENVELOPE = frozenset({"type", "book", "id", "time_ms", "version", "effective_ms"})
Subject = tuple[str, str]
ANY = ""  # no book has this name
_KINDS = {tag: kind for tag, kind in KIND_OF_TAG.items() if kind in TOPICS["reference"]}


class WhatIfError(ValueError):
    """The file is not a what-if that this log can be run with."""


@dataclass(frozen=True, slots=True)
class WhatIf:
    """Changes by (book, subject), each the fields that differ; the book ANY for every one."""

    changes: dict[Subject, Fields]

    def swap(self, message: AnyInput) -> AnyInput:
        """The message that stands in for a logged one. Raises Refused when the change does not decode."""
        if not isinstance(message, Governed):
            return message
        subject = governance.subject(message)
        stated = self.changes.get((message.book, subject), self.changes.get((ANY, subject)))
        if stated is None:
            return message
        built: Fields = to_builtins(message)
        return decode(json.dumps(built | stated).encode(), "reference")


def read_what_if(path: Path) -> WhatIf:
    """The changes of a file. Raises WhatIfError."""
    try:
        found = json.loads(path.read_bytes(), parse_float=str, parse_constant=_no_number, object_pairs_hook=_fields)
    except OSError as error:
        raise WhatIfError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise WhatIfError(f"{path} is not JSON: {error}") from error
    is_one = isinstance(found, dict)
    messages = [found | {"book": ANY}] if is_one else found
    if not isinstance(messages, list) or not messages:
        raise WhatIfError(
            f"{path}: expected a list of reference messages, at least one, or one that holds for all books"
        )
    changes: dict[Subject, Fields] = {}
    for number, stated in enumerate(messages, 1):
        subject = _subject(f"{path}, message {number}", stated)
        if subject in changes:
            raise WhatIfError(f"{path}, message {number}: {subject[1]} of book {subject[0]} is changed twice")
        changes[subject] = {key: value for key, value in stated.items() if key not in ENVELOPE}
    return WhatIf(changes)


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


def _fields(pairs: list[tuple[str, Any]]) -> Fields:
    """An object. In a log the last of two equal keys wins; in a file written by hand one of them is a mistake."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def _subject(where: str, stated: Any) -> Subject:
    """(book, subject) of one object, as `governance.subject` names it."""
    if not isinstance(stated, dict):
        raise WhatIfError(f"{where}: expected an object")
    kind, book = stated.get("type"), stated.get("book")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise WhatIfError(f"{where}: expected a type out of {', '.join(_KINDS)}; found {kind!r}")
    if not isinstance(book, str):
        raise WhatIfError(f"{where}: expected the name of a book")
    if kind not in ("instrument", "asset"):
        return book, kind
    name = stated.get(kind)
    if not isinstance(name, str):
        raise WhatIfError(f"{where}: expected the name of the {kind}")
    return book, f"{kind}/{name}"


def require_fit(what_if: WhatIf, logs: Iterable[Log]) -> None:
    """Every change replaces something that was accepted, and is accepted in its place. Raises WhatIfError."""
    logged, changed, met = dict[str, Book](), dict[str, Book](), set[Subject]()
    for message in _reference(logs):
        if _fold(logged, message) is not None:
            continue
        subject = (message.book, governance.subject(message))
        met |= {subject, (ANY, subject[1])}
        try:
            refused = _fold(changed, what_if.swap(cast(AnyInput, message)))
        except Refused as undecoded:
            refused = undecoded
        if refused is not None:
            raise WhatIfError(f"{subject[1]} of book {subject[0]}, version {message.version}: {refused}")
    for book, name in sorted(what_if.changes.keys() - met):
        known = ", ".join(sorted(name for one, name in met if one == book)) or "nothing"
        raise WhatIfError(
            f"the log has no {name} of {f'book {book}' if book else 'any book'} to replace; it has {known}"
        )


def _reference(logs: Iterable[Log]) -> Iterable[Governed]:
    for log in logs:
        if log.topic == "reference":
            for block in read_blocks(log):
                found = [] if block.refused else decode_block(block.data, log.topic)
                yield from (message for message in found if isinstance(message, Governed))


def _fold(books: dict[str, Book], message: AnyInput | Governed) -> Refused | None:
    """Fold a reference message into its book; answers its refusal. Time is not judged: other topics move the clock."""
    book = books.get(message.book)
    if book is None:
        if not isinstance(message, BookMessage):
            return Refused(Code.UNKNOWN_BOOK, f"no book named {message.book} is open")
        book = Book(message.book, message.settlement_asset, message.decimals)
    try:
        operation = judge(book, message)
    except Refused as refused:
        return refused
    books[message.book] = book
    for _ in book.fold(message, operation):
        pass
    return None
