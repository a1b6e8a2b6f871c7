"""Who stands behind each kind of layer (RULEBOOK 8, 17.12, 17.23): rows (payer, weight, cap), by id.

What a layer has is the sum of its caps. Money that an earlier layer of the same window took is no longer there: paid by
a named account, or charged to an account of a member.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from engine.allocation import allocate
from engine.layers import Layer
from engine.ledger import OPERATOR, guarantee, insurance
from engine.names import member_of
from engine.waterfall.assess import assessment_cap
from engine.waterfall.losses import Losses
from engine.waterfall.premium import Insurer, premium_draw
from schemas.loss_events import Draw, LayerDraw
from schemas.rows import Gain, Holder

Rows = list[tuple[str, int, int]]


@dataclass(slots=True)
class Resources:
    """What the layers may draw on: balances of named accounts, contributions frozen and now, gains of survivors.

    `holders`: positions of the instruments that a layer charges; `assessed`: what was called in this capped period;
    `vests`: whether gains vest only with the period.
    """

    book: str
    balances: dict[str, int]
    frozen: dict[str, int]
    gains: dict[str, Gain]
    holders: list[Holder] = field(default_factory=list)
    assessed: dict[str, int] = field(default_factory=dict)
    vests: bool = False


@dataclass(slots=True)
class Settlement:
    """The outcome: money by named account, charges by account, and every receipt. `premiums`: paid beyond the loss."""

    layers: list[LayerDraw] = field(default_factory=list)
    draws: list[Draw] = field(default_factory=list)
    paid: dict[str, int] = field(default_factory=dict)
    charges: dict[str, int] = field(default_factory=dict)
    premiums: dict[str, int] = field(default_factory=dict)
    uncovered: int = 0

    @property
    def covered_units(self) -> int:
        """The loss that was met: what was paid and charged, less what was paid beyond it."""
        return sum(self.paid.values()) - sum(self.premiums.values()) + sum(self.charges.values())

    def pay(self, name: str, units: int) -> None:
        """A named account pays into the loss."""
        if units:
            self.paid[name] = self.paid.get(name, 0) + units

    def charge(self, account: str, units: int) -> None:
        """An account of a member pays into the loss."""
        if units:
            self.charges[account] = self.charges.get(account, 0) + units


@dataclass(slots=True)
class Drawing:
    """One settlement while its layers are drawn."""

    losses: Losses
    resources: Resources
    done: Settlement

    def left(self, name: str) -> int:
        """What a named account still has."""
        return max(0, self.resources.balances.get(name, 0) - self.done.paid.get(name, 0))

    def rooms(self, member: str) -> list[tuple[str, int]]:
        """What each account of a member can still bear."""
        return [(name, units - self.done.charges.get(name, 0)) for name, units in self.resources.gains[member].equities]

    def room(self, member: str) -> int:
        """What a member can still bear, over its accounts."""
        return sum(units for _, units in self.rooms(member))

    def gain(self, member: str) -> int:
        """What a member has won, less what it was charged already."""
        own = self.resources.gains[member]
        return own.gain_units - sum(self.done.charges.get(name, 0) for name, _ in own.equities)

    def survivors(self) -> list[tuple[str, int]]:
        """Contributions at the opening, of members that lost nothing."""
        lost = set(self.losses.members())
        return [(member, units) for member, units in sorted(self.resources.frozen.items()) if member not in lost]


def rows_of(layer: Layer, now: Drawing, asked: int) -> Rows:
    """Who may pay into a layer that is asked for so much.

    What is above `member_cap` is shared again among the others; with the policy `leave` a member pays at most its share
    of what is asked, so that the rest goes on to the next rank (8, 17.23).
    """
    rows = _ROWS[layer.kind](layer, now)
    most = layer.member_cap_units
    if most is None:
        return rows
    if layer.over_cap == "leave":
        shares = allocate(asked, [weight for _, weight, _ in rows], [cap for _, _, cap in rows]).shares.tolist()
        rows = [(payer, weight, share) for (payer, weight, _), share in zip(rows, shares, strict=True)]
    return [(payer, weight, min(cap, most)) for payer, weight, cap in rows]


def fund_of(layer: Layer, book: str) -> str:
    """The named account of an operator or insurance layer."""
    return f"{OPERATOR}/{layer.id}" if layer.kind == "operator" else insurance(layer.scope or book)


def _own(_: Layer, now: Drawing) -> Rows:
    """Each defaulter's own contribution against its own loss only (8)."""
    caps = {m: min(now.left(guarantee(m)), now.losses.of_member(m)) for m in now.losses.members()}
    return [(member, cap, cap) for member, cap in caps.items()]


def _fund(layer: Layer, now: Drawing) -> Rows:
    """One balance: operator capital or an insurance fund; one that asks a premium covers less than it has (15.7)."""
    name = fund_of(layer, now.resources.book)
    left = now.left(name)
    if layer.premium_ppm:
        _, left = premium_draw(left, (1, 1), Insurer(left, layer.premium_ppm))
    return [(name, left, left)]


def _contributors(_: Layer, now: Drawing) -> Rows:
    """Survivors with a contribution: weight when the window opened, cap the lesser of that and now (7)."""
    return [(member, units, min(units, now.left(guarantee(member)))) for member, units in now.survivors()]


def _replenished(_: Layer, now: Drawing) -> Rows:
    """What survivors have paid in since the window opened: drawn after all that stood there at its opening (8)."""
    lost, frozen, rows = set(now.losses.members()), now.resources.frozen, []
    for name, balance in sorted(now.resources.balances.items()):
        member = name.removeprefix(guarantee(""))
        fresh = balance - frozen.get(member, 0)
        if member != name and member not in lost and fresh > 0:
            units = min(fresh, now.left(name))
            rows.append((member, units, units))
    return rows


def _assessed(layer: Layer, now: Drawing) -> Rows:
    """Survivors by contribution, each up to what the capped period leaves of its multiple (8)."""
    used = now.resources.assessed
    return [
        (member, units, assessment_cap(units, layer.multiple_ppm, used.get(member, 0)))
        for member, units in now.survivors()
    ]


def _winners(_: Layer, now: Drawing) -> Rows:
    """Survivors with gains: weight what no layer took of it yet, cap that and what their accounts can bear (17.12)."""
    rows = []
    for member in sorted(now.resources.gains):
        gain = now.gain(member)
        if gain > 0:
            rows.append((member, gain, min(gain, now.room(member))))
    return rows


def _unvested(layer: Layer, now: Drawing) -> Rows:
    """The same, of gains that could not have left: none where gains vest at once (15.7)."""
    return _winners(layer, now) if now.resources.vests else []


def _equities(_: Layer, now: Drawing) -> Rows:
    """Survivors by equity, winners and losers alike (15.7)."""
    sums = {member: now.room(member) for member in sorted(now.resources.gains)}
    return [(member, units, units) for member, units in sums.items() if units]


def _holders(layer: Layer, now: Drawing) -> Rows:
    """Both sides of one instrument by the lots of a member's accounts, each up to what these can bear (8, 14.14)."""
    lots: dict[str, int] = {}
    for one in now.resources.holders:
        member = member_of(one.account)
        if one.instrument == layer.instrument and member in now.resources.gains:
            lots[member] = lots.get(member, 0) + abs(one.lots)
    return [(member, units, now.room(member)) for member, units in sorted(lots.items())]


def _nobody(_: Layer, now: Drawing) -> Rows:
    """Uncovered has no payers: it is what is left."""
    units = now.losses.total()
    return [("", units, units)]


_ROWS: dict[str, Callable[[Layer, Drawing], Rows]] = {
    "defaulter_contribution": _own,
    "operator": _fund,
    "insurance": _fund,
    "guarantee_fund": _contributors,
    "replenished": _replenished,
    "assessment": _assessed,
    "unvested": _unvested,
    "gains_haircut": _winners,
    "equity_haircut": _equities,
    "open_interest_charge": _holders,
    "uncovered": _nobody,
}
