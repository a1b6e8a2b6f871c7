"""Percolator: gains that have not vested burn first, then the fund, then everybody's equity (15.7)."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from engine.waterfall.unvested import book_deficit, burn_own, unwind
from tests.conformance.adapters.shares import number, units
from tests.conformance.example import Question
from tests.conformance.registry import adapter
from tests.conformance.verdict import Answer, Slip


@adapter("Percolator", "pnl warmed reserved loss")
def own_gains(q: Question) -> Answer:
    """One account's loss; a fund that the row does not limit pays what is left of it."""
    fund = units(q["insurance"]) if "insurance" in q.inputs else None
    burned, drawn, after = burn_own(*(units(q[name]) for name in ("loss", "pnl", "warmed", "reserved")), fund)
    return {
        "haircut_from_unvested": number(burned),
        "insurance_draw": number(drawn),
        "pnl_after": number(after),
    }


@adapter("Percolator", "principal realized warming insurance collateral")
def together(q: Question) -> Answer:
    """All users as one."""
    return crisis(q, [dict(q.inputs)])


@adapter("Percolator", "users insurance collateral")
def by_user(q: Question) -> Answer:
    """The same, user by user."""
    return crisis(q, q["users"])


def crisis(q: Question, users: list[dict[str, Any]]) -> Answer:
    """The deficit counts the fund as held. The source charges what it drew a second time: its haircut is a slip."""
    equities = [units(user[name]) for user in users for name in ("principal", "realized")]
    warming = [units(user["warming"]) for user in users]
    deficit = book_deficit([*equities, *warming], [units(q["collateral"]), units(q["insurance"])])
    found = unwind(deficit, warming, units(q["insurance"]), equities)
    return {
        "initial_deficit": number(deficit),
        "burned_warming": number(found.all_burned_units),
        "warming_left": number(found.all_unvested_after_units),
        "insurance_draw": number(found.drawn_units),
        "insurance_left": number(found.fund_after_units),
        "haircut_ratio": Fraction(*found.haircut),
        "haircut_ratio_in_source": Slip(Fraction(*found.haircut)),
    }
