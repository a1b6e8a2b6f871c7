"""Prices that each cause one answer, and what a venue needs for them (`benchmarks.latency`).

Prices fall by a step; in either instrument longs stand in a row, one of whom falls at each. `ORDER`: below maintenance,
and all stay above zero to the end. `LOSS`: from above maintenance to below zero in one step, so there is a loss.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from benchmarks.venue import BASE, reference
from schemas import inputs
from schemas.governed import Bracket, InstrumentMessage, ParametersMessage
from schemas.message import Input
from streams.live.frames import Frame, InputsFrame
from streams.live.readers import Role

TIME_MS = 1_723_161_255_000
START = 10_000.0
FUNDED = 9_973  # accounts of the trades that go on meanwhile
STEPS = {"ORDER": 0.5, "LOSS": 2.0}
RATES_PPM = {"ORDER": 50_000, "LOSS": 100}


@dataclass(slots=True)
class Ping:
    """One path: a price of `instrument` into a topic, a record of `kind` out of another; `role` is who says it."""

    name: str
    instrument: str
    topic: str
    kind: str
    role: Role
    executions: tuple[str, ...]
    into: str = "prices"
    number: int = 0

    def is_of(self, message: Input) -> bool:
        """Whether an input is a price of this path."""
        return isinstance(message, inputs.Price) and message.instrument == self.instrument

    def next(self) -> bytes:
        """The next price."""
        self.number += 1
        mark: float = 120 + 40 * (self.number % 2)  # held by its band: never two that agree
        if self.instrument in STEPS:
            mark = START - STEPS[self.instrument] * self.number
        name = f"{self.instrument}/{self.number}"
        one = inputs.Price(id=name, time_ms=TIME_MS + 1, instrument=self.instrument, mark=f"{mark:.4f}", **BASE)
        return msgspec.json.encode(one)


def paths() -> tuple[Ping, ...]:
    """The bare round trip, then the three."""
    return (
        Ping("bare round trip", "HELD", "bare", "", Role(), ("venue", "simulated"), into="bare"),
        Ping("price to event", "HELD", "events", "mark-held", Role(), ("venue",)),
        Ping("price to liquidation order", "ORDER", "liquidations", "liquidation-ordered", Role(0, 1), ("venue",)),
        Ping("price to loss-allocated", "LOSS", "socialized-losses", "loss-allocated", Role(), ("simulated",)),
    )


def parameters(execution: Any, version: int) -> ParametersMessage:
    """The rules, with one way of execution."""
    rule: dict[str, Any] = {**BASE, "time_ms": TIME_MS, "version": version, "author": "bench", "reason": "bench"}
    return ParametersMessage(id=f"rules/{version}", execution=execution, **rule)


def opening(texts: dict[str, str], count: int) -> dict[str, list[Input]]:
    """By topic: listings, money for all, and `count` longs in either instrument whose prices fall."""
    listed: list[Input] = []
    for one in reference({**texts, "HELD": "100", **dict.fromkeys(STEPS, f"{START:.4f}")}):
        one = msgspec.structs.replace(one, time_ms=TIME_MS)
        if isinstance(one, InstrumentMessage) and one.instrument in RATES_PPM:
            rate = RATES_PPM[one.instrument]
            mm, im = [Bracket("0", rate)], [Bracket("0", 2 * rate)]
            one = msgspec.structs.replace(one, mm_brackets=mm, im_brackets=im)
        elif isinstance(one, InstrumentMessage) and one.instrument == "HELD":
            one = msgspec.structs.replace(one, band_ppm=1)
        elif isinstance(one, ParametersMessage):
            one = parameters("venue", 1)
        listed.append(one)
    money = {f"m{number}/main": 50_000_000.0 for number in range(FUNDED)} | {"short": 50_000_000.0}
    positions: list[Input] = []
    for name in STEPS:
        for number in range(1, count + 1):
            account = f"{name}{number}"
            money[account] = _cash(name, number)
            parts: dict[str, Any] = {"buyer": account, "seller": "short", "instrument": name, "quantity": "1"}
            positions.append(inputs.Trade(id=account, time_ms=TIME_MS, price=f"{START:.4f}", **parts, **BASE))
    transfers: list[Input] = [
        inputs.Deposit(id=f"in/{account}", time_ms=TIME_MS, account=account, amount=f"{units:.6f}", **BASE)
        for account, units in money.items()
    ]
    first: list[Input] = [inputs.Price(id="first", time_ms=TIME_MS, instrument="HELD", mark="100", **BASE)]
    return {"reference": listed, "transfers": transfers, "trades": positions, "prices": first}


def _cash(name: str, number: int) -> float:
    """What a long of one lot at START must have to fall at the price `number`, and not at the one before."""
    step = STEPS[name]
    if name == "LOSS":
        return step * number - step / 4
    return START - (1 - RATES_PPM[name] / 1e6) * (START - step * number + step / 2)


def told(frame: Frame) -> tuple[str, str]:
    """Who wrote a frame, and what stands in it."""
    if isinstance(frame, InputsFrame):
        return "intake", ", ".join(sorted({str(one.__struct_config__.tag) for one in frame.messages}))
    return frame.head.source, ", ".join(sorted({str(one.__struct_config__.tag) for one in frame.entries}))
