"""Every example in a docstring is run: what a reader is shown is what the code gives."""

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for package in ("schemas", "engine", "streams")
    for path in (ROOT / package).rglob("*.py")
    if ">>> " in path.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_hold(name: str) -> None:
    """Rulebook sections are explained with numbers; the numbers are right."""
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted
    assert not result.failed
