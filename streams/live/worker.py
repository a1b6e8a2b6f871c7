"""Starting workers: which apps a kind has, on which loop, and what is checked before."""

from __future__ import annotations

import logging

import faust
import uvloop

from streams.live.apps import Reader, Taker
from streams.live.readers import Role
from streams.live.settings import Settings
from streams.live.transport import require_signatures


def run(settings: Settings, kind: str, index: int = 0, shards: int = 1) -> None:
    """Run a worker until a signal ends it; does not return."""
    require_signatures()
    uvloop.install()
    apps = []
    if kind in ("intake", "all"):
        apps.append(Taker(settings).app)
    if kind in ("clearing", "all"):
        apps.append(Reader(settings, Role()).app)
    if kind == "margin":
        apps.append(Reader(settings, Role(index, shards)).app)
    if kind == "all":
        apps += [Reader(settings, Role(shard, settings.shards)).app for shard in range(settings.shards)]
    worker = faust.Worker(*apps, loglevel=logging.WARNING, redirect_stdouts=False, quiet=True)
    worker.execute_from_commandline()
