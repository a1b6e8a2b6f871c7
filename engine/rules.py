"""Parameters and waterfall of a book as integers (RULEBOOK 8, 11, 16.10): versioned data, compiled once."""

from __future__ import annotations

from dataclasses import dataclass, fields

from msgspec import UNSET

from engine.numbers import AMOUNT_BOUND, PPM
from schemas.codes import Code, Refused
from schemas.decimals import units_of
from schemas.governed import LayerMessage, ParametersMessage, WaterfallMessage


@dataclass(frozen=True, slots=True)
class Parameters:
    """`ParametersMessage` with money in units; see there for the meaning of each."""

    late_ms: int
    ahead_ms: int
    call_ms: int
    stop_ppm: int
    liquidation_fee_ppm: int
    is_venue: bool
    order_ms: int
    max_close_ms: int
    window_ms: int
    window_max_ms: int
    round_ms: int
    sale_ms: int
    portion_ppm: int
    min_notional_units: int
    small_lots: int
    per_account_units: int | None
    per_book_units: int | None
    interval_ms: int
    vest_gains: bool
    version: int
    bears_whole: bool = False


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
    """One rung: `cap_units` bounds its draw in one window; `scope` is the insurance scope it is held for."""

    id: str
    kind: str
    rank: int
    scope: str | None
    cap_units: int | None
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

    def before(self, rank: int) -> Waterfall:
        """The layers of lower rank alone."""
        return Waterfall(tuple(layer for layer in self.layers if layer.rank < rank), self.version)


def compile_parameters(message: ParametersMessage, decimals: int) -> Parameters:
    """Refuses CROSSED_PARAMETERS: a window that may end before it is due, a fee above a whole."""
    if message.window_max_ms < message.window_ms:
        raise Refused(Code.CROSSED_PARAMETERS, "window_max_ms is below window_ms")
    if message.liquidation_fee_ppm > PPM:
        raise Refused(Code.CROSSED_PARAMETERS, "liquidation_fee_ppm is above 10^6")
    return Parameters(
        late_ms=message.late_ms, ahead_ms=message.ahead_ms, call_ms=message.call_ms, stop_ppm=message.stop_ppm,
        liquidation_fee_ppm=message.liquidation_fee_ppm, is_venue=message.execution == "venue",
        order_ms=message.order_ms, max_close_ms=message.max_close_ms, window_ms=message.window_ms,
        window_max_ms=message.window_max_ms, round_ms=message.round_ms, sale_ms=message.sale_ms,
        portion_ppm=message.portion_ppm, min_notional_units=money(message.min_notional, decimals),
        small_lots=message.small_lots, per_account_units=optional_money(message.per_account_notional, decimals),
        per_book_units=optional_money(message.per_book_notional, decimals), interval_ms=message.interval_ms,
        vest_gains=message.vest_gains, version=message.version, bears_whole=message.bankruptcy_share == "whole",
    )  # fmt: skip


def compile_waterfall(message: WaterfallMessage, decimals: int) -> Waterfall:
    """Refuses WATERFALL_WITHOUT_END and BAD_WATERFALL (17.12): one `uncovered`, alone and last; ids and kinds in
    order.
    """
    layers = sorted(message.layers, key=lambda layer: layer.rank)
    last = layers[-1]
    if last.kind != "uncovered" or sum(layer.rank == last.rank for layer in layers) > 1:
        raise Refused(Code.WATERFALL_WITHOUT_END, "the last rank must hold one uncovered layer alone")
    if sum(layer.kind == "uncovered" for layer in layers) > 1 or last.cap is not None:
        raise Refused(Code.BAD_WATERFALL, "uncovered is one layer and has no cap")
    if len({layer.id for layer in layers}) < len(layers):
        raise Refused(Code.BAD_WATERFALL, "layer ids must differ")
    funds = [(layer.kind, layer.scope) for layer in layers if layer.kind == "insurance"]
    if len(set(funds)) < len(funds):
        raise Refused(Code.BAD_WATERFALL, "two insurance layers draw on one fund")
    once = [layer.kind for layer in layers if layer.kind not in ("operator", "insurance")]
    if len(set(once)) < len(once):
        raise Refused(Code.BAD_WATERFALL, "only operator and insurance layers may stand more than once")
    return Waterfall(tuple(_compile_layer(layer, decimals) for layer in layers), message.version)


def _compile_layer(layer: LayerMessage, decimals: int) -> Layer:
    if layer.scope is not None and layer.kind != "insurance":
        raise Refused(Code.BAD_WATERFALL, f"layer {layer.id}: only insurance has a scope")
    cap = optional_money(layer.cap, decimals)
    return Layer(layer.id, layer.kind, layer.rank, layer.scope, cap, _compile_deleveraging(layer))


def _compile_deleveraging(layer: LayerMessage) -> Deleveraging | None:
    """None for a layer of another kind; that may not say how, and deleveraging has no cap (17.22)."""
    said = {one.name: getattr(layer, one.name) for one in fields(Deleveraging)}
    said = {name: value for name, value in said.items() if value is not UNSET}
    if layer.kind != "deleveraging":
        if said:
            raise Refused(Code.BAD_WATERFALL, f"layer {layer.id}: only deleveraging has {', '.join(said)}")
        return None
    if layer.cap is not None:
        raise Refused(Code.BAD_WATERFALL, f"layer {layer.id}: deleveraging moves lots, and has no cap")
    return Deleveraging(**said)


def money(text: str, decimals: int) -> int:
    """Money of a rule: zero is allowed, and at most what one message may say (17.3)."""
    units = units_of(text, decimals)
    if units < 0:
        raise Refused(Code.NOT_POSITIVE, f"expected zero or more, found {text}")
    if units > AMOUNT_BOUND:
        raise Refused(Code.AMOUNT_BEYOND_BOUND, f"amount {text} is beyond 2^60 units")
    return units


def optional_money(text: str | None, decimals: int) -> int | None:
    """None stays None: no limit."""
    return None if text is None else money(text, decimals)
