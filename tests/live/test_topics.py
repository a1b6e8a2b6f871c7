"""Topics: created as they must be, and refused in every way that would lose something. A real broker answers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiokafka.admin import NewTopic

from schemas.inputs import TOPICS
from streams.live.connect import kafka_admin
from streams.live.settings import Settings
from streams.live.topics import Topics, specs
from streams.live.topics_admin import TopicsError, check, create

pytestmark = pytest.mark.live


def changed(settings: Settings, **fields: Any) -> Settings:
    """The same settings but for some fields."""
    return Settings.model_validate({**settings.model_dump(), **fields})


def make(settings: Settings, name: str, partitions: int = 1, **configs: str) -> None:
    """One topic as somebody else made it; names of configs with _ for a dot, what is not said as it must be."""
    spec = next(spec for spec in specs(settings) if spec.name == name)
    said = {key.replace("_", "."): value for key, value in configs.items()}

    async def run() -> None:
        async with kafka_admin(settings) as admin:
            answer = await admin.create_topics(
                [NewTopic(name, partitions, 1, topic_configs=spec.configs(settings) | said)]
            )
            assert [code for _name, code, _message in answer.topic_errors] == [0]

    asyncio.run(run())


def problems(settings: Settings) -> list[tuple[str, str]]:
    """What check says, topics without the prefix."""
    start = len(settings.prefix) + 1
    return [(problem.topic[start:], problem.text) for problem in asyncio.run(check(settings))]


def test_names_are_those_of_the_schemas(settings: Settings) -> None:
    """The inputs in their order; no name stands twice, and each has a spec."""
    topics = Topics("v")
    assert topics.inputs == tuple(f"v.{name}" for name in TOPICS)
    assert sorted(spec.name for spec in specs(changed(settings, prefix="v"))) == sorted(vars(topics).values())
    assert len(set(vars(topics).values())) == 14


def test_created_topics_are_fine_and_creating_again_changes_nothing(settings: Settings) -> None:
    """Three books and two input partitions; the second call finds everything there."""
    venue = changed(settings, books=("a", "b", "c"), input_partitions=2)
    assert asyncio.run(create(venue)) == [spec.name for spec in specs(venue)]
    assert asyncio.run(create(venue)) == []
    assert problems(venue) == []


def test_a_kept_journal_may_be_bounded_by_the_settings(settings: Settings) -> None:
    """For ever is more than a day, and a day is less than two."""
    day = changed(settings, journal_retention_ms=86_400_000)
    asyncio.run(create(day))
    assert problems(day) == []
    ((topic, text),) = problems(changed(settings, journal_retention_ms=2 * 86_400_000))
    assert (topic, text.split(",")[0]) == ("journal", "retention.ms is 86400000")
    ((topic, text),) = problems(settings)
    assert (topic, text.split("; ")[1]) == ("journal", "expected -1")


def test_missing_topics_are_named_and_not_made(settings: Settings) -> None:
    """Each of them, also at the second look."""
    missing = [(spec.name[len(settings.prefix) + 1 :], "is missing") for spec in specs(settings)]
    assert problems(settings) == missing
    assert problems(settings) == missing


@pytest.mark.parametrize(
    ("topic", "configs", "said"),
    [
        ("journal", {"cleanup_policy": "compact"}, "cleanup.policy is compact"),
        ("journal", {"cleanup_policy": "compact,delete"}, "cleanup.policy is compact,delete"),
        ("journal", {"retention_ms": "604800000"}, "retention.ms is 604800000"),
        ("journal", {"retention_bytes": "1000000"}, "retention.bytes is 1000000"),
        ("journal", {"unclean_leader_election_enable": "true"}, "unclean.leader.election.enable is true"),
        ("journal", {"max_message_bytes": "1048588"}, "max.message.bytes is 1048588"),
        ("trades", {"cleanup_policy": "compact"}, "cleanup.policy is compact"),
        ("trades", {"max_message_bytes": "1048588"}, "max.message.bytes is 1048588"),
        ("dead-letters", {"max_message_bytes": "8388608"}, "max.message.bytes is 8388608"),
        ("events", {"cleanup_policy": "compact"}, "cleanup.policy is compact"),
    ],
)
def test_a_topic_that_would_lose_something_is_refused(
    settings: Settings, topic: str, configs: dict[str, str], said: str
) -> None:
    """One config is wrong, all else as it must be: one problem, with what was found."""
    make(settings, f"{settings.prefix}.{topic}", **configs)
    asyncio.run(create(settings))
    ((where, text),) = problems(settings)
    assert where == topic
    assert text.startswith(said)


@pytest.mark.parametrize(("topic", "partitions"), [("journal", 3), ("journal", 1), ("trades", 2), ("status", 2)])
def test_a_wrong_number_of_partitions_is_refused(settings: Settings, topic: str, partitions: int) -> None:
    """A journal with more partitions than books, or fewer, and any other topic."""
    venue = changed(settings, books=("a", "b"))
    make(venue, f"{venue.prefix}.{topic}", partitions)
    asyncio.run(create(venue))
    expected = 2 if topic == "journal" else 1
    assert problems(venue) == [(topic, f"has {partitions} partitions; expected {expected}")]


def test_too_few_replicas_are_refused(settings: Settings) -> None:
    """Of every topic: copies, and copies that must have a record before it is acknowledged."""
    asyncio.run(create(settings))
    found = problems(changed(settings, replication=3, min_isr=2))
    assert ("journal", "has 1 replicas; expected 3") in found
    assert ("journal", "min.insync.replicas is 1; expected 2") in found
    assert len(found) == 2 * len(specs(settings))


def test_what_the_broker_refuses_is_told_in_its_words(settings: Settings) -> None:
    """More replicas than brokers, which aiokafka answers without raising."""
    with pytest.raises(TopicsError, match=r"journal: .*replication factor"):
        asyncio.run(create(changed(settings, replication=3)))
