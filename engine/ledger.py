"""Named accounts of one reader (RULEBOOK 3): money and lots that no member owns. Readers' parts add up.

Every posting has two sides, so over all readers accounts and ledgers sum to zero: `@outside` is minus what was put in.
"""

from __future__ import annotations

from dataclasses import dataclass, field

OUTSIDE, TRANSIT, SUSPENSE, ROUNDING = "@outside", "@transit", "@suspense", "@rounding"
MARKET, BACKSTOP, LIQUIDATION, OPERATOR, UNCOVERED = "@market", "@backstop", "@liquidation", "@operator", "@uncovered"


def insurance(scope: str) -> str:
    """The insurance fund of a scope."""
    return f"@insurance/{scope}"


def guarantee(member: str) -> str:
    """A member's contribution to the guarantee fund."""
    return f"@guarantee/{member}"


def assessment(member: str) -> str:
    """What a member was called for and has not paid: below zero."""
    return f"@assessment/{member}"


def estate(member: str) -> str:
    """What is held of a defaulter until its losses are covered."""
    return f"@estate/{member}"


@dataclass(slots=True)
class Ledger:
    """`cash` in units by name; `lots` by name and column."""

    cash: dict[str, int] = field(default_factory=dict)
    lots: dict[str, dict[int, int]] = field(default_factory=dict)

    def balance(self, name: str) -> int:
        """Money of a named account."""
        return self.cash.get(name, 0)

    @property
    def outside_units(self) -> int:
        """Minus the money that members and funds have between them (17.24)."""
        return self.balance(OUTSIDE) + self.balance(MARKET)

    def held(self, name: str, column: int) -> int:
        """Lots of a named account."""
        return self.lots.get(name, {}).get(column, 0)

    def add(self, name: str, units: int) -> None:
        """One side of a posting of money; the other stands beside it at the call."""
        if units:
            self.cash[name] = self.cash.get(name, 0) + units

    def add_lots(self, name: str, column: int, lots: int) -> None:
        """One side of a posting of lots."""
        if lots:
            columns = self.lots.setdefault(name, {})
            columns[column] = columns.get(column, 0) + lots

    def post(self, debit: str, credit: str, units: int) -> None:
        """Money from one named account to another."""
        self.add(debit, -units)
        self.add(credit, units)

    def post_lots(self, debit: str, credit: str, column: int, lots: int) -> None:
        """Lots from one named account to another."""
        self.add_lots(debit, column, -lots)
        self.add_lots(credit, column, lots)
