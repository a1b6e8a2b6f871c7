"""Workers where both services ask for TLS and a login: the same venue, and a wrong password ends them in words."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from streams.exits import TEMPFAIL
from streams.live.topics_admin import create
from tests.live.guarded import DEADLINE_S, PASSWORD, USER, Guarded
from tests.live.processes import Workers
from tests.live.venue_of_workers import LiveVenue, small

# Both clients leave sockets open behind TLS: the fixture `guarded` ends them.
pytestmark = [pytest.mark.live, pytest.mark.filterwarnings("ignore::ResourceWarning")]

WRONG = "another secret"
START_S = 20  # of a process on a busy machine


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers have them from their environment: the file of their settings has stars."""
    monkeypatch.setenv("RHODIAN_KAFKA__PASSWORD", PASSWORD)
    monkeypatch.setenv("RHODIAN_REDIS__PASSWORD", PASSWORD)


def test_workers_behind_tls_and_logins(guarded: Guarded, prefix: str, tmp_path: Path) -> None:
    """Every client of every worker logs in, Faust's own among them, also one that comes back after a kill."""
    settings = small(guarded.settings().model_copy(update={"prefix": prefix}))
    assert (settings.kafka.security, settings.kafka.mechanism) == ("SASL_SSL", "SCRAM-SHA-512")
    assert settings.redis.url.startswith("rediss://")

    async def body() -> None:
        async with LiveVenue(settings, tmp_path, 41) as venue:
            await venue.open()
            await venue.feed(100)
            for name in venue.names:
                venue.workers.kill(name)
            await venue.feed(len(venue.inputs))
            await venue.judge()
            assert {code for _, code in venue.workers.ends} == {-9}

    asyncio.run(body())
    told = "".join(log.read_text(encoding="utf-8") for log in tmp_path.glob("*.log"))
    assert f'user = "{USER}"' in told
    assert PASSWORD not in told


@pytest.mark.parametrize(
    ("kind", "variable", "said"),
    [
        ("clearing", "RHODIAN_KAFKA__PASSWORD", "user, password or mechanism is wrong"),
        ("intake", "RHODIAN_KAFKA__PASSWORD", "user, password or mechanism is wrong"),
        ("clearing", "RHODIAN_REDIS__PASSWORD", "Redis: AuthenticationError invalid username-password"),
        ("margin 0/2", "RHODIAN_REDIS__PASSWORD", "Redis: AuthenticationError invalid username-password"),
    ],
)
def test_a_wrong_password_ends_a_worker(
    guarded: Guarded, prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, variable: str, said: str
) -> None:
    """In time, with 75, since it may be right in a moment; the last line says why, and no line has a secret."""
    settings = small(guarded.settings().model_copy(update={"prefix": prefix}), deadline_s=DEADLINE_S)
    asyncio.run(create(settings))
    monkeypatch.setenv(variable, WRONG)
    workers = Workers(settings, tmp_path)
    try:
        workers.start(kind)
        worker = workers.running[kind]
        assert worker.wait(DEADLINE_S + START_S) == TEMPFAIL
    finally:
        workers.end()
    told = worker.log.read_text(encoding="utf-8")
    assert said in told.rstrip().splitlines()[-1]
    assert "Traceback" not in told
    assert PASSWORD not in told
    assert WRONG not in told
