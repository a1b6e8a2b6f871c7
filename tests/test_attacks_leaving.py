"""Leaving when the hole is seen, or just before (RULEBOOK 7, 8, 17.7, 17.10, 17.23)."""

from __future__ import annotations

from typing import Any

import pytest

from engine.clearing import releases, window
from engine.clearing.state import Attempt, ClearingState, Window
from schemas import inputs
from schemas.codes import Code
from schemas.governed import LayerMessage
from schemas.journal import Answer
from tests.attack_venue import GAINS, NARROW, move, withdraw, worth
from tests.hand_venue import Hand

Patch = pytest.MonkeyPatch
OWN = LayerMessage(id="own", kind="defaulter_contribution", rank=1)
FUND = LayerMessage(id="mutual", kind="guarantee_fund", rank=2)
CALLS: dict[str, Any] = {"multiple_ppm": 2_000_000, "call_ms": 1000, "period_days": 20, "period_months": 3}
ASSESSMENT = LayerMessage(id="calls", kind="assessment", rank=3, **CALLS)


def without_hold(patch: Patch) -> None:
    """The guard out: money leaves while a window is open."""
    needs, release = window.needs_round, releases.release

    def asks(state: ClearingState, now: Window) -> bool:
        return needs(state, now) or "withdrawal" in {what for what, _ in state.raised}

    def leaves(state: ClearingState, attempt: Attempt, found: Answer) -> bool:
        held, state.window = state.window, None
        done = release(state, attempt, found)
        state.window = held
        return done

    patch.setattr(window, "needs_round", asks)
    patch.setattr(releases, "release", leaves)


def seen(how: str = "stay") -> Hand:
    """At 80 `a` lacks 50; `w` has won 120 and has 320, `h` has won 80: `w` pays 30. Or it leaves, when it sees that."""
    hand = Hand(GAINS, listing=NARROW, window_ms=1000)
    hand.deposit({"a": 150, "w": 200, "x": 100, "h": 1000})
    hand.trade("a", "w", 6)
    hand.trade("a", "h", 4)
    hand.price(80)
    if how == "withdraw":
        assert withdraw(hand, "w", 320) is None
    elif how == "move":
        assert move(hand, "w", "x", 320) is None
    hand.wait(1000)
    if how == "stay":
        assert withdraw(hand, "w", 290) is None
    return hand


@pytest.mark.parametrize("how", ["withdraw", "move"])
def test_who_leaves_when_the_hole_is_seen_pays_all_the_same(how: str, monkeypatch: Patch) -> None:
    """7: inside a window what was asked waits, stays chargeable, and is judged again. Without the hold: 30 gained."""
    honest = worth(seen(), "w", "x")
    assert honest == 300 + 120 - 30
    assert worth(seen(how), "w", "x") == honest
    without_hold(monkeypatch)
    assert worth(seen(how), "w", "x") == honest + 30


def early(leaves: bool, **rules: Any) -> tuple[Hand, Code | None]:
    """At 90 `w` has won 60 and sells its short to `c`; it takes all out. At 70 `a` lacks 50; `c` and `h` have won."""
    hand = Hand(GAINS, listing=NARROW, window_ms=1000, **rules)
    hand.deposit({"a": 250, "w": 200, "h": 1000, "c": 1000})
    hand.trade("a", "w", 6)
    hand.trade("a", "h", 4)
    hand.price(90)
    hand.trade("w", "c", 6, 90)
    code = withdraw(hand, "w", 260) if leaves else None
    hand.price(70)
    hand.wait(1000)
    return hand, code


def test_gains_that_vest_cannot_leave_before_the_hole() -> None:
    """11, 17.7: with `vest_gains` the 60 stay until the period ends, and pay 50 * 60 / 300 of the loss.

    NOT STOPPED without it, which is the default: who takes its gain out before the hole pays nothing, so it gains 10.
    """
    (honest, _), (attacked, code) = early(False, vest_gains=True), early(True, vest_gains=True)
    assert (worth(honest, "w"), worth(attacked, "w"), code) == (250, 250, Code.OVER_FREE)
    (honest, _), (attacked, code) = early(False), early(True)
    assert (worth(honest, "w"), worth(attacked, "w"), code) == (250, 260, None)


def mutual(how: str) -> tuple[Hand, Code | None]:
    """`w` and `h` have 50 each in the fund when `a` lacks 60."""
    hand = Hand(FUND, listing=NARROW, window_ms=1000)
    hand.contribute({"w": 50, "h": 50})
    hand.deposit({"a": 140, "w": 100, "h": 100, "z": 9000})
    hand.trade("a", "z", 10)
    hand.price(80)
    code = withdraw(hand, "@guarantee/w", 50) if how == "leave" else None
    if how == "dilute":
        hand.contribute({"w": 500})
    hand.wait(1000)
    return hand, code


def test_a_contribution_does_not_leave() -> None:
    """7, 17.7: no transfer takes money out of the fund, window or not: the charge is 30, stay or try to go.

    Nor is anything won by paying in: weights are those of the opening.
    """
    (honest, _), (attacked, code) = mutual("stay"), mutual("leave")
    assert (worth(attacked, "w"), code) == (worth(honest, "w"), Code.RESERVED_ACCOUNT)
    assert worth(honest, "w") == 150 - 30
    assert worth(mutual("dilute")[0], "w") - 500 == 150 - 30


def interest(closes: bool) -> Hand:
    """Ten lots of L, long `x` short `w`, and ten between strangers, when `a` lacks 40 in M."""
    charge = LayerMessage(id="oi", kind="open_interest_charge", rank=1, instrument="L")
    hand = Hand(charge, listing=NARROW, window_ms=1000)
    hand.list("M", **NARROW)
    hand.price(100, "M")
    hand.deposit({"a": 160, "w": 500, "x": 500, "h": 500, "k": 500, "z": 9000})
    hand.trade("x", "w", 10)
    hand.trade("h", "k", 10)
    hand.trade("a", "z", 10, instrument="M")
    hand.price(80, "M")
    if closes:
        hand.trade("w", "x", 10)
    hand.wait(1000)
    return hand


def test_an_open_interest_charge_is_dodged_by_closing_in_the_window() -> None:
    """NOT STOPPED (17.23): its weights are the lots at the marker, not at the opening. Two friends who close against
    each other while the window is open leave their 20 of the 40 to the others.
    """
    assert worth(interest(closes=False), "w", "x") == 1000 - 20
    assert worth(interest(closes=True), "w", "x") == 1000
    assert worth(interest(closes=True), "h", "k") == 1000 - 40


def called(pays: bool) -> Hand:
    """`a` lacks 80: `w` and `h` lose their 20 each in the fund, and are called for 20 more. `w` has 1000 besides."""
    hand = Hand(OWN, FUND, ASSESSMENT, listing=NARROW)
    hand.contribute({"w": 20, "h": 20})
    hand.deposit({"a": 120, "w": 1000, "h": 1000, "z": 9000})
    hand.trade("a", "z", 10)
    hand.price(80)
    assert {one["member"]: one["amount_units"] for one in hand.told("assessment-called")} == {"h": 20, "w": 20}
    for member in ("h", "w") if pays else ("h",):
        hand.send(inputs.Contribution, member=member, amount="20", account=member)
    hand.wait(1000)
    return hand


def test_who_does_not_pay_a_call_keeps_what_its_accounts_hold() -> None:
    """NOT STOPPED (17.23): a missed call is met by the member's contribution, then by the others, never by its own
    accounts, and nothing holds these back. Not to pay gains the whole call.
    """
    assert worth(called(pays=True), "w") == 1000 - 20
    hand = called(pays=False)
    assert (hand.told("assessment-missed")[0]["member"], withdraw(hand, "w", 1000)) == ("w", None)
    assert worth(hand, "w") == 1000
