"""Drawing the layers of one window (RULEBOOK 8, 17.12): by rank, `draw = min(available, remaining)`, receipts for all.

Mutual layers are drawn once per window over the pooled rest, so the order of defaults inside it changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.allocation import allocate
from engine.ledger import OPERATOR, guarantee, insurance
from engine.receipts import share_out
from engine.rules import Layer, Waterfall
from engine.waterfall.losses import Losses
from schemas.loss_events import Draw, LayerDraw
from schemas.rows import Gain


@dataclass(slots=True)
class Resources:
    """What the layers may draw on: balances of named accounts, contributions frozen and now, gains of survivors."""

    book: str
    balances: dict[str, int]
    frozen: dict[str, int]
    gains: dict[str, Gain]

    def contribution(self, member: str) -> int:
        """What a member's contribution holds now."""
        return self.balances.get(guarantee(member), 0)


@dataclass(slots=True)
class Settlement:
    """The outcome: money by named account, charges by account, and every receipt."""

    layers: list[LayerDraw] = field(default_factory=list)
    draws: list[Draw] = field(default_factory=list)
    paid: dict[str, int] = field(default_factory=dict)
    charges: dict[str, int] = field(default_factory=dict)
    uncovered: int = 0

    def pay(self, name: str, units: int) -> None:
        """A named account pays into the loss."""
        if units:
            self.paid[name] = self.paid.get(name, 0) + units


def settle(waterfall: Waterfall, losses: Losses, resources: Resources) -> Settlement:
    """All layers in order; afterwards the losses are zero, and `paid + charges + uncovered` is what they were."""
    done = Settlement()
    for rank in waterfall.ranks():
        scoped = sorted({layer.scope for layer in rank if layer.scope is not None})
        for scope in scoped:
            _draw_group([layer for layer in rank if layer.scope == scope], losses, resources, done, scope)
        _draw_group([layer for layer in rank if layer.scope is None], losses, resources, done, None)
    return done


def _draw_group(group: list[Layer], losses: Losses, resources: Resources, done: Settlement, scope: str | None) -> None:
    """Layers that share one rank and scope: pro rata to capacity, however small the loss (Eurex), ties by id (9)."""
    group = sorted(group, key=lambda layer: layer.id)
    left = losses.total() if scope is None else losses.of_scope(scope)
    capacities = [_capacity(layer, losses, resources, done, left) for layer in group]
    shares = allocate(min(left, sum(capacities)), capacities, capacities).shares.tolist() if group else []
    order = sorted(zip(group, shares, strict=True), key=lambda one: one[0].kind != "defaulter_contribution")
    for layer, units in order:  # the defaulters' own first: it meets its own cells only
        available = _available(layer, losses, resources, done, left)
        facts = (layer.id, layer.kind, layer.rank, layer.scope, layer.cap_units)
        done.layers.append(LayerDraw(*facts, available, units, available - units))
        if units:
            _DRAW[layer.kind](layer, units, losses, resources, done)


def _capacity(layer: Layer, losses: Losses, resources: Resources, done: Settlement, left: int) -> int:
    """What a layer stands with beside others of its rank: its size, not what the loss is (17.12)."""
    found = _available(layer, losses, resources, done, left)
    return found if layer.cap_units is None else min(found, layer.cap_units)


def _available(layer: Layer, losses: Losses, resources: Resources, done: Settlement, left: int) -> int:
    """What a layer holds for this window."""
    if layer.kind == "defaulter_contribution":
        return sum(min(resources.contribution(m), losses.of_member(m)) for m in losses.members())
    if layer.kind == "guarantee_fund":
        return sum(cap for _, _, cap in _contributors(losses, resources))
    if layer.kind == "gains_haircut":
        return sum(cap for _, _, cap in _winners(resources))
    if layer.kind == "uncovered":
        return left
    name = fund_of(layer, resources.book)
    return max(0, resources.balances.get(name, 0) - done.paid.get(name, 0))


def fund_of(layer: Layer, book: str) -> str:
    """The named account of an operator or insurance layer."""
    return f"{OPERATOR}/{layer.id}" if layer.kind == "operator" else insurance(layer.scope or book)


def _contributors(losses: Losses, resources: Resources) -> list[tuple[str, int, int]]:
    """Survivors with a contribution: weight when the window opened, cap the lesser of that and now (7)."""
    lost = set(losses.members())
    return [
        (member, units, min(units, resources.contribution(member)))
        for member, units in sorted(resources.frozen.items())
        if member not in lost
    ]


def _winners(resources: Resources) -> list[tuple[str, int, int]]:
    """Survivors with gains: weight G, cap what their accounts can bear (17.12)."""
    return [
        (member, gain.gain_units, min(gain.gain_units, sum(units for _, units in gain.equities)))
        for member, gain in sorted(resources.gains.items())
    ]


def _draw_own(layer: Layer, units: int, losses: Losses, resources: Resources, done: Settlement) -> None:
    """Each defaulter's own contribution meets its own loss only (8)."""
    caps = {m: min(resources.contribution(m), losses.of_member(m)) for m in losses.members()}
    rows = [(member, cap, cap) for member, cap in caps.items()]
    draw = share_out(layer.id, "payers", units, rows, resources.contribution)
    done.draws.append(draw)
    for share in draw.shares:
        done.pay(guarantee(share.payer), share.share_units)
        if share.share_units:
            done.draws.append(losses.meet(layer.id, share.share_units, member=share.payer))


def _draw_fund(layer: Layer, units: int, losses: Losses, resources: Resources, done: Settlement) -> None:
    """One balance: operator capital or an insurance fund."""
    name = fund_of(layer, resources.book)
    left = resources.balances.get(name, 0) - done.paid.get(name, 0)
    done.draws.append(share_out(layer.id, "payers", units, [(name, left, left)], lambda _: left))
    done.pay(name, units)
    done.draws.append(losses.meet(layer.id, units, scope=layer.scope))


def _draw_guarantee(layer: Layer, units: int, losses: Losses, resources: Resources, done: Settlement) -> None:
    """Survivors pro rata to contribution."""
    draw = share_out(layer.id, "payers", units, _contributors(losses, resources), resources.contribution)
    done.draws.append(draw)
    for share in draw.shares:
        done.pay(guarantee(share.payer), share.share_units)
    done.draws.append(losses.meet(layer.id, units))


def _draw_gains(layer: Layer, units: int, losses: Losses, resources: Resources, done: Settlement) -> None:
    """Winners lose `h = U / sum G` of the gain; a member's charge is split over its accounts by equity (8)."""
    gains = {member: gain.gain_units for member, gain in resources.gains.items()}
    draw = share_out(layer.id, "payers", units, _winners(resources), lambda member: gains[member])
    done.draws.append(draw)
    for share in draw.shares:
        if share.share_units:
            equities = dict(resources.gains[share.payer].equities)
            rows = [(account, equity, equity) for account, equity in equities.items()]
            split = share_out(layer.id, f"accounts/{share.payer}", share.share_units, rows, lambda a, e=equities: e[a])  # type: ignore[misc]
            done.draws.append(split)
            done.charges.update({one.payer: one.share_units for one in split.shares if one.share_units})
    done.draws.append(losses.meet(layer.id, units))


def _draw_uncovered(layer: Layer, units: int, losses: Losses, _: Resources, done: Settlement) -> None:
    """An explicit amount, never a silent negative (8)."""
    done.uncovered += units
    done.draws.append(losses.meet(layer.id, units))


_DRAW = {
    "defaulter_contribution": _draw_own,
    "operator": _draw_fund,
    "insurance": _draw_fund,
    "guarantee_fund": _draw_guarantee,
    "gains_haircut": _draw_gains,
    "uncovered": _draw_uncovered,
}
