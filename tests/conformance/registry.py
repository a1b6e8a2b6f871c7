"""Which adapter answers which kind of example: by system and names of fields, never by id or figures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TypeAlias

from tests.conformance.example import Example, Question
from tests.conformance.verdict import Answer, Missing, Status, Verdict, judge

Adapter: TypeAlias = Callable[[Question], Answer | Missing]


@dataclass(frozen=True)
class Kind:
    """A family of examples: of these systems, with all of these inputs, asking for one of these figures (or any)."""

    systems: tuple[str, ...]
    inputs: frozenset[str]
    asks: frozenset[str]

    def holds(self, question: Question) -> bool:
        """Whether an example is of this kind. A system is told by how its name begins."""
        return (
            question.system.startswith(self.systems)
            and self.inputs <= question.inputs.keys()
            and (not self.asks or bool(self.asks & question.asks))
        )


ADAPTERS: list[tuple[Kind, Adapter]] = []
MISSING: list[tuple[Kind, str]] = []
LATER: list[tuple[Kind, str]] = []


def kind(systems: str | tuple[str, ...], inputs: str = "", asks: str = "") -> Kind:
    """Field names as words."""
    return Kind((systems,) if isinstance(systems, str) else systems, frozenset(inputs.split()), frozenset(asks.split()))


def adapter(systems: str | tuple[str, ...], inputs: str = "", asks: str = "") -> Callable[[Adapter], Adapter]:
    """Enters a function as the adapter of a kind; the first kind that holds is taken."""

    def enter(function: Adapter) -> Adapter:
        ADAPTERS.append((kind(systems, inputs, asks), function))
        return function

    return enter


def outcome(example: Example) -> Verdict:
    """The verdict on one example. A kind that nobody adapts is not expressible, never passed."""
    load()
    question = example.question
    for known, function in ADAPTERS:
        if known.holds(question):
            return judge(example, function(question))
    for known, rule in MISSING:
        if known.holds(question):
            return Verdict(Status.NOT_EXPRESSIBLE, rule)
    for known, stage in LATER:
        if known.holds(question):
            return Verdict(Status.LATER, stage)
    return Verdict(Status.NOT_EXPRESSIBLE, "no adapter")


def load() -> None:
    """All files of `adapters/`, by name, each entering what it can, and what nobody can."""
    import_module("tests.conformance.lacking")
    for path in sorted((Path(__file__).parent / "adapters").glob("*.py")):
        import_module(f"tests.conformance.adapters.{path.stem}")
