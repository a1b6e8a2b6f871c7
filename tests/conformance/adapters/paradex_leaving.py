"""Paradex: who leaves while a loss is uncovered takes part of it along (8)."""

from __future__ import annotations

from engine.ledger import insurance
from engine.waterfall.leaving import leaving, withdrawal_factor
from engine.waterfall.losses import Losses
from schemas.governed import LayerMessage
from tests.conformance.adapters.shares import DIGITS, drawn, number, ratio, units
from tests.conformance.example import Question
from tests.conformance.registry import adapter
from tests.conformance.scene import BOOK, Scene
from tests.conformance.verdict import Answer, Slip

FUND = LayerMessage(id="fund", kind="insurance", rank=1)


@adapter("Paradex", "insurance_fund users alice_long entry mark withdraw")
def socialised(q: Question) -> Answer:
    """What the fund leaves of a loss over all the money held. The page's example divides by the money held alone."""
    scene = Scene(decimals=DIGITS)
    scene.list("X", [q["mark"], q["entry"]], [q["alice_long"]])
    scene.hold("alice", q["users"]["alice"], {"X": q["alice_long"]}, {"X": q["entry"]})
    losses, equity = Losses(), scene.own("alice").equity
    if equity < 0:
        losses.add("alice", BOOK, -equity)
    found = drawn([FUND], losses, {insurance(BOOK): units(q["insurance_fund"])})
    factor = withdrawal_factor(found.uncovered, [*map(units, q["users"].values()), units(q["insurance_fund"])])
    kept, left = leaving(units(q["withdraw"]), factor)
    return {
        "alice_account_value": scene.money(equity),
        "exchange_bankruptcy": number(found.uncovered),
        "factor": ratio(factor),
        "factor_in_example": Slip(ratio(factor)),
        "received": Slip(number(kept)),
        "to_fund": Slip(number(left)),
    }
