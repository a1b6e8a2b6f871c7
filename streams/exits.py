"""Exit codes, which `rhodian --help` and docs/live.md list, and the error behind code 2.

The two of sysexits.h are for what has no fault in the command: `UNAVAILABLE`, this machine lacks a program; `TEMPFAIL`,
a service or another process failed, and a fresh start may do.
"""

from __future__ import annotations

FINE = 0
FINDINGS = 1
USAGE = 2
HALTED = 3
UNAVAILABLE = 69
TEMPFAIL = 75
INTERRUPTED = 130


class UsageError(Exception):
    """What the user asked for cannot be done; the message says why."""
