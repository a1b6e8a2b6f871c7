"""Creating topics, and finding out whether those that are there would lose something.

The administrator of aiokafka does not raise when a request is refused: every answer's code is looked at here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAlreadyExistsError, for_code

from streams.live.connect import kafka_admin
from streams.live.settings import Settings
from streams.live.topics import FOR_EVER, Spec, specs

LEADER_PAUSE_S = 0.1
LEADERLESS = "has a partition without a leader"


class TopicsError(Exception):
    """The broker refused; the message is its own, a line a topic."""


@dataclass(frozen=True)
class Problem:
    """What is wrong with a topic, and what is expected."""

    topic: str
    text: str

    @property
    def passes(self) -> bool:
        """Whether it may be over in a moment: a broker that has just started."""
        return self.text == LEADERLESS


async def create(settings: Settings) -> list[str]:
    """Create the topics that are missing and wait for their leaders; answers their names. `check` judges the others."""
    wanted = specs(settings)
    new = [
        NewTopic(spec.name, spec.partitions, settings.replication, topic_configs=spec.configs(settings))
        for spec in wanted
    ]
    async with kafka_admin(settings) as admin:
        answer = await admin.create_topics(new)
        codes = {name: (code, message) for name, code, message in answer.topic_errors}
        refused = [
            f"{name}: {message or for_code(code).__name__}"
            for name, (code, message) in codes.items()
            if code not in (0, TopicAlreadyExistsError.errno)
        ]
        if refused:
            raise TopicsError("\n".join(refused))
        created = [spec.name for spec in wanted if codes[spec.name][0] == 0]
        while sum(_is_led(topic) for topic in await _described(admin, created)) < len(created):
            await asyncio.sleep(LEADER_PAUSE_S)
    return created


async def check(settings: Settings) -> list[Problem]:
    """All that would lose data or stop a worker; nothing is changed."""
    wanted = specs(settings)
    async with kafka_admin(settings) as admin:
        found = {topic["topic"]: topic for topic in await _described(admin, [spec.name for spec in wanted])}
        configs = await _configs(admin, list(found))
    problems = []
    for spec in wanted:
        if spec.name in found:
            texts = [*_layout(spec, settings, found[spec.name]), *_rules(spec, settings, configs[spec.name])]
        else:
            texts = ["is missing"]
        problems += [Problem(spec.name, text) for text in texts]
    return problems


async def _described(admin: AIOKafkaAdminClient, names: list[str]) -> list[dict[str, Any]]:
    """Those of the topics that exist. All are listed: a broker that may create topics makes one that is asked for."""
    return [topic for topic in await admin.describe_topics() if topic["topic"] in names]


async def _configs(admin: AIOKafkaAdminClient, names: list[str]) -> dict[str, dict[str, str]]:
    """What is in force for each topic, the broker's defaults included."""
    if not names:
        return {}
    answers = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in names])
    found = {}
    for code, message, _kind, name, entries in (resource for answer in answers for resource in answer.resources):
        if code:
            raise TopicsError(f"{name}: {message or for_code(code).__name__}")
        found[name] = {entry[0]: entry[1] for entry in entries}
    return found


def _is_led(topic: Mapping[str, Any]) -> bool:
    return not topic["error_code"] and all(partition["leader"] >= 0 for partition in topic["partitions"])


def _layout(spec: Spec, settings: Settings, topic: Mapping[str, Any]) -> Iterator[str]:
    """Partitions and replicas."""
    count = len(topic["partitions"])
    if count != spec.partitions:
        yield f"has {count} partitions; expected {spec.partitions}"
    replicas = min(len(partition["replicas"]) for partition in topic["partitions"])
    if replicas < settings.replication:
        yield f"has {replicas} replicas; expected {settings.replication}"
    if not _is_led(topic):
        yield LEADERLESS


def _rules(spec: Spec, settings: Settings, configs: Mapping[str, str]) -> Iterator[str]:
    """What is deleted, and when; what is acknowledged; how long a record may be."""
    if configs["cleanup.policy"] != "delete":
        yield f"cleanup.policy is {configs['cleanup.policy']}, and would drop records of equal keys; expected delete"
    if int(configs["min.insync.replicas"]) < settings.min_isr:
        yield f"min.insync.replicas is {configs['min.insync.replicas']}; expected {settings.min_isr}"
    if int(configs["max.message.bytes"]) < spec.record_bytes_max:
        yield f"max.message.bytes is {configs['max.message.bytes']}; expected {spec.record_bytes_max}"
    if not spec.is_source:
        return
    kept = int(configs["retention.ms"])
    if kept != FOR_EVER and (spec.retention_ms == FOR_EVER or kept < spec.retention_ms):
        yield f"retention.ms is {kept}, and state could not be rebuilt; expected {spec.retention_ms}"
    if int(configs["retention.bytes"]) != FOR_EVER:
        yield f"retention.bytes is {configs['retention.bytes']}, and state could not be rebuilt; expected {FOR_EVER}"
    if configs["unclean.leader.election.enable"] != "false":
        yield "unclean.leader.election.enable is true, and acknowledged entries could go; expected false"
