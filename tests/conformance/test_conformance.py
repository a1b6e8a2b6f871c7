"""Published worked examples, one test each (tests/conformance/README.md says how an outcome is told to pytest)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.conformance.example import Example
from tests.conformance.registry import outcome
from tests.conformance.verdict import Status


def test_example(example: Example, record_property: Callable[[str, object], None]) -> None:
    """The engine gives what the source prints, to the last unit, or says which rule it lacks."""
    try:
        found = outcome(example)
    except Exception as error:
        record_property("conformance", (example.system, Status.FAILED.value, f"{type(error).__name__}: {error}"))
        raise
    record_property("conformance", (example.system, found.status.value, found.reason))
    if found.status in (Status.NOT_EXPRESSIBLE, Status.LATER):
        pytest.xfail(f"{found.status}: {found.reason}")
    assert found.status is not Status.FAILED, found.reason
