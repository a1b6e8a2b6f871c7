"""Synthetix: how much may be liquidated in one window (15.4), and what a retry inside it, or after it, does."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from typing import Any

from engine.numbers import PPM
from engine.pace import window_lots
from schemas.decimals import decimal_text, units_of
from tests.conformance.example import Question
from tests.conformance.registry import adapter
from tests.conformance.scene import Scene
from tests.conformance.units import ppm, text
from tests.conformance.verdict import Answer

DIGITS = 6


@adapter("Synthetix v3", "maker_fee taker_fee skew_scale multiplier window_s position", "max_per_window")
def window_pace(q: Question) -> Answer:
    """A window's limit is the notional that all accounts may close in one interval, a unit of money a unit of size.

    The account has no equity, and closing costs nothing: only closing all of it is enough.
    """
    window_ms = _ms(q["window_s"])
    scale = units_of(text(q["skew_scale"]), DIGITS)
    most = window_lots(ppm(q["maker_fee"]), ppm(q["taker_fee"]), scale, ppm(q["multiplier"]), window_ms)
    limit = decimal_text(most, DIGITS)
    scene = Scene(decimals=DIGITS, per_book_notional=limit, interval_ms=window_ms)
    scene.list("X", [1], [q["position"]], PPM)
    scene.hold("a", 0, {"X": q["position"]}, {"X": 1})
    scene.price("X", 1)
    return {"max_per_window": Fraction(limit), "left_after_first": _left(scene), **_retries(q, scene)}


def _retries(q: Question, scene: Scene) -> Answer:
    """What each retry closes, or leaves, that the row names by its second."""
    answer: Answer = {}
    named = [found for name in q.asks if (found := re.fullmatch(r"retry_at_(\d+)s_(left|liquidates)", name))]
    for retry in sorted(named, key=lambda one: int(one[1])):
        heard = len(scene.events)
        scene.wait(_ms(retry[1]))
        lots = [event.lots for event in scene.events[heard:] if event.kind == "liquidation-filled"]
        answer[retry[0]] = _left(scene) if retry[2] == "left" else scene.size("X", abs(lots[0]) if lots else 0)
    return answer


def _left(scene: Scene) -> Fraction:
    return scene.size("X", scene.holding("a").positions[0])


def _ms(seconds: Any) -> int:
    return int(Decimal(seconds).scaleb(3))
