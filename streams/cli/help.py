"""What the help of every command shares."""

from __future__ import annotations

import argparse
from typing import TypeAlias

EXITS = """\
exit codes:
  0    fine; a replay that refused some lines is fine too, unless --strict
  1    check: some line was refused; replay --strict: the first refusal ended the run; topics: one would lose something;
       verify: a table in Redis is not what the journal gives
  2    wrong usage, input or output that cannot be read or written, or a broker that cannot be reached
  3    halt: an invariant is broken, which is our fault, or a journal is not what is recomputed; the files are
       written up to it
  130  stopped by Ctrl-C or SIGTERM; the files are complete and valid up to there
"""

layout = argparse.RawDescriptionHelpFormatter
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def add_command(commands: Commands, name: str, about: str, epilog: str) -> argparse.ArgumentParser:
    """A command with its help."""
    return commands.add_parser(name, help=about, description=about, epilog=epilog, formatter_class=layout)
