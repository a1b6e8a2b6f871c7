"""The loss of one window as a table (RULEBOOK 7, 17.12): what each member owes to each insurance scope."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.receipts import share_out
from schemas.loss_events import Draw

LIQUIDATION_MEMBER = "@liquidation"


@dataclass(slots=True)
class Losses:
    """Units by (member, scope), what is still unpaid."""

    cells: dict[tuple[str, str], int] = field(default_factory=dict)

    def add(self, member: str, scope: str, units: int) -> None:
        """One more loss."""
        self.cells[member, scope] = self.cells.get((member, scope), 0) + units

    def total(self) -> int:
        """All that is unpaid."""
        return sum(self.cells.values())

    def of_scope(self, scope: str) -> int:
        """Unpaid losses of one insurance scope."""
        return sum(units for (_, held), units in self.cells.items() if held == scope)

    def of_member(self, member: str) -> int:
        """Unpaid losses of one member."""
        return sum(units for (held, _), units in self.cells.items() if held == member)

    def members(self) -> list[str]:
        """All members with a cell, by name."""
        return sorted({member for member, _ in self.cells})

    def meet(self, layer: str, units: int, *, scope: str | None = None, member: str | None = None) -> Draw:
        """Reduce the cells (of a scope or a member) by `units`, pro rata to what remains in them (9), with receipts."""
        keys = sorted(
            key for key in self.cells if (scope is None or key[1] == scope) and (member is None or key[0] == member)
        )
        names = {f"{one}\t{held}": (one, held) for one, held in keys}  # a tab stands in no name
        rows = [(name, self.cells[key], self.cells[key]) for name, key in names.items()]
        draw = share_out(layer, "losses", units, rows, lambda name: self.cells[names[name]])
        for share in draw.shares:
            self.cells[names[share.payer]] = share.after_units
        return draw

    def listing(self) -> dict[str, dict[str, int]]:
        """For events: member -> scope -> units."""
        found: dict[str, dict[str, int]] = {}
        for (member, scope), units in sorted(self.cells.items()):
            if units:  # a default by which nobody lost has a cell too (17.27)
                found.setdefault(member, {})[scope] = units
        return found
