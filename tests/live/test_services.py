"""The ladder to the services of live tests: which rung is taken, and that nothing is skipped in silence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.live import containers, services

VARIABLE = "RHODIAN_TEST_KAFKA"


@contextmanager
def a_container() -> Iterator[str]:
    """Stands for the second rung."""
    yield "container"


@contextmanager
def a_process() -> Iterator[str]:
    """Stands for the last one."""
    yield "process"


def climbed() -> str:
    """The rung that is taken."""
    with services.climb(VARIABLE, "image", a_container, a_process) as rung:
        return rung


@pytest.mark.parametrize(
    ("given", "pinned", "lacking", "rung"),
    [
        ("a:1", None, None, "a:1"),
        (None, None, None, "container"),
        (None, None, "no engine", "process"),
        (None, "containers", None, "container"),
        (None, "local", None, "process"),
    ],
)
def test_the_first_rung_that_there_is_is_taken(
    monkeypatch: pytest.MonkeyPatch, given: str | None, pinned: str | None, lacking: str | None, rung: str
) -> None:
    """An address, a container, a process; the pin passes over the others."""
    stand(monkeypatch, given, pinned, lacking)
    assert climbed() == rung


@pytest.mark.parametrize(
    ("given", "pinned", "said"),
    [
        (None, "containers", "asks for containers: no engine"),
        (None, "docker", "expected one of containers, local"),
        ("a:1", "local", "are both set"),
    ],
)
def test_a_way_that_cannot_be_gone_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, given: str | None, pinned: str, said: str
) -> None:
    """No other way is tried, and no test is skipped."""
    stand(monkeypatch, given, pinned, "no engine")
    with pytest.raises(pytest.fail.Exception, match=said):
        climbed()


def stand(monkeypatch: pytest.MonkeyPatch, given: str | None, pinned: str | None, lacking: str | None) -> None:
    """The environment and the engine as the case says."""
    for name, value in ((VARIABLE, given), ("RHODIAN_TEST_SERVICES", pinned)):
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    monkeypatch.setattr(containers, "lacking", lambda _image: lacking)
