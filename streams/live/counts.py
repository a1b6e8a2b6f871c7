"""What workers count as they go, for /metrics. No account is a label."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter


class Counts:
    """What workers count as they go."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.entries = Counter("rhodian_entries", "Records of the journal applied.", ["reader"], registry=self.registry)
        self.refused = Counter("rhodian_refused", "Inputs refused.", ["code"], registry=self.registry)
        self.inputs = Counter("rhodian_inputs", "Inputs taken in.", ["topic"], registry=self.registry)
        self.outputs = Counter("rhodian_outputs", "Records written.", ["topic"], registry=self.registry)
        self.errors = Counter("rhodian_errors", "Calls that failed.", ["service"], registry=self.registry)
