"""The suite itself: what it must not pass, and what an adapter must not do."""

from __future__ import annotations

import ast
import json
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.example import Example, read
from tests.conformance.registry import outcome
from tests.conformance.verdict import Either, Missing, Slip, Status, judge

HERE = Path(__file__).parent
ADAPTERS = sorted((HERE / "adapters").glob("*.py"))
COMPUTED = {"sum", "round", "divmod", "pow", "min", "max"}
CASES = [
    ({"a": 3}, {"a": 3}, "", Status.REPRODUCED),
    ({"a": 3}, {"a": 4}, "", Status.FAILED),
    ({"a": 3}, {}, "", Status.NOT_EXPRESSIBLE),
    ({"a": 3, "b": 1}, {"a": 3, "b": Missing("r")}, "", Status.NOT_EXPRESSIBLE),
    ({"a": 3, "b": 1}, {"a": 4, "b": Missing("r")}, "", Status.FAILED),
    ({"a": 3}, {"a": Slip(4)}, "the page slips", Status.SLIP),
    ({"a": 3}, {"a": Slip(4)}, "", Status.FAILED),
    ({"a": 3}, {"a": Slip(3)}, "the page slips", Status.REPRODUCED),
    ({"a": 3}, {"a": Fraction(299, 100)}, "", Status.FAILED),
    ({"a": Decimal("3.3")}, {"a": Fraction(10, 3)}, "", Status.REPRODUCED),
    ({"a": Decimal("3.3")}, {"a": Fraction(336, 100)}, "", Status.FAILED),
    ({"a": 3, "tolerance": Decimal("0.5")}, {"a": Fraction(7, 2)}, "", Status.REPRODUCED),
    ({"a": 3, "tolerance": Decimal("0.5")}, {"a": Fraction(71, 20)}, "", Status.FAILED),
    ({"a": 100, "relative_tolerance": Decimal("0.01")}, {"a": 101}, "", Status.REPRODUCED),
    ({"a": [1, 2]}, {"a": [1]}, "", Status.FAILED),
    ({"a": {"x": 1}}, {"a": {"x": 1}}, "", Status.REPRODUCED),
    ({"a": {"x": 1}}, {"a": {"x": 1, "y": 2}}, "", Status.FAILED),
    ({"a": 1}, {"a": Either(0, 1)}, "", Status.REPRODUCED),
    ({"a": True}, {"a": 1}, "", Status.FAILED),
    ({"a": "yes"}, {"a": "no"}, "", Status.FAILED),
]


@pytest.mark.parametrize(("expected", "answer", "notes", "status"), CASES)
def test_a_verdict(expected: dict[str, Any], answer: dict[str, Any], notes: str, status: Status) -> None:
    """Every figure that is asked must be answered and agree; a slip counts only where the row tells of it."""
    assert judge(Example("i", "s", {}, expected, notes), answer).status is status


def test_a_kind_without_an_adapter_is_not_passed() -> None:
    """Whatever it asks."""
    found = outcome(Example("new", "A venue that nobody knows", {"x": 1}, {"x": 1}, ""))
    assert (found.status, found.reason) == (Status.NOT_EXPRESSIBLE, "no adapter")


def test_every_example_of_the_repo_is_known() -> None:
    """As an adapter's, or as one that lacks a rule or waits for its stage."""
    unknown = [one.id for one in read(HERE / "examples") if outcome(one).reason == "no adapter"]
    assert not unknown


def test_an_id_says_nothing() -> None:
    """An example answers alike under another name."""
    for one in read(HERE / "examples"):
        renamed = Example("x", one.system, one.inputs, one.expected, one.notes)
        assert outcome(renamed) == outcome(one)


def test_another_figure_is_told() -> None:
    """An answer does not follow what is expected: whoever is reproduced fails when an expected number is changed."""
    passed = [one for one in read(HERE / "examples") if outcome(one).status is Status.REPRODUCED]
    assert passed
    for one in passed:
        changed = {name: _changed(value) for name, value in one.figures.items()}
        assert outcome(Example(one.id, one.system, one.inputs, changed, one.notes)).status is Status.FAILED, one.id


def _changed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _changed(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_changed(inner) for inner in value]
    if isinstance(value, str):
        return f"not {value}"
    return value + 7


@pytest.mark.parametrize("path", ADAPTERS, ids=[path.stem for path in ADAPTERS])
def test_an_adapter_computes_nothing(path: Path) -> None:
    """No arithmetic but a sign, and no example by its id: it translates, and every figure is the engine's."""
    text = path.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(text)):
        assert not isinstance(node, ast.BinOp | ast.AugAssign) or isinstance(node.op, ast.BitOr), node.lineno
        assert not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in COMPUTED)
    for one in read(HERE / "examples"):
        assert one.id not in text


def test_two_examples_of_one_id_are_refused(tmp_path: Path) -> None:
    """A folder says each example once."""
    row = {"id": "x", "system": "s", "inputs": {}, "expected": {}}
    (tmp_path / "a.json").write_text(json.dumps([row, row]))
    with pytest.raises(ValueError, match="a second example x"):
        list(read(tmp_path))
