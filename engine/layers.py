"""The layers of a waterfall as compiled from its message (RULEBOOK 8, 17.12, 17.22, 17.23)."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from msgspec import UNSET, structs

from engine.ledger import OPERATOR
from engine.numbers import PPM
from engine.rules import money, optional_money
from schemas.codes import Code, Refused
from schemas.governed import LayerMessage, WaterfallMessage


@dataclass(frozen=True, slots=True)
class Deleveraging:
    """How a layer of deleveraging works; see `LayerMessage` for the meaning of each."""

    price: str = "reserve"
    draw: str = "queue"
    score: str = "hyperliquid"
    band_ppm: int = 0
    most_ppm: int = PPM
    power: int = 1


@dataclass(frozen=True, slots=True)
class Layer:
    """One rung: `cap_units` bounds its draw in one window; `scope` is the insurance scope it is held for.

    The fields of the variants are those of `LayerMessage`, each nothing where it is left out.
    """

    id: str
    kind: str
    rank: int
    scope: str | None
    cap_units: int | None
    member_cap_units: int | None = None
    over_cap: str = "reshare"
    valid_from_ms: int = 0
    valid_to_ms: int | None = None
    premium_ppm: int = 0
    owner: str = OPERATOR
    theta_ppm: int = PPM
    instrument: str = ""
    multiple_ppm: int = 0
    call_ms: int = 0
    period_days: int = 0
    period_months: int = 0
    refill_ms: int = 0
    deleveraging: Deleveraging | None = None


@dataclass(frozen=True, slots=True)
class Waterfall:
    """Layers in order of rank, then of the message; `ranks` groups those that share (pari passu)."""

    layers: tuple[Layer, ...]
    version: int

    def ranks(self) -> list[list[Layer]]:
        """The pari passu groups, first drawn first. Deleveraging moves lots, not money: it is in none."""
        groups: dict[int, list[Layer]] = {}
        for layer in self.layers:
            if layer.deleveraging is None:
                groups.setdefault(layer.rank, []).append(layer)
        return list(groups.values())

    def at(self, time_ms: int) -> Waterfall:
        """The layers that are there for a window that opens then."""
        there = [
            x for x in self.layers if x.valid_from_ms <= time_ms and (x.valid_to_ms is None or time_ms < x.valid_to_ms)
        ]
        return self if len(there) == len(self.layers) else Waterfall(tuple(there), self.version)

    def of_kind(self, kind: str) -> Layer | None:
        """The layer of a kind that stands once."""
        return next((layer for layer in self.layers if layer.kind == kind), None)

    def money_before(self, rank: int) -> Waterfall:
        """The layers of lower rank that hold money: neither a claim nor a charge on accounts is any yet (17.22)."""
        found = (layer for layer in self.layers if layer.rank < rank and layer.kind not in CHARGING | {"assessment"})
        return Waterfall(tuple(found), self.version)


def compile_waterfall(message: WaterfallMessage, decimals: int) -> Waterfall:
    """Refuses WATERFALL_WITHOUT_END and BAD_WATERFALL (17.12, 17.23): one `uncovered`, alone, last and always there;
    ids and kinds in order; each layer with the fields of its kind.
    """
    layers = sorted(message.layers, key=lambda layer: layer.rank)
    last = layers[-1]
    if last.kind != "uncovered" or sum(layer.rank == last.rank for layer in layers) > 1:
        raise Refused(Code.WATERFALL_WITHOUT_END, "the last rank must hold one uncovered layer alone")
    if sum(layer.kind == "uncovered" for layer in layers) > 1 or last.cap is not None or _said(last):
        raise Refused(Code.BAD_WATERFALL, "uncovered is one layer, without a cap, and always there")
    if len({layer.id for layer in layers}) < len(layers):
        raise Refused(Code.BAD_WATERFALL, "layer ids must differ")
    funds = [(layer.kind, layer.scope) for layer in layers if layer.kind == "insurance"]
    if len(set(funds)) < len(funds):
        raise Refused(Code.BAD_WATERFALL, "two insurance layers draw on one fund")
    once = [(layer.kind, layer.instrument) for layer in layers if layer.kind not in ("operator", "insurance")]
    if len(set(once)) < len(once):
        raise Refused(Code.BAD_WATERFALL, "only operator and insurance layers may stand more than once")
    charging = [layer.rank for layer in layers if layer.kind in CHARGING]
    if len(set(charging)) < len(charging):
        raise Refused(Code.BAD_WATERFALL, "two layers of one rank charge members' accounts")
    return Waterfall(tuple(_compile_layer(layer, decimals) for layer in layers), message.version)


CHARGING = {"unvested", "gains_haircut", "equity_haircut", "open_interest_charge"}

# Which kinds take which fields of a variant, and which they must say.
MEMBERS = {"guarantee_fund", "replenished", "assessment", "unvested", "gains_haircut", "equity_haircut"}
_HOW = tuple(one.name for one in fields(Deleveraging))
_TAKEN_BY = {
    "member_cap": MEMBERS, "over_cap": MEMBERS, "premium_ppm": {"insurance"}, "owner": {"insurance"},
    "theta_ppm": {"equity_haircut"},
    "instrument": {"open_interest_charge"}, "multiple_ppm": {"assessment"}, "call_ms": {"assessment"},
    "period_days": {"assessment"}, "period_months": {"assessment"},
    "refill_ms": {"assessment"},
    **{name: {"deleveraging"} for name in _HOW},
}  # fmt: skip
_MUST_SAY = {
    "assessment": ("multiple_ppm", "call_ms", "period_days", "period_months"),
    "open_interest_charge": ("instrument",),
}


def _said(layer: LayerMessage) -> dict[str, Any]:
    """The fields of variants that a layer does not leave out."""
    found = structs.asdict(layer)
    return {name: found[name] for name in (*_TAKEN_BY, "valid_from_ms", "valid_to_ms") if found[name] is not UNSET}


def _compile_layer(layer: LayerMessage, decimals: int) -> Layer:
    if layer.scope is not None and layer.kind != "insurance":
        raise Refused(Code.BAD_WATERFALL, f"layer {layer.id}: only insurance has a scope")
    said = _said(layer)
    for name in said:
        if layer.kind not in _TAKEN_BY.get(name, {layer.kind}):
            raise Refused(Code.BAD_WATERFALL, f"layer {layer.id}: {layer.kind} has no {name}")
    for name in _MUST_SAY.get(layer.kind, ()):
        if name not in said:
            raise Refused(Code.BAD_WATERFALL, f"layer {layer.id}: {layer.kind} needs {name}")
    if said.get("valid_to_ms", 2**63) <= said.get("valid_from_ms", 0):
        raise Refused(Code.BAD_WATERFALL, f"layer {layer.id} ends before it begins")
    if not f"{said.get('owner', OPERATOR)}/".startswith(f"{OPERATOR}/"):
        raise Refused(Code.BAD_WATERFALL, f"layer {layer.id}: a premium goes to an account of the operator")
    if "over_cap" in said and "member_cap" not in said:
        raise Refused(Code.BAD_WATERFALL, f"layer {layer.id}: over_cap needs member_cap")
    if "member_cap" in said:
        said["member_cap_units"] = money(said.pop("member_cap"), decimals)
    if layer.kind == "deleveraging":
        if layer.cap is not None:
            raise Refused(Code.BAD_WATERFALL, f"layer {layer.id}: deleveraging moves lots, and has no cap")
        said["deleveraging"] = Deleveraging(**{name: said.pop(name) for name in _HOW if name in said})
    return Layer(layer.id, layer.kind, layer.rank, layer.scope, optional_money(layer.cap, decimals), **said)
