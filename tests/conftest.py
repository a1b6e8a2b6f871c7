"""Settings shared by all tests: repeatable hypothesis runs, and a word when a selection is empty."""

import pytest
from hypothesis import settings

# The same examples on every run and no deadline on a busy machine; script/fuzz is where luck is tried.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, exitstatus: int) -> None:
    """Say in words, above pytest's closing line, that nothing ran."""
    if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
        selection = terminalreporter.config.option.markexpr or "this selection"
        terminalreporter.write_line(f"NO TESTS RAN: none match {selection!r}")
