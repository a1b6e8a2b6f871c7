"""Validation without running (`rhodian check`): the schemas, then what the common data refuses; no margin."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from engine.book import Book
from schemas.codes import Code, Refused
from schemas.governed import BookMessage
from schemas.inputs import AnyInput
from streams.batch import Source
from streams.fresh import PROGRESS_LINES
from streams.logs import find_logs
from streams.merge import merge_logs
from streams.present import Fields
from streams.under_way import HEARTBEAT_MS, Watch


@dataclass(slots=True)
class _Finding:
    """One code: how often, and the first."""

    source: Source
    reason: str
    count: int = 0


@dataclass(slots=True)
class _Check:
    books: dict[str, Book] = field(default_factory=dict)
    findings: dict[Code, _Finding] = field(default_factory=dict)
    lines: int = 0
    good: int = 0
    repeats: int = 0

    def feed(self, message: AnyInput) -> bool:
        """Judge and fold one message; False for a repeat. Raises Refused."""
        book = self.books.get(message.book)
        if book is None:
            if not isinstance(message, BookMessage):
                raise Refused(Code.UNKNOWN_BOOK, f"no book named {message.book} is open")
            book = Book(message.book, message.settlement_asset, message.decimals)
        operation = book.judge(message)
        self.books[message.book] = book  # only now: an opening that is refused opens nothing
        if operation is None:
            return False
        for _ in book.fold(message, operation):
            pass
        return True

    def find(self, refused: Refused, source: Source) -> None:
        """One more refusal of a code."""
        self.findings.setdefault(refused.code, _Finding(source, refused.reason)).count += 1


def check(directory: Path, watch: Watch | None = None, heartbeat_ms: int = HEARTBEAT_MS) -> Fields:
    """Findings by code, in the order of the codes. Raises LogsError.

    What one account would refuse (codes 3xx) needs margin, and is seen only by a replay.
    """
    watch, found, logs = watch or Watch(), _Check(), find_logs(directory)
    size = sum(log.size_bytes for log in logs) or 1
    for batch in merge_logs(logs, heartbeat_ms):
        share = sum(log.done_bytes for log in logs) / size
        ours = (batch.part < 0).tolist()
        for position, message in enumerate(batch.messages):
            if position % PROGRESS_LINES == 0:
                watch.progress(share, int(batch.times_ms[position]))
            if watch.is_stopped:
                return _report(found, is_interrupted=True)
            try:
                if isinstance(message, Refused):
                    raise message
                is_new = found.feed(message)
                found.good += is_new and not ours[position]
                found.repeats += not is_new
            except Refused as refused:
                found.find(refused, batch.source(position))
            found.lines += not ours[position]
    return _report(found, is_interrupted=False)


def _report(found: _Check, *, is_interrupted: bool) -> Fields:
    rows = [
        {
            "code": int(code),
            "name": code.name,
            "count": one.count,
            "file": one.source.file,
            "line": one.source.line,
            "reason": one.reason,
        }
        for code, one in sorted(found.findings.items())
    ]
    counts = {"lines": found.lines, "good": found.good, "repeats": found.repeats}
    return counts | {
        "refused": sum(one.count for one in found.findings.values()),
        "codes": rows,
        "interrupted": is_interrupted,
    }
