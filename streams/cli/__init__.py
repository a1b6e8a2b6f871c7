"""The command line `rhodian`. Nothing heavy is imported before the arguments are read."""

from __future__ import annotations

import io
import os
import sys
import traceback
from collections.abc import Sequence

from streams.exits import HALTED, INTERRUPTED, USAGE, UsageError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code says how it went (`rhodian --help`)."""
    _ready_streams()
    try:
        from streams.cli.parser import parse

        chosen = parse(arguments)
        code: int = chosen.run(chosen)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output has gone; nobody is left to tell
        _drop_stdout()
        return USAGE
    except OSError as error:  # commands tell what they cannot read or write: this is their result, not written
        _drop_stdout()
        print(f"rhodian: cannot write to stdout: {error.strerror}", file=sys.stderr)
        return USAGE
    except UsageError as error:
        print(f"rhodian: {error}", file=sys.stderr)
        return USAGE
    except Exception:  # noqa: BLE001 - the last line of defence: a code for scripts, the traceback for us
        traceback.print_exc()
        print("rhodian: a defect of ours, not of the input; please report the lines above", file=sys.stderr)
        return HALTED


def _ready_streams() -> None:
    """Streams that take whatever is said.

    A closed one is None: what is said there goes nowhere, and not, as print would have it, to the other one. A name
    that the terminal has no letters for is escaped.
    """
    sys.stdout, sys.stderr = sys.stdout or io.TextIOWrapper(io.BytesIO()), sys.stderr or io.StringIO()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _drop_stdout() -> None:
    """Nothing more is written there, not what waits in its buffer either."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
