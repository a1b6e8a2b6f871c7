"""Drawing the layers of one window (RULEBOOK 8, 17.12, 17.23): by rank, `draw = min(available, remaining)`.

Mutual layers are drawn once per window over the pooled rest, so the order of defaults inside it changes nothing. Every
draw leaves receipts: a table of who paid, and one of the losses that it met.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import UNSET

from engine.allocation import allocate
from engine.layers import CHARGING, Layer, Waterfall
from engine.ledger import assessment, guarantee
from engine.numbers import PPM, div_down, ppm_up
from engine.receipts import share_out
from engine.waterfall.losses import Losses
from engine.waterfall.payers import Drawing, Resources, Rows, Settlement, fund_of, rows_of
from schemas.loss_events import LayerDraw

__all__ = ["Resources", "Settlement", "fund_of", "settle"]
FUNDS = {"operator", "insurance"}


def settle(waterfall: Waterfall, losses: Losses, resources: Resources) -> Settlement:
    """All layers in order; afterwards the losses are zero, and `paid + charges + uncovered - premiums` is what they
    were.
    """
    now = Drawing(losses, resources, Settlement())
    for rank in waterfall.ranks():
        scoped = sorted({layer.scope for layer in rank if layer.scope is not None})
        for scope in scoped:
            _draw_group([layer for layer in rank if layer.scope == scope], now, scope)
        _draw_group([layer for layer in rank if layer.scope is None], now, None)
    return now.done


def _draw_group(group: list[Layer], now: Drawing, scope: str | None) -> None:
    """Layers that share one rank and scope: pro rata to capacity, however small the loss (Eurex), ties by id (9)."""
    group = sorted(group, key=lambda layer: layer.id)
    left = now.losses.total() if scope is None else now.losses.of_scope(scope)
    caps = [_cap(layer, left) for layer in group]
    rows = [rows_of(one, now, left if cap is None else min(left, cap)) for one, cap in zip(group, caps, strict=True)]
    available = [sum(cap for _, _, cap in payers) for payers in rows]
    capacities = [units if cap is None else min(units, cap) for units, cap in zip(available, caps, strict=True)]
    shares = allocate(min(left, sum(capacities)), capacities).shares.tolist() if group else []
    order = sorted(range(len(group)), key=lambda at: group[at].kind != "defaulter_contribution")
    for at in order:  # the defaulters' own first: it meets its own cells only
        layer, held, units = group[at], available[at], shares[at]
        facts = (layer.id, layer.kind, layer.rank, layer.scope, caps[at])
        now.done.layers.append(LayerDraw(*facts, held, units, held - units, layer.premium_ppm or UNSET))
        if units:
            _draw(layer, units, rows[at], now)


def _cap(layer: Layer, left: int) -> int | None:
    """The most that a layer pays in one window; an equity haircut takes a part of what is left (15.7)."""
    if layer.kind != "equity_haircut":
        return layer.cap_units
    part = div_down(left * layer.theta_ppm, PPM)
    return part if layer.cap_units is None else min(part, layer.cap_units)


def _draw(layer: Layer, units: int, rows: Rows, now: Drawing) -> None:
    """Who pays, by its receipt; then the losses that this meets."""
    if layer.kind == "uncovered":
        now.done.uncovered = units
        now.done.draws.append(now.losses.meet(layer.id, units))
        return
    draw = share_out(layer.id, "payers", units, rows, _balances(layer, now))
    now.done.draws.append(draw)
    paying = [(share.payer, share.share_units) for share in draw.shares if share.share_units]
    for payer, share in paying:
        _pay(layer, payer, share, now)
    if layer.kind == "defaulter_contribution":
        now.done.draws += [now.losses.meet(layer.id, share, member=payer) for payer, share in paying]
    else:
        now.done.draws.append(now.losses.meet(layer.id, units, scope=layer.scope))


def _balances(layer: Layer, now: Drawing) -> Callable[[str], int]:
    """What a payer's receipt begins with: the balance, the gain or the equity that its share is taken from."""
    resources = now.resources
    if layer.kind in FUNDS:
        return now.left
    if layer.kind == "assessment":
        return lambda member: -resources.assessed.get(member, 0)
    if layer.kind in ("unvested", "gains_haircut"):
        return now.gain
    if layer.kind in ("equity_haircut", "open_interest_charge"):
        return now.room
    return lambda member: now.left(guarantee(member))


def _pay(layer: Layer, payer: str, units: int, now: Drawing) -> None:
    """One share, from where it is taken."""
    if layer.kind in FUNDS:
        now.done.pay(payer, units)
        if layer.premium_ppm:
            _pay_premium(layer, payer, units, now)
    elif layer.kind == "assessment":
        now.done.pay(assessment(payer), units)
    elif layer.kind in CHARGING:
        _split(layer, payer, units, now)
    else:
        now.done.pay(guarantee(payer), units)


def _pay_premium(layer: Layer, name: str, units: int, now: Drawing) -> None:
    """What a fund pays beyond the loss it meets goes to the layer's owner (15.7); what it covers leaves it enough."""
    left = now.left(name)
    extra = ppm_up(units, layer.premium_ppm)
    now.done.draws.append(share_out(layer.id, "premium", extra, [(name, extra, extra)], lambda _: left))
    now.done.pay(name, extra)
    now.done.premiums[layer.owner] = now.done.premiums.get(layer.owner, 0) + extra


def _split(layer: Layer, member: str, units: int, now: Drawing) -> None:
    """A member's charge over its accounts by what they can bear (8)."""
    rooms = dict(now.rooms(member))
    rows = [(account, room, room) for account, room in rooms.items()]
    split = share_out(layer.id, f"accounts/{member}", units, rows, rooms.__getitem__)
    now.done.draws.append(split)
    for one in split.shares:
        now.done.charge(one.payer, one.share_units)
