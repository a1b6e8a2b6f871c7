"""Fault points: a test may have a worker die at a place where a crash must do no harm.

`RHODIAN_TEST_FAULT=<place>:<n>` kills the process when it comes to the place for the n-th time.
"""

from __future__ import annotations

import os
import signal

_PLACE, _, _COUNT = os.environ.get("RHODIAN_TEST_FAULT", "").partition(":")
_left = int(_COUNT or 1)


def may_die(place: str) -> None:
    """Dies here, as by kill -9, if a test says so."""
    global _left
    if place == _PLACE:
        _left -= 1
        if not _left:
            os.kill(os.getpid(), signal.SIGKILL)
