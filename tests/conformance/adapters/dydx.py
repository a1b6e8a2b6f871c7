"""dYdX v4: bankruptcy value and its slices (6.3), the step of a liquidation (16.10), initial margin (4), the
closing limit (15.2)."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from engine.brackets import Brackets
from engine.execution import bankruptcy_cash, bankruptcy_value, closing_value, limit_ticks
from engine.liquidation import Liquidation, plan
from engine.margin.interest import scaled_ppm
from tests.conformance.example import Question
from tests.conformance.registry import adapter
from tests.conformance.scene import Scene
from tests.conformance.units import fine, ppm, signed, text
from tests.conformance.verdict import Answer, Missing

DELEVERAGING = Missing("deleveraging at bankruptcy (6.7, 15.5)")


def closing(scene: Scene, account: str, name: str, lots: int, first: int = 0) -> Fraction:
    """What closing this many lots at bankruptcy pays the account, after the first."""
    line = scene.line(account, name)
    b_num, b_den = bankruptcy_value(scene.own(account), line)
    return scene.money(bankruptcy_cash(b_num, b_den, line.lots, lots, first))


def account_of(cash: Any, sizes: dict[str, Any], oracle: dict[str, Any], mmf: Any, more: list[Any]) -> Scene:
    """The account `a`, one contract for each market."""
    scene = Scene()
    for name, size in sizes.items():
        scene.list(name, [oracle[name]], [size, *more], ppm(mmf))
    scene.hold("a", cash, sizes)
    return scene


@adapter("dYdX v4", "quote_balance_usd positions close_market close_delta oracle mmf", "bankruptcy_quote_usd")
def bankruptcy(q: Question) -> Answer:
    """Quote for the base that is closed; positive: the account receives it."""
    name = q["close_market"]
    scene = account_of(q["quote_balance_usd"], q["positions"], q["oracle"], q["mmf"], [q["close_delta"]])
    return {"bankruptcy_quote_usd": closing(scene, "a", name, abs(scene.lots(name, q["close_delta"])))}


@adapter("dYdX v4", "quote_balance_quantums positions close_delta oracle mmf", "bankruptcy_quote_quantums")
def bankruptcy_in_quantums(q: Question) -> Answer:
    """The same in units of 10^-6, of an account with one position."""
    (name,) = q["positions"]
    scene = account_of(0, q["positions"], {name: q["oracle"]}, q["mmf"], [q["close_delta"]])
    scene.fund("a", q["quote_balance_quantums"])
    paid = closing(scene, "a", name, abs(scene.lots(name, q["close_delta"])))
    return {"bankruptcy_quote_quantums": scene.quantums(paid)}


@adapter("dYdX v4", "position_notional min_notional max_portion", "min max")
def block_limits(q: Question) -> Answer:
    """The least and the most notional of one step: a position without equity, one lot a unit of notional.

    `min` is what a step may take where the portion allows nothing, which no message may say.
    """
    return {"max": _step(q, ppm(q["max_portion"])), "min": _step(q, 0)}


def _step(q: Question, portion_ppm: int) -> Fraction:
    size = q["position_notional"]
    scene = Scene(portion_ppm=portion_ppm, min_notional=text(q["min_notional"]), execution="venue")
    scene.list("X", [1], [size], 1_000_000, lot=fine([size], [1]))
    scene.hold("a", 0, {"X": size}, {"X": 1})
    state = scene.state
    row = state.accounts.row_of["a"]
    state.book.marks[0].awaits_tick = False
    found = plan(state.book, state.accounts, row, Liquidation(1, 1, to_initial=False, scopes=[]), scene.own("a"), 0)
    return scene.size("X", found.lots) if found else Fraction(0)


@adapter("dYdX v4", "base_imf_ppm oi_lower_cap oi_upper_cap open_interest notional_quantums", "initial_margin_quantums")
def initial_margin(q: Question) -> Answer:
    """`ceil(N imf)`, the rate by open interest; both caps zero switch that off."""
    rate = initial_rate(q)["imf_ppm"]
    return {"initial_margin_quantums": Brackets((0,), (rate,), (0,)).amount(q["notional_quantums"])}


@adapter("dYdX v4", "base_imf_ppm oi_lower_cap oi_upper_cap open_interest", "imf_ppm")
def initial_rate(q: Question) -> Answer:
    """The rate itself."""
    return {"imf_ppm": scaled_ppm(q["base_imf_ppm"], q["open_interest"], q["oi_lower_cap"], q["oi_upper_cap"])}


@adapter("dYdX v4", "quote_balance_usd positions close_market oracle mmf BA SMMR", "fillable_price")
def closing_limit(q: Question) -> Answer:
    """The worst price at which a liquidation order may match."""
    name, scene = q["close_market"], Scene()
    for one, size in q["positions"].items():
        sizes = [size]
        scene.list(one, [q["oracle"][one]], sizes, ppm(q["mmf"]), tick=fine([q["oracle"][one]], sizes))
    scene.hold("a", q["quote_balance_usd"], q["positions"])
    line = scene.line("a", name)
    num, den = closing_value(scene.own("a"), line, ppm(q["BA"]), ppm(q["SMMR"]))
    return {"fillable_price": scene.at(name, limit_ticks(scene.contract(name), line.lots, num, den))}


@adapter("dYdX v4", "short_account long_account oracle mmf delta_btc", "bankruptcy_quote_usd")
def deleveraged(q: Question) -> Answer:
    """The price of the transfer; the transfer itself is deleveraging."""
    sizes = {name: size for name, size in q["short_account"].items() if name != "quote"}
    oracle = {name: q["oracle"][name.upper()] for name in sizes}
    scene = account_of(q["short_account"]["quote"], sizes, oracle, q["mmf"], [q["delta_btc"]])
    paid = closing(scene, "a", "btc", abs(scene.lots("btc", q["delta_btc"])))
    return {"bankruptcy_quote_usd": paid, **dict.fromkeys(q.asks.difference(["bankruptcy_quote_usd"]), DELEVERAGING)}


@adapter("dYdX v4", "A B price_after", "B_equity B_bankruptcy_price")
def documented_pair(q: Question) -> Answer:
    """Two sides of one position: the loser's equity and bankruptcy price."""
    own, scene = q["B"], Scene()
    prices, sizes = [q["price_after"], own["entry"]], [own["size"]]
    scene.list("X", prices, sizes, tick=fine(prices, sizes))
    scene.hold("B", own["deposit"], {"X": signed(own["side"], own["size"])}, {"X": own["entry"]})
    b_num, b_den = bankruptcy_value(scene.own("B"), scene.line("B", "X"))
    return {
        "B_equity": scene.money(scene.own("B").equity),
        "B_bankruptcy_price": scene.at("X", limit_ticks(scene.contract("X"), scene.line("B", "X").lots, b_num, b_den)),
        "A_profit_if_deleveraged_at_bankruptcy": DELEVERAGING,
    }
