"""One worked example of a venue or a clearing house, as a file of the format in `README.md` tells it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

# Fields of `expected` that say how exactly, not what.
ABSOLUTE, RELATIVE = ("tolerance", "abs_tol"), ("relative_tolerance", "rel_tol", "rel_tol_printed")


@dataclass(frozen=True)
class Question:
    """What an adapter is shown: no figure of the expected side, only the names of what is asked."""

    system: str
    inputs: Mapping[str, Any]
    asks: frozenset[str]

    def __getitem__(self, name: str) -> Any:
        return self.inputs[name]


@dataclass(frozen=True)
class Example:
    """A row of a file. Decimals are read exactly, with the digits that the source prints."""

    id: str
    system: str
    inputs: Mapping[str, Any]
    expected: Mapping[str, Any]
    notes: str

    @property
    def figures(self) -> dict[str, Any]:
        """What is to be reproduced."""
        return {name: value for name, value in self.expected.items() if name not in (*ABSOLUTE, *RELATIVE)}

    @property
    def question(self) -> Question:
        """The example without its answer."""
        return Question(self.system, self.inputs, frozenset(self.figures))

    def tolerance(self, names: tuple[str, ...]) -> Decimal | None:
        """The tolerance that the row states, of one of two sorts."""
        return next((Decimal(self.expected[name]) for name in names if name in self.expected), None)


def read(folder: Path) -> Iterator[Example]:
    """All examples of all JSON files of a folder, by file and place."""
    seen: set[str] = set()
    for path in sorted(folder.glob("*.json")):
        for row in json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal):
            if row["id"] in seen:
                raise ValueError(f"{path.name}: a second example {row['id']}")
            seen.add(row["id"])
            yield Example(row["id"], row["system"], row["inputs"], row["expected"], row.get("notes", ""))
