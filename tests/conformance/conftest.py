"""`pytest tests/conformance [--examples DIR] [--conformance-json FILE]`: the table of outcomes by system, and its file.

The options and the table need this folder named on the command line; in a run of all tests its tests run all the same.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from tests.conformance.example import read
from tests.conformance.verdict import Status

OWN = Path(__file__).parent / "examples"
ROWS: dict[str, tuple[str, str, str]] = {}  # example -> system, status, reason; filled where reports arrive


def pytest_addoption(parser: pytest.Parser) -> None:
    """The two options."""
    group = parser.getgroup("conformance")
    group.addoption("--examples", metavar="DIR", default=str(OWN), help="folder of worked examples")
    group.addoption("--conformance-json", metavar="FILE", default=None, help="where the outcomes are written")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test an example."""
    if "example" in metafunc.fixturenames:
        folder = Path(metafunc.config.getoption("--examples", str(OWN)))
        found = list(read(folder))
        if not found:
            raise pytest.UsageError(f"no examples in {folder}: expected *.json files, each a list of rows")
        metafunc.parametrize("example", found, ids=[example.id for example in found])


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Outcomes travel in the reports, so that they arrive from workers too."""
    if report.when == "call":
        for name, value in report.user_properties:
            if name == "conformance":
                ROWS[report.nodeid.partition("[")[2].removesuffix("]")] = tuple(value)  # type: ignore[arg-type]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The table."""
    if not ROWS:
        return
    heads = ["reproduced", "slip", "not expressible", "later", "failed"]
    systems = sorted({system for system, _, _ in ROWS.values()})
    width = max(map(len, systems))
    terminalreporter.section("conformance, examples by system")
    terminalreporter.write_line(" " * width + "".join(f"{head:>17}" for head in heads))
    for system in [*systems, "all"]:
        counts = _counts(system)
        terminalreporter.write_line(f"{system:<{width}}" + "".join(f"{counts[status]:>17}" for status in Status))
    terminalreporter.section("conformance, rules that are missing")
    for reason, examples in _missing().most_common():
        terminalreporter.write_line(f"{examples:>4}  {reason}")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """The file, from whoever holds all reports."""
    file = session.config.getoption("--conformance-json", None)
    if file is None or hasattr(session.config, "workerinput"):
        return
    systems = sorted({system for system, _, _ in ROWS.values()})
    told = {
        "total": {status.value: _counts("all")[status] for status in Status},
        "missing": dict(_missing().most_common()),
        "systems": {one: {status.value: _counts(one)[status] for status in Status} for one in systems},
        "examples": {
            name: {"system": system, "status": status, "reason": reason}
            for name, (system, status, reason) in sorted(ROWS.items())
        },
    }
    Path(file).write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _counts(system: str) -> Counter[str]:
    return Counter(status for held, status, _ in ROWS.values() if system in (held, "all"))


def _missing() -> Counter[str]:
    return Counter(reason for _, status, reason in ROWS.values() if status == Status.NOT_EXPRESSIBLE)
