"""Starting a worker: which apps a kind has, on which loop, and what is checked before."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable
from typing import NoReturn

import faust
import uvloop

from streams.live.apps import stop
from streams.live.counts import Counts
from streams.live.health import Health
from streams.live.reader_app import Reader
from streams.live.readers import Role
from streams.live.settings import Settings
from streams.live.taker_app import Taker
from streams.live.transport import require_signatures

DRAIN_S = 8  # of the ten that a worker has to end in


class Worker(faust.Worker):
    """Ends when it is asked to, whatever it waits for: what was not acknowledged comes again."""

    def _schedule_shutdown(self, number: signal.Signals) -> None:
        late = threading.Timer(DRAIN_S, lambda: stop(f"not through within {DRAIN_S} s of {number.name}"))
        late.daemon = True
        late.start()
        super()._schedule_shutdown(number)


def run_worker(settings: Settings, kind: str, role: Role) -> NoReturn:
    """Run a worker until a signal ends it. `role` says which shard a margin worker is; Halt when Faust has changed."""
    require_signatures()
    uvloop.install()  # before the first app is made, which asks for the loop
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    health = Health(settings.http, Counts())
    makers: dict[str, Callable[[], list[faust.App]]] = {
        "intake": lambda: [Taker(settings, health).app],
        "clearing": lambda: [Reader(settings, Role(), health).app],
        "margin": lambda: [Reader(settings, role, health).app],
    }
    shards = [Role(index, settings.shards) for index in range(settings.shards)]
    makers["all"] = lambda: [
        *makers["intake"](), *makers["clearing"](), *(Reader(settings, one, health).app for one in shards)
    ]  # fmt: skip
    worker = Worker(*makers[kind](), health, loglevel=logging.WARNING, redirect_stdouts=False, quiet=True)
    worker.spinner = None  # for its sake Faust has every library make its debug messages
    try:
        worker.execute_from_commandline()
    except SystemExit as end:
        if end.code:
            stop(f"Faust gave up with {end.code}")
        raise
