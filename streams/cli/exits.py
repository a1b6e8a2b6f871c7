"""Exit codes, which `rhodian --help` lists, and the error behind code 2."""

from __future__ import annotations

FINE = 0
FINDINGS = 1
USAGE = 2
HALTED = 3
INTERRUPTED = 130


class UsageError(Exception):
    """What the user asked for cannot be done; the message says why."""
