"""A private Kafka of one node, broker and controller in one process; with a second, guarded listener if asked for."""

from __future__ import annotations

import asyncio
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from streams.local.certificate import Certificate
from streams.local.jars import class_path
from streams.local.process import free_port, require, run
from streams.local.ready import probe_kafka
from streams.local.service import Service

JAVA = "default-jre-headless"  # Kafka 4 needs Java 17 or newer
FORMAT_S = 60
# Small and quick to start, which is what a private broker should be; without perf data a killed one leaves no file.
FLAGS = ("-Xms256m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData")

PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,GUARDED:SASL_SSL
auto.create.topics.enable=false
num.partitions=1
default.replication.factor=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
"""
# The last two: a killed broker comes back in five seconds, not twelve.

GUARDED = """\
sasl.enabled.mechanisms=SCRAM-SHA-256,SCRAM-SHA-512
listener.name.guarded.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.guarded.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.guarded.ssl.keystore.type=PEM
"""

LOGGING = """\
<Configuration status="WARN">
  <Appenders><Console name="out"><PatternLayout pattern="%d %p %c{1}: %m%n"/></Console></Appenders>
  <Loggers><Root level="INFO"><AppenderRef ref="out"/></Root></Loggers>
</Configuration>
"""


@dataclass(frozen=True)
class Guard:
    """TLS and one user, by SCRAM-SHA-256 or SCRAM-SHA-512; Kafka cannot be told a password with a comma."""

    certificate: Certificate
    user: str
    password: str


class LocalKafka(Service):
    """`address` is its plain listener and `guarded_address` the other one, for as long as this object lives."""

    name = "Kafka"

    def __init__(self, folder: Path, guard: Guard | None = None) -> None:
        super().__init__(folder)
        self.guard = guard
        self._port, self._controller_port, self._guarded_port = free_port(), free_port(), free_port()

    @property
    def address(self) -> str:
        """Host and port, without TLS and login."""
        return f"127.0.0.1:{self._port}"

    @property
    def guarded_address(self) -> str:
        """Host and port of SASL_SSL; nobody listens there without a guard."""
        return f"127.0.0.1:{self._guarded_port}"

    def prepare(self) -> Sequence[str]:
        """Properties and logging anew, the storage formatted once."""
        java = require("java", JAVA)
        properties, logging = self.folder / "server.properties", self.folder / "log4j2.xml"
        properties.write_text(PROPERTIES + self._places(), encoding="utf-8")
        logging.write_text(LOGGING, encoding="utf-8")
        program = [java, *FLAGS, f"-Dlog4j2.configurationFile={logging}", "-cp", class_path()]
        if not (self.folder / "data" / "meta.properties").exists():
            self._format(program, properties)
        return [*program, "kafka.Kafka", str(properties)]

    def _places(self) -> str:
        """Addresses and folders."""
        listeners = f"PLAINTEXT://{self.address}"
        guarded = ""
        if self.guard:
            listeners += f",GUARDED://{self.guarded_address}"
            guarded = f"{GUARDED}listener.name.guarded.ssl.keystore.location={self.guard.certificate.chain}\n"
        controller = f"127.0.0.1:{self._controller_port}"
        return f"""\
controller.quorum.voters=1@{controller}
listeners={listeners},CONTROLLER://{controller}
advertised.listeners={listeners}
log.dirs={self.folder / "data"}
{guarded}"""

    def _format(self, program: Sequence[str], properties: Path) -> None:
        """Give the storage its id, and the guarded listener its user."""
        cluster = urlsafe_b64encode(b"\0" + secrets.token_bytes(15)).decode().rstrip("=")  # the first may not be a dash
        command = [*program, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(properties)]
        if self.guard:
            user = f"[name={self.guard.user},password={self.guard.password}]"
            command += ["--add-scram", f"SCRAM-SHA-256={user}", "--add-scram", f"SCRAM-SHA-512={user}"]
        run(command, self.log, FORMAT_S)

    async def probe(self) -> None:
        """The port first: a client that cannot connect fills our own log."""
        _reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        writer.close()
        await probe_kafka(self.address)
