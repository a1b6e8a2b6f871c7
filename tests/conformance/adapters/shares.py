"""One amount over many (8, 9): pari passu layers, torn-up lots, charges by lots, the rate of a haircut."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from engine.allocation import Allocation, allocate
from engine.layers import compile_waterfall
from engine.waterfall.losses import Losses
from engine.waterfall.settle import Resources, Settlement, settle
from schemas.decimals import decimal_text, units_of
from schemas.governed import LayerMessage, WaterfallMessage
from tests.conformance.example import Question
from tests.conformance.registry import adapter
from tests.conformance.scene import BOOK, RULE, UNCOVERED
from tests.conformance.units import text
from tests.conformance.verdict import Answer, Missing

DIGITS = 9  # a quota is the share in a finer unit


def units(number: Any) -> int:
    """Money in units of 10^-9."""
    return units_of(text(number), DIGITS)


def number(count: int, digits: int = DIGITS) -> Fraction:
    """The same back."""
    return Fraction(decimal_text(count, digits))


def ratio(found: tuple[int, int]) -> Fraction:
    """A rate."""
    return Fraction(*found)


def level(found: Allocation) -> Fraction | Missing:
    """What each unit of weight carries: the rate of a charge or of a haircut."""
    if not found.level_weight:
        return Missing("a rate where everybody pays all (15.7)")
    return Fraction(found.level_units, found.level_weight)


def drawn(
    layers: list[LayerMessage], losses: Losses, balances: dict[str, int], contributions: dict[str, int] | None = None
) -> Settlement:
    """A waterfall of named funds over losses; contributions as they stood at the opening."""
    message = WaterfallMessage(book=BOOK, id="w", time_ms=0, layers=[*layers, UNCOVERED], **RULE)
    return settle(compile_waterfall(message, DIGITS), losses, Resources(BOOK, balances, contributions or {}, {}))


@adapter("Pro rata own + member layer", "assessments_called further_dedicated loss_in_layer", "members ccp")
def pari_passu(q: Question) -> Answer:
    """Two sources in one rank share by size; assessments that were called and paid are a fund."""
    layers = [LayerMessage(id=name, kind="operator", rank=1) for name in ("members", "ccp")]
    sizes = {"members": units(q["assessments_called"]), "ccp": units(q["further_dedicated"])}
    losses = Losses()
    losses.add("defaulter", BOOK, units(q["loss_in_layer"]))
    paid = drawn(layers, losses, {f"@operator/{name}": size for name, size in sizes.items()}).paid
    return {name: number(paid.get(f"@operator/{name}", 0)) for name in sizes}


@adapter("Partial tear-up allocation", "defaulter_long_lots offsetting_short_lots", "lots quota")
@adapter("Partial tear-up allocation", "defaulter_short_lots offsetting_long_lots", "lots quota")
def torn_up(q: Question) -> Answer:
    """Lots by section 9; the quotas are the same call in parts of a lot."""
    (torn,) = (value for name, value in q.inputs.items() if name.startswith("defaulter"))
    (sides,) = (value for name, value in q.inputs.items() if name.startswith("offsetting"))
    names, weights = sorted(sides), [sides[name] for name in sorted(sides)]
    quotas = allocate(units(torn), weights).shares.tolist()
    return {
        "lots": dict(zip(names, allocate(torn, weights, weights).shares.tolist(), strict=True)),
        "quota": {name: number(quota) for name, quota in zip(names, quotas, strict=True)},
    }


@adapter("Socialised loss per contract", "loss positions", "per_contract loss_by")
def by_contracts(q: Question) -> Answer:
    """A charge on both sides by size."""
    sizes = {name: abs(units(size)) for name, size in sorted(q["positions"].items())}
    found = allocate(units(q["loss"]), list(sizes.values()))
    shares = dict(zip(sizes, map(number, found.shares.tolist()), strict=True))
    return {"per_contract": level(found), "loss_by": shares}


@adapter("ADL research", "deficit winner_equity", "haircut_rate")
def haircut(q: Question) -> Answer:
    """`h = D / W`: the level of the deficit over what the winners have."""
    winners = q["winner_equity"]
    weights = [units(one) for one in (winners if isinstance(winners, list) else [winners])]
    return {"haircut_rate": level(allocate(units(q["deficit"]), weights, weights))}
