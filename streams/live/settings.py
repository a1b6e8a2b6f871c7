"""Settings of live workers: a TOML file, and over it the environment (`RHODIAN_KAFKA__USER` is `user` of `[kafka]`).

A key or variable that nobody knows is an error: a misspelt setting would be one that silently is not in force.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FilePath,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails

from streams.merge import HEARTBEAT_MS_MIN

PREFIX = "RHODIAN_"
TESTS_PREFIX = "RHODIAN_TEST_"  # read by tests alone
SHARDS_MAX = 1024
BOOK = r"^[^{}]{1,64}$"  # a name as schemas bound it; braces would break the hash tag of its Redis keys


class SettingsError(ValueError):
    """Settings that cannot be used; the message has a line a fault, and no secret."""


def _split(value: object) -> object:
    """A list as a variable says it: with commas."""
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


def _require_distinct(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) != len(names):
        raise ValueError("a book stands here twice")
    return names


def _require_redis_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("redis", "rediss") or not parts.hostname:
        raise ValueError("expected redis://host:port or rediss://host:port")
    if parts.password is not None:
        raise ValueError("the password has a setting of its own, which is never printed")
    return url


BookName = Annotated[str, Field(pattern=BOOK)]
Books = Annotated[tuple[BookName, ...], BeforeValidator(_split), AfterValidator(_require_distinct)]


class _Part(BaseModel):
    # hide_input: what is typed into a wrong place may be a password
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class KafkaSettings(_Part):
    """Where the broker is, how to log in, and how soon a silent worker is replaced."""

    bootstrap: str = Field(default="127.0.0.1:9092", pattern=r"^[^\s:,]+:\d+(,[^\s:,]+:\d+)*$")
    security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    mechanism: Literal["SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN"] = "SCRAM-SHA-512"
    user: str | None = None
    password: SecretStr | None = None
    ca_file: FilePath | None = None
    session_timeout_s: PositiveFloat = 6
    heartbeat_s: PositiveFloat = 1
    rebalance_s: PositiveFloat = 10

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.security.startswith("SASL_") and (not self.user or self.password is None):
            raise ValueError(f"security {self.security} needs user and password")
        if self.ca_file and not self.security.endswith("SSL"):
            raise ValueError(f"ca_file is of no use with security {self.security}")
        if self.heartbeat_s >= self.session_timeout_s:
            raise ValueError("heartbeat_s must be below session_timeout_s, or every worker is taken for dead")
        return self


class RedisSettings(_Part):
    """Where the state tables are."""

    url: Annotated[str, AfterValidator(_require_redis_url)] = "redis://127.0.0.1:6379"
    password: SecretStr | None = None
    ca_file: FilePath | None = None

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.ca_file and not self.url.startswith("rediss:"):
            raise ValueError("ca_file is of no use without rediss://")
        return self


class HttpSettings(_Part):
    """Where health and queries are served; port 0: any free one."""

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65_535)


class Settings(_Part):
    """All settings, checked. `deadline_s` bounds every wait for Kafka or Redis."""

    prefix: str = Field(default="rhodian", pattern=r"^[A-Za-z0-9._-]{1,100}$")
    books: Books = Field(default=("main",), min_length=1)  # the place in the list is the partition of the journal
    shards: int = Field(default=1, ge=1, le=SHARDS_MAX)
    input_partitions: PositiveInt = 1
    replication: PositiveInt = 1
    min_isr: PositiveInt = 1
    journal_retention_ms: int = Field(default=-1, ge=-1)
    kafka: KafkaSettings = KafkaSettings()
    redis: RedisSettings = RedisSettings()
    http: HttpSettings = HttpSettings()
    chunk: PositiveInt = 4_000
    deadline_s: PositiveFloat = 30
    heartbeat_ms: int = Field(default=1_000, ge=0)  # grid of the wall clock; 0: the venue writes its own

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.min_isr > self.replication:
            raise ValueError("min_isr is above replication: nothing could be written")
        if 0 < self.heartbeat_ms < HEARTBEAT_MS_MIN:
            raise ValueError(f"heartbeat_ms is {self.heartbeat_ms}: expected 0 or at least {HEARTBEAT_MS_MIN}")
        if self.journal_retention_ms == 0:
            raise ValueError("journal_retention_ms is 0: expected -1, for ever, or a time")
        return self

    @classmethod
    def load(cls, path: Path | None = None) -> Self:
        """Settings of a file, if one is named, and the environment, which wins; or SettingsError."""
        document = _read(path) if path else {}
        _lay_over(document, os.environ)
        try:
            return cls.model_validate(document)
        except ValidationError as error:
            raise SettingsError("\n".join(_fault(fault) for fault in error.errors(include_input=False))) from None

    def describe(self) -> str:
        """What is in force, as a settings file; secrets as stars, what is not set left out."""
        fields = self.model_dump(mode="json", exclude_none=True)
        tables = {name: fields.pop(name) for name in ("kafka", "redis", "http")}
        lines = _lines(fields)
        for name, table in tables.items():
            lines += ["", f"[{name}]", *_lines(table)]
        return "\n".join(lines) + "\n"


def _lines(fields: dict[str, Any]) -> list[str]:
    return [f"{name} = {json.dumps(value)}" for name, value in fields.items()]


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path}: {error}") from None


def _lay_over(document: dict[str, Any], environment: Mapping[str, str]) -> None:
    """Write our variables into the document; what is not a setting is found there, like a key of the file."""
    for name, text in environment.items():
        if not name.startswith(PREFIX) or name.startswith(TESTS_PREFIX):
            continue
        *tables, key = name.removeprefix(PREFIX).lower().split("__")
        target = document
        for table in tables:
            if not isinstance(target.get(table), dict):
                target[table] = {}
            target = target[table]
        target[key] = text


def _fault(fault: ErrorDetails) -> str:
    """One line: where, and what is wrong there."""
    where = ".".join(str(part) for part in fault["loc"]) or "settings"
    what = "no such setting" if fault["type"] == "extra_forbidden" else fault["msg"].removeprefix("Value error, ")
    return f"{where}: {what}"
