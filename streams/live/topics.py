"""The topics of a venue: their names, and how each must be for nothing to be lost."""

from __future__ import annotations

from dataclasses import dataclass

from streams.live.settings import Settings

MIB = 1 << 20
INPUT_BYTES_MAX = 8 * MIB
LETTER_BYTES_MAX = 9 * MIB  # the largest input, and why it was refused
RECORD_BYTES_MAX = 16 * MIB  # of the journal, whose frames hold a chunk of inputs; and of events: allocations are long
WEEK_MS = 7 * 24 * 3_600_000
FOR_EVER = -1


class Topics:
    """Names, all of them under the prefix."""

    def __init__(self, prefix: str) -> None:
        self.reference = f"{prefix}.reference"
        self.commands = f"{prefix}.commands"
        self.transfers = f"{prefix}.transfers"
        self.prices = f"{prefix}.prices"
        self.trades = f"{prefix}.trades"
        self.journal = f"{prefix}.journal"
        self.dead_letters = f"{prefix}.dead-letters"
        self.defaults = f"{prefix}.defaults"
        self.socialized_losses = f"{prefix}.socialized-losses"
        self.margin_calls = f"{prefix}.margin-calls"
        self.liquidations = f"{prefix}.liquidations"
        self.conservation = f"{prefix}.conservation"
        self.events = f"{prefix}.events"
        self.status = f"{prefix}.status"

    @property
    def inputs(self) -> tuple[str, ...]:
        """What the venue writes, in the order of `schemas.inputs.TOPICS`."""
        return self.reference, self.commands, self.transfers, self.prices, self.trades

    @property
    def outputs(self) -> tuple[str, ...]:
        """What downstream reads, but for the status."""
        losses = (self.defaults, self.socialized_losses, self.margin_calls, self.liquidations)
        return *losses, self.conservation, self.events


@dataclass(frozen=True)
class Spec:
    """One topic as it must be. Retention of -1 is for ever."""

    name: str
    partitions: int
    retention_ms: int
    record_bytes_max: int = RECORD_BYTES_MAX
    is_source: bool = False  # state is rebuilt from it: not a byte of it may go before its time

    def configs(self, settings: Settings) -> dict[str, str]:
        """The configuration to create it with."""
        found = {
            "cleanup.policy": "delete",
            "retention.ms": str(self.retention_ms),
            "min.insync.replicas": str(settings.min_isr),
            "max.message.bytes": str(self.record_bytes_max),
        }
        if self.is_source:
            found |= {"retention.bytes": str(FOR_EVER), "unclean.leader.election.enable": "false"}
        return found


def specs(settings: Settings) -> list[Spec]:
    """All topics. A book's place in the list of books is its partition, in the journal and in what comes out of it."""
    topics, books = Topics(settings.prefix), len(settings.books)
    inputs = [Spec(name, settings.input_partitions, WEEK_MS, INPUT_BYTES_MAX) for name in topics.inputs]
    journal = Spec(topics.journal, books, settings.journal_retention_ms, is_source=True)
    letters = Spec(topics.dead_letters, 1, FOR_EVER, LETTER_BYTES_MAX)  # until a person has looked at them
    outputs = [Spec(name, books, WEEK_MS) for name in topics.outputs]
    return [*inputs, journal, letters, *outputs, Spec(topics.status, 1, WEEK_MS)]
