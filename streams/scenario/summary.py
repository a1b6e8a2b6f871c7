"""What a scenario says of itself: what is real, what is assumed, and its figures."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class ScenarioSummary:
    """Returned by `make_scenario` and written beside the logs as scenario.json."""

    market: str
    book: str
    seed: int
    accounts: int
    members: int
    isolated_accounts: int
    makers: int
    scale: float
    start_ms: int
    end_ms: int
    open_interest: dict[str, str]
    funds: dict[str, str]
    deposits: str
    mean_leverage: float
    entries: dict[str, int]
    real: list[str]
    assumed: list[str]
    sources: list[str]

    def as_dict(self) -> dict[str, object]:
        return asdict(self)

    @property
    def lines(self) -> list[str]:
        """For people: printed by the command line."""
        held = ", ".join(f"{symbol} {quantity}" for symbol, quantity in self.open_interest.items())
        figures = [
            f"scenario {self.book} from {self.market}, seed {self.seed}",
            f"  {self.accounts} accounts of {self.members} members, {self.isolated_accounts} isolated",
            f"  {self.makers} market makers; {self.scale:.4g} of the real venue",
            f"  open interest {held}; deposits {self.deposits}, {self.mean_leverage:.1f} times levered on the whole",
            "  funds " + ", ".join(f"{name} {amount}" for name, amount in self.funds.items()),
            "  entries " + ", ".join(f"{topic} {count}" for topic, count in self.entries.items()),
        ]
        parts = (("real", self.real), ("assumed", self.assumed), ("sources", self.sources))
        return figures + [line for name, texts in parts for line in (f"{name}:", *(f"  - {t}" for t in texts))]
