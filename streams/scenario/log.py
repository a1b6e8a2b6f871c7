"""The logs of a scenario: one JSON-lines file a topic, each line what a producer puts on that Kafka topic."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
from msgspec import to_builtins

from schemas.inputs import TOPIC_OF, TOPICS
from schemas.message import Input

Field = str | int | bool | None


def line_of(message: dict[str, Field]) -> bytes:
    """One line. The sum is a copy of the right size; orjson's own bytes keep kilobytes of room behind them."""
    return orjson.dumps(message) + b"\n"


@contextmanager
def whole_files(out: Path) -> Iterator[Path]:
    """A folder whose files go to `out` when all are written; before that, who is stopped leaves `out` as it was."""
    out.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".scenario-", dir=out) as folder:
        yield Path(folder)
        for path in Path(folder).iterdir():
            path.replace(out / path.name)


class Log:
    """Collects lines, then writes them by time; lines of one time keep the order in which they were added."""

    def __init__(self, book: str) -> None:
        self.book = book
        self.rows: dict[str, list[tuple[int, bytes]]] = {topic: [] for topic in TOPICS}

    def add(self, topic: str, kind: str, time_ms: int, **fields: Field) -> None:
        """One line of a bulk topic; its id is the kind and the running number on the topic."""
        rows = self.rows[topic]
        head: dict[str, Field] = {"type": kind, "book": self.book, "id": f"{kind}-{len(rows)}", "time_ms": time_ms}
        rows.append((time_ms, line_of({**head, **fields})))

    def put(self, message: Input) -> None:
        """One line from its struct."""
        topic = TOPIC_OF[type(message)]
        built = {name: value for name, value in to_builtins(message).items() if value is not None}
        self.rows[topic].append((message.time_ms, line_of(built)))

    def write(self, out: Path) -> dict[str, int]:
        """Writes `<topic>.jsonl` for every topic; answers the number of lines of each."""
        for topic, rows in self.rows.items():
            rows.sort(key=lambda row: row[0])
            with (out / f"{topic}.jsonl").open("wb") as file:
                file.writelines(line for _, line in rows)
        return {topic: len(rows) for topic, rows in self.rows.items()}
