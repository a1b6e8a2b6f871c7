"""Kafka itself: its jars from Maven Central, fetched once by Maven and kept."""

from __future__ import annotations

import fcntl
import shutil
from pathlib import Path

from streams.local.process import Missing, ServiceError, require, run

KAFKA = "4.1.1"
LOG4J = "2.24.3"  # a binding for the logging that Kafka calls: without one the broker says nothing
FETCH_S = 600

POM = f"""\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>rhodian</groupId><artifactId>kafka</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{KAFKA}</version></dependency>
    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>{LOG4J}</version></dependency>
  </dependencies>
</project>
"""


def cache_folder() -> Path:
    """`build/kafka` of a clone; where the package is installed, a folder of the user's cache."""
    root = Path(__file__).resolve().parents[2]
    if (root / "pyproject.toml").exists():
        return root / "build" / "kafka"
    return Path.home() / ".cache" / "rhodian" / "kafka"


def class_path(cache: Path | None = None) -> str:
    """What `java -cp` takes to run Kafka; fetches the jars where they are missing, one process at a time."""
    cache = cache or cache_folder()
    jars = cache / f"kafka-{KAFKA}-log4j-{LOG4J}"
    if not jars.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with (cache / "lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not jars.exists():
                _fetch(cache, jars)
    return f"{jars}/*"


def _fetch(cache: Path, jars: Path) -> None:
    """Into a folder beside, which is renamed when it is whole. Raises Missing."""
    maven = require("mvn", "maven")
    partial = cache / "partial"
    shutil.rmtree(partial, ignore_errors=True)
    pom = cache / "pom.xml"
    pom.write_text(POM, encoding="utf-8")
    command = [maven, "-q", "-B", "-f", str(pom), "dependency:copy-dependencies"]
    try:
        run([*command, "-DincludeScope=runtime", f"-DoutputDirectory={partial}"], cache / "maven.txt", FETCH_S)
    except ServiceError as error:
        raise Missing(f"Kafka {KAFKA} could not be fetched: {error}") from None
    partial.rename(jars)
