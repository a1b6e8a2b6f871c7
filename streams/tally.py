"""What happened in a book, counted from its events as they pass: the figures of the summary."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from engine.accounts import account_key
from engine.names import member_of
from schemas.events import (
    Event,
    LiquidationFilled,
    LiquidationOrderFilled,
    LiquidationTriggered,
    MarginCalled,
    PositionDeleveraged,
    PositionOffset,
    PositionPlaced,
    PositionTakenOver,
    PositionTornUp,
)
from schemas.loss_events import DefaultDeclared, GainsCharged, LossAllocated
from streams.present import Fields, Terms, with_texts

LARGEST = 10
_MOVED: dict[type[Event], str] = {
    LiquidationFilled: "closed",
    LiquidationOrderFilled: "closed",
    PositionTakenOver: "taken_over",
    PositionTornUp: "torn_up",
    PositionPlaced: "placed",
    PositionDeleveraged: "deleveraged",
    PositionOffset: "offset",
}


@dataclass(slots=True)
class Tally:
    """One book. `lots` by what moved them and instrument; `largest` a heap of (shortfall, -order, default)."""

    kinds: Counter[str] = field(default_factory=Counter)
    called: set[str] = field(default_factory=set)
    liquidated: set[str] = field(default_factory=set)
    defaulted: set[str] = field(default_factory=set)
    charged: set[str] = field(default_factory=set)
    lots: dict[str, Counter[str]] = field(default_factory=lambda: {what: Counter() for what in _MOVED.values()})
    fees_units: int = 0
    shortfall_units: int = 0
    gains_units: int = 0
    borne: Counter[str] = field(default_factory=Counter)  # by member, of the losses of others
    windows: list[Fields] = field(default_factory=list)
    largest: list[tuple[int, int, DefaultDeclared]] = field(default_factory=list)

    def add(self, event: Event) -> None:
        """One more event."""
        self.kinds[event.kind] += 1
        handle = _HANDLERS.get(type(event))
        if handle is not None:
            handle(self, event)

    def moved(self, event: Any) -> None:
        """Lots left an account in liquidation, or met one from the other side."""
        self.lots[_MOVED[type(event)]][event.instrument] += abs(event.lots)
        self.fees_units += getattr(event, "fee_units", 0)

    def default(self, event: DefaultDeclared) -> None:
        """A shortfall; the largest are kept, the earlier first among equals."""
        self.defaulted.add(event.member)
        self.shortfall_units += event.shortfall_units
        heapq.heappush(self.largest, (event.shortfall_units, -self.kinds[event.kind], event))
        if len(self.largest) > LARGEST:
            heapq.heappop(self.largest)

    def charge(self, event: GainsCharged) -> None:
        """A haircut of gains."""
        self.charged.add(event.account)
        self.gains_units += event.amount_units

    def lose(self, event: LossAllocated) -> None:
        """A window's loss, without the receipts: they may have a row for every member."""
        row: Fields = {"book": event.book, "window": event.window, "time_ms": event.time_ms}
        row |= {"shortfall_units": event.shortfall_units, "liquidation_loss_units": event.liquidation_loss_units}
        row["layers"] = [
            {"layer": draw.layer, "kind": draw.kind, "rank": draw.rank, "drawn_units": draw.drawn_units}
            for draw in event.layers
        ]
        self.windows.append(row | {"uncovered_units": event.uncovered_units})
        own = {draw.layer for draw in event.layers if draw.kind == "defaulter_contribution"}
        for draw in event.draws:
            if draw.role == "payers" and draw.layer not in own:
                for share in draw.shares:
                    if not share.payer.startswith("@"):
                        self.borne[member_of(share.payer)] += share.share_units

    def figures(self, terms: Terms) -> Fields:
        """The counts of the summary, with texts."""
        kinds = self.kinds
        calls = {name: kinds[f"margin-call{suffix}"] for name, suffix in _CALLS}
        found: Fields = {
            "margin_calls": calls | {"accounts": len(self.called)},
            "liquidations": {
                "triggered": kinds["liquidation-triggered"],
                "ended": kinds["liquidation-ended"],
                "accounts": len(self.liquidated),
                "fees_units": self.fees_units,
            },
            "moved": [
                {"what": what, "instrument": name, "lots": lots}
                for what, counts in self.lots.items()
                for name, lots in sorted(counts.items())
            ],
            "holes": kinds["hole-found"],
            "defaults": {
                "declared": kinds["default-declared"],
                "members": len(self.defaulted),
                "shortfall_units": self.shortfall_units,
            },
            "windows": {
                "opened": kinds["window-opened"],
                "closed": kinds["window-closed"],
                "with_loss": len(self.windows),
            },
            "loss_by_layer": self.layers(),
            "borne_by_members": self.burdens(),
            "gains_haircut": {"accounts": len(self.charged), "amount_units": self.gains_units},
            "liquidation_loss_units": self.lost("liquidation_loss_units"),
            "loss_units": self.lost("shortfall_units"),
            "uncovered_units": self.lost("uncovered_units"),
            "largest_losses": self.largest_losses(),
        }
        return with_texts(found, terms)

    def burdens(self) -> Fields:
        """What survivors bore of the losses of others, and how unevenly: parts of all that they bore, rounded down."""
        shares = sorted((units for units in self.borne.values() if units), reverse=True)
        total, top = sum(shares), -(-len(shares) // 100)
        parts = {"largest_share_ppm": sum(shares[:1]), "top_percent_share_ppm": sum(shares[:top])}
        ppm = {name: units * 1_000_000 // total if total else 0 for name, units in parts.items()}
        return {"members": len(shares), "amount_units": total, "largest_units": sum(shares[:1])} | ppm

    def lost(self, what: str) -> int:
        """One number of all windows."""
        return sum(row[what] for row in self.windows)

    def layers(self) -> list[Fields]:
        """Each layer over all windows, by rank, and its share of all that was lost."""
        found: dict[tuple[int, str], Fields] = {}
        for draw in (draw for row in self.windows for draw in row["layers"]):
            layer = found.setdefault((draw["rank"], draw["layer"]), {**draw, "drawn_units": 0, "windows": 0})
            layer["drawn_units"] += draw["drawn_units"]
            layer["windows"] += bool(draw["drawn_units"])
        total = self.lost("shortfall_units")
        ordered = [found[key] for key in sorted(found, key=lambda key: key[0])]
        return [row | {"share_ppm": row["drawn_units"] * 1_000_000 // total if total else 0} for row in ordered]

    def largest_losses(self) -> list[Fields]:
        """The largest shortfalls, largest first."""
        ordered = sorted(self.largest, key=lambda one: (-one[0], account_key(one[2].account), -one[1]))
        return [
            {
                "member": event.member,
                "account": event.account,
                "window": event.window,
                "time_ms": event.time_ms,
                "shortfall_units": event.shortfall_units,
            }
            for _, _, event in ordered
        ]

    def losses(self, terms: Terms) -> list[Fields]:
        """One row a window that lost something: shortfall, each layer's draw, uncovered."""
        return [with_texts(row, terms) for row in self.windows]

    def are_met(self) -> bool:
        """Invariant 14.3: what the layers drew, uncovered included, is the loss of each window."""
        return all(sum(x["drawn_units"] for x in row["layers"]) == row["shortfall_units"] for row in self.windows)


_CALLS = (("called", "ed"), ("met", "-met"), ("missed", "-missed"))
_HANDLERS: dict[type[Event], Callable[[Tally, Any], object]] = {
    MarginCalled: lambda tally, event: tally.called.add(event.account),
    LiquidationTriggered: lambda tally, event: tally.liquidated.add(event.account),
    DefaultDeclared: Tally.default,
    GainsCharged: Tally.charge,
    LossAllocated: Tally.lose,
    **dict.fromkeys(_MOVED, Tally.moved),
}
