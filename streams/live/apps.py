"""What all our Faust apps share, one for each kind of worker and each its own consumer group: settings, login, end."""

from __future__ import annotations

import logging
import os
import ssl
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import faust
from faust.auth import SASLCredentials, SSLCredentials
from mode.supervisors import CrashingSupervisor

from streams.exits import FINDINGS, TEMPFAIL
from streams.live.seats import Hopeless
from streams.live.settings import Settings
from streams.live.tables import Fenced, Transient
from streams.live.topics import RECORD_BYTES_MAX
from streams.live.transport import SCHEME

log = logging.getLogger("rhodian")


def stop(reason: str, code: int = TEMPFAIL) -> NoReturn:
    """End the process at once, before anything could be acknowledged; its supervisor starts it again."""
    log.critical("stopping: %s", reason)
    sys.stderr.flush()
    os._exit(code)


@contextmanager
def stopping() -> Iterator[None]:
    """Around everything that a worker does: whatever is raised ends it, for nothing may be acknowledged after.

    What may come of the world is a line; a defect of ours is shown from where it comes.
    """
    try:
        yield
    except Hopeless as reason:
        stop(str(reason), FINDINGS)
    except (Fenced, Transient) as reason:
        stop(str(reason))
    except Exception as error:
        log.exception("unexpected")
        stop(f"{type(error).__name__}: {error}")


def app_of(settings: Settings, group: str, positions: Any) -> faust.App:
    """An app with our transport and nothing of Faust's that we do not use."""
    kafka = settings.kafka
    servers = ";".join(f"{SCHEME}://{server}" for server in kafka.bootstrap.split(","))
    app = faust.App(
        f"{settings.prefix}.{group}",
        broker=servers,
        broker_credentials=_credentials(settings),
        broker_session_timeout=kafka.session_timeout_s,
        broker_heartbeat_interval=kafka.heartbeat_s,
        broker_rebalance_timeout=kafka.rebalance_s,
        broker_max_poll_records=4 * settings.chunk,
        broker_commit_interval=1.0,
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=RECORD_BYTES_MAX,
        stream_buffer_maxsize=4,
        stream_wait_empty=False,
        stream_publish_on_commit=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        store="memory://",
        datadir=Path(tempfile.gettempdir()) / "rhodian-faust",  # made at start, else where the user stands; stays empty
        key_serializer="raw",
        value_serializer="raw",
        agent_supervisor=CrashingSupervisor,
    )
    app.positions = positions  # type: ignore[attr-defined]  # read by our transport
    return app


def _credentials(settings: Settings) -> Any:
    kafka = settings.kafka
    context = ssl.create_default_context(cafile=kafka.ca_file) if kafka.security.endswith("SSL") else None
    if kafka.security.startswith("SASL_"):
        secret = kafka.password.get_secret_value() if kafka.password else None
        return SASLCredentials(username=kafka.user, password=secret, mechanism=kafka.mechanism, ssl_context=context)
    return SSLCredentials(context) if context else None
