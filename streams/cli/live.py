"""What commands share that need a broker: their packages, which are an extra, and their settings."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from streams.cli.exits import UsageError

PACKAGES = frozenset({"aiokafka", "faust", "mode", "pydantic", "redis"})


@contextmanager
def live_extra() -> Iterator[None]:
    """Around imports of `streams.live`: say what to install instead of showing a traceback."""
    try:
        yield
    except ModuleNotFoundError as error:
        if str(error.name).split(".")[0] not in PACKAGES:
            raise
        raise UsageError(f"this needs {error.name}: install the extra 'live' (pip install 'rhodian[live]')") from error


def add_config(parser: argparse.ArgumentParser) -> None:
    """The option that names the file of settings."""
    told = "settings in TOML; RHODIAN_* variables win over it (RHODIAN_KAFKA__USER is user of [kafka])"
    parser.add_argument("--config", type=Path, metavar="FILE", help=told)
