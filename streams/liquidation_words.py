"""What each event of a liquidation says, in a line: figures as they stand in the event, and the rulebook's sections."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from streams.present import Fields

Say = Callable[[Fields], str]
ENDS = {
    "liquidation-ended": "its equity meets the stop, or nothing is owed: healthy (rulebook 5, 6.2)",
    "default-declared": "nothing was left: the default of its member (rulebook 7, 17.10)",
}
_REASONS = {"maintenance": "equity below maintenance margin", "call": "a margin call was not met"}


def _triggered(one: Fields) -> str:
    marks = ", ".join(f"{name} at {price}" for name, price in one["marks"].items())
    why = _REASONS.get(one["reason"], one["reason"])
    return f"triggered, {why}: equity {one['equity']}, MM {one['mm']}, IM {one['im']}; marks: {marks} (rulebook 5, 6)"


def _ordered(one: Fields) -> str:
    limit = f"limit {one['limit']}" if one["limit_ticks"] is not None else "no limit"
    return (
        f"order {one['liquidation_id']}: {one['quantity']} {one['instrument']}, {limit}, mark {one['mark']}, until "
        f"{one.get('deadline', one['deadline_ms'])}; bankruptcy value of the position {one['bankruptcy']} "
        "(rulebook 6.3, 17.9)"
    )


def _order_filled(one: Fields) -> str:
    return (
        f"fill of {one['liquidation_id']}: {one['quantity']} {one['instrument']} at {one['price']}, "
        f"mark {one['mark']}: cash {one['cash']}, fee {one['fee']}; "
        f"{one['unfilled_quantity']} of the order left (rulebook 6.4, 6.5)"
    )


def _filled(one: Fields) -> str:
    return (
        f"plan and fill in the simulated market: {one['quantity']} {one['instrument']}, mark {one['mark']}, "
        f"{one['x_quantity']} closed on that side before: cash {one['cash']}, fee {one['fee']}; @market took it "
        "(rulebook 6.2, 6.4, 6.5)"
    )


def _left(how: str) -> Say:
    """Lots that went another way than the market."""
    return lambda one: f"{one['quantity']} {one['instrument']} {how}, cash {one['cash']}, mark {one['mark']}"


def _deleveraged(one: Fields) -> str:
    whom = [f"{row['account']} {row['lots']}" for draw in one["draws"] for row in draw["shares"] if row["lots"]]
    whom += [f"@market {one['market_lots']}"] if one["market_lots"] else []
    refused = f"; {one['refused_lots']} found no room and are torn up" if one["refused_lots"] else ""
    return (
        f"deleveraging of {one['lots']} lots of {one['instrument']} by layer {one['layer']}, price {one['price']}, "
        f"draw {one['draw']}: each for {Fraction(one['paid_num'], one['paid_den'])} units; given by "
        f"{', '.join(whom) or 'nobody'}{refused} (rulebook 6.7, 17.22)"
    )


def _declared(one: Fields) -> str:
    paid = "".join(f", its account {name} pays {text}" for name, text in one["recourse"].items())
    return f"default of {one['member']} in window {one['window']}{paid}: shortfall {one['shortfall']}"


WORDS: dict[str, Say] = {
    "margin-call-missed": lambda one: f"margin call missed: equity {one['equity']}, IM {one['im']}",
    "hole-found": lambda one: f"a hole: equity {one['equity']} (rulebook 7)",
    "liquidation-triggered": _triggered,
    "orders-cancelled": lambda _: "its resting orders are cancelled (rulebook 6.1)",
    "liquidation-ordered": _ordered,
    "liquidation-order-filled": _order_filled,
    "filled-beyond-limit": lambda one: f"alarm: {one['liquidation_id']} was filled beyond its limit (rulebook 6.3)",
    "liquidation-order-ended": lambda one: f"order {one['liquidation_id']} ended, {one['unfilled_lots']} lots unfilled",
    "liquidation-filled": _filled,
    "position-taken-over": _left(
        "taken over by @backstop (at bankruptcy value, below zero at the mark; rulebook 6.6, 17.9)"
    ),
    "position-deleveraged": _left("left for deleveraging (rulebook 6.7, 17.22)"),
    "deleveraging-allocated": _deleveraged,
    "position-torn-up": _left("torn up at the mark: nobody took it (rulebook 17.9)"),
    "collateral-offered": lambda one: f"collateral for sale: {one['quantity']} {one['asset']}, mark {one['mark']}",
    "collateral-sold": lambda one: f"{one['buyer']} buys {one['quantity']} {one['asset']} for {one['pay']} (17.11)",
    "default-declared": _declared,
    "liquidation-ended": lambda one: f"ended: equity {one['equity']}, MM {one['mm']}",
}
