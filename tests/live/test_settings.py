"""Settings: what stands in the file, what the environment lays over it, and every way to be refused."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest

from streams.live.settings import Settings, SettingsError


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests decide what the environment says."""
    for name in [name for name in os.environ if name.startswith("RHODIAN_")]:
        monkeypatch.delenv(name)


def load(tmp_path: Path, text: str) -> Settings:
    """The settings of a file with this text."""
    path = tmp_path / "rhodian.toml"
    path.write_text(text, encoding="utf-8")
    return Settings.load(path)


def test_without_a_file_everything_is_on_this_machine_for_one_book() -> None:
    """What a person gets who has set nothing."""
    found = Settings.load()
    assert (found.prefix, found.books, found.shards, found.journal_retention_ms) == ("rhodian", ("main",), 1, -1)
    assert (found.kafka.bootstrap, found.redis.url) == ("127.0.0.1:9092", "redis://127.0.0.1:6379")
    assert (found.http.host, found.http.port) == ("127.0.0.1", 8080)


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Key by key: what a variable does not name stays as the file says."""
    monkeypatch.setenv("RHODIAN_BOOKS", "xbt, eth")
    monkeypatch.setenv("RHODIAN_KAFKA__BOOTSTRAP", "a:1,b:2")
    monkeypatch.setenv("RHODIAN_CHUNK", "10")
    monkeypatch.setenv("RHODIAN_TEST_KAFKA", "for the tests alone")
    found = load(tmp_path, 'books = ["x"]\nshards = 3\n[kafka]\nbootstrap = "c:3"\nheartbeat_s = 0.5\n')
    assert (found.books, found.shards, found.chunk) == (("xbt", "eth"), 3, 10)
    assert (found.kafka.bootstrap, found.kafka.heartbeat_s) == ("a:1,b:2", 0.5)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("shard = 1", "shard: no such setting"),
        ("[kafka]\nbootstrp = 'a:1'", "kafka.bootstrp: no such setting"),
        ("shards = 0", "shards: "),
        ("shards = 1025", "shards: "),
        ("prefix = 'a b'", "prefix: "),
        ("books = []", "books: "),
        ("books = ['a', 'a']", "books: a book stands here twice"),
        ("books = ['{a}']", "books.0: "),
        ("books = ['" + "a" * 65 + "']", "books.0: "),
        ("replication = 2\nmin_isr = 3", "settings: min_isr is above replication"),
        ("journal_retention_ms = 0", "settings: journal_retention_ms is 0"),
        ("heartbeat_ms = 999", "heartbeat_ms is 999"),
        ("deadline_s = 0", "deadline_s: "),
        ("[http]\nport = 65536", "http.port: "),
        ("[kafka]\nbootstrap = 'localhost'", "kafka.bootstrap: "),
        ("[kafka]\nsecurity = 'SASL'", "kafka.security: "),
        ("[kafka]\nsecurity = 'SASL_SSL'\nuser = 'u'", "kafka: security SASL_SSL needs user and password"),
        ("[kafka]\nca_file = '/dev/null'", "kafka.ca_file: "),
        ("[kafka]\nca_file = 'pyproject.toml'", "kafka: ca_file is of no use with security PLAINTEXT"),
        ("[kafka]\nsecurity = 'SSL'\nca_file = '/nowhere'", "kafka.ca_file: "),
        ("[kafka]\nheartbeat_s = 6", "kafka: heartbeat_s must be below session_timeout_s"),
        ("[redis]\nurl = 'http://a'", "redis.url: expected redis://"),
        ("[redis]\nurl = 'redis://'", "redis.url: expected redis://"),
        ("[redis]\nca_file = 'pyproject.toml'", "redis: ca_file is of no use without rediss://"),
        ("shards =", "rhodian.toml: Invalid value"),
    ],
)
def test_a_wrong_file_is_refused_with_the_place(tmp_path: Path, text: str, said: str) -> None:
    """Misspelt, out of bounds, at odds with another setting, or no TOML at all."""
    with pytest.raises(SettingsError, match=said.replace("{", r"\{").replace("(", r"\(")):
        load(tmp_path, text)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """A file that was named must be there."""
    with pytest.raises(SettingsError, match="No such file"):
        Settings.load(tmp_path / "none.toml")


@pytest.mark.parametrize("name", ["RHODIAN_SHARD", "RHODIAN_KAFKA__USR", "RHODIAN_SHARDS__ONE", "RHODIAN_KAFKA"])
def test_a_variable_that_nobody_knows_is_refused(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one below a plain setting, and one in the place of a table."""
    monkeypatch.setenv(name, "1")
    with pytest.raises(SettingsError):
        load(tmp_path, "shards = 2")


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    """One line each."""
    with pytest.raises(SettingsError) as refused:
        load(tmp_path, "shards = 0\nchunk = 0\n[http]\nport = -1")
    assert [line.split(":")[0] for line in str(refused.value).splitlines()] == ["shards", "http.port", "chunk"]


def test_a_description_is_a_settings_file_without_secrets(tmp_path: Path) -> None:
    """What was printed reads back as the same settings, but for the passwords."""
    text = """
        [kafka]
        security = "SASL_SSL"
        user = "rhodian"
        password = "hidden-1"
        [redis]
        url = "rediss://cache:6380"
        password = "hidden-2"
    """
    found = load(tmp_path, text)
    shown = found.describe()
    assert "hidden" not in shown + repr(found)
    assert found.kafka.password is not None
    assert found.kafka.password.get_secret_value() == "hidden-1"
    again = tomllib.loads(shown)
    again["kafka"]["password"], again["redis"]["password"] = "hidden-1", "hidden-2"
    assert Settings.model_validate(again) == found


@pytest.mark.parametrize(
    "text", ["[redis]\nurl = 'redis://:hidden@a:1'", "[kafka]\npassword = ['hidden']", "kafka = 'hidden'"]
)
def test_a_refusal_shows_no_secret(tmp_path: Path, text: str) -> None:
    """Neither one in the wrong place nor one of the wrong type."""
    with pytest.raises(SettingsError) as refused:
        load(tmp_path, text)
    assert "hidden" not in str(refused.value)
