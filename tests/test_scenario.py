"""Scenarios: their logs decode, balance, repeat to the byte, and leave nobody under-margined at the start."""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.contracts import compile_asset, compile_instrument
from engine.layers import compile_waterfall
from engine.rules import compile_parameters
from schemas.governed import AssetMessage, Bracket, Command, InstrumentMessage, ParametersMessage, WaterfallMessage
from schemas.inputs import TOPICS, Deposit, Price, Trade
from schemas.message import Input
from streams.scenario import UnknownMarketFile, make_scenario
from streams.scenario.holdings import pair_off
from streams.scenario.market import accepted_ticks
from streams.scenario.venues import margin_tables

DATA = Path(__file__).resolve().parent.parent / "data"
FILES = (
    "bitmex_xbtusd_1m_20200311_20200314.csv",
    "ftx_btc_perp_1m_20220120_20220125.csv",
    "ethusdt_1m_quotes_liquidations_20210109_20210113.csv",
    "binance_spot_2h_20200308_20200316.csv",
    "binance_spot_30m_20240803_20240807.csv",
    "binance_spot_15m_20251009_20251012.csv",
    "binance_trades_2023_2024.csv.gz",
    "binance_bbo_20240808_20240809.csv.gz",
)
BITMEX, BINANCE_2H, TAPE = FILES[0], FILES[3], FILES[6]
ACCOUNTS = 60
Logs = dict[str, list[Any]]


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Logs]:
    """Each file's scenario, decoded strictly, topic by topic."""
    made = {}
    for name in FILES:
        out = tmp_path_factory.mktemp(name)
        make_scenario(DATA / name, ACCOUNTS, 7, out)
        made[name] = {topic: list(decoded(out, topic)) for topic in TOPICS}
    return made


def decoded(out: Path, topic: str) -> Iterator[Input]:
    """Every line of a topic as its struct; an unknown field, a wrong type or a wrong topic raises."""
    kinds: Any = TOPICS[topic][0]
    for kind in TOPICS[topic][1:]:
        kinds = kinds | kind
    decoder = msgspec.json.Decoder(kinds, strict=True)
    with (out / f"{topic}.jsonl").open("rb") as file:
        for line in file:
            yield decoder.decode(line)


def of(log: list[Any], kind: type[Any]) -> list[Any]:
    """Messages of one kind."""
    return [message for message in log if isinstance(message, kind)]


@pytest.mark.parametrize("name", FILES)
def test_logs_are_sorted_and_their_ids_are_unique(logs: dict[str, Logs], name: str) -> None:
    """Time never falls within a topic and no id comes twice: a merge by time and rank takes them as they are."""
    for topic, messages in logs[name].items():
        times = [message.time_ms for message in messages]
        assert messages, topic
        assert times == sorted(times)
        assert len({message.id for message in messages}) == len(messages)
        assert {message.book for message in messages} == {logs[name]["reference"][0].book}


@pytest.mark.parametrize("name", FILES)
def test_the_setup_comes_in_order(logs: dict[str, Logs], name: str) -> None:
    """Rules, then isolated accounts, then money, then prices, then trades; nothing uses what is not there yet."""
    log = logs[name]
    firsts = [log[topic][0].time_ms for topic in ("reference", "commands", "transfers", "prices", "trades")]
    assert firsts == sorted(set(firsts))
    assert {message.time_ms for message in log["reference"]} == {firsts[0]}
    opened = {c.account: c for c in of(log["commands"], Command)}
    known = {account for deposit in of(log["transfers"], Deposit) for account in [deposit.account]}
    assert set(opened) <= known
    assert all(command.limited and command.time_ms < firsts[2] for command in opened.values())
    assert all("/" in account for account in opened)


@pytest.mark.parametrize("name", FILES)
def test_positions_are_on_lots_and_between_two_parties(logs: dict[str, Logs], name: str) -> None:
    """Each instrument's opening positions sum to zero, both sides exist, and no trade exceeds the bound."""
    log = logs[name]
    listed = {i.instrument: i for i in of(log["reference"], InstrumentMessage)}
    held = positions(log, opening_only=True)
    for symbol, instrument in listed.items():
        lots = [quantity for (_, other), quantity in held.items() if other == symbol]
        assert sum(lots) == 0
        assert any(quantity > 0 for quantity in lots)
        assert all((quantity / Fraction(instrument.lot)).denominator == 1 for quantity in lots)
    for trade in of(log["trades"], Trade):
        assert trade.buyer != trade.seller
        assert Fraction(trade.quantity) <= 4 * Fraction(listed[trade.instrument].position_limit)
        assert (Fraction(trade.price) / Fraction(listed[trade.instrument].tick)).denominator == 1


@pytest.mark.parametrize("name", FILES)
def test_everybody_opens_with_initial_margin(logs: dict[str, Logs], name: str) -> None:
    """Equity after the opening trades is at least IM, by exact arithmetic with member-level brackets (17.5)."""
    log = logs[name]
    equity, required = opening_margin(log)
    short = {account for account, need in required.items() if equity[account] < need}
    assert required
    assert not short


@pytest.mark.parametrize("name", [BITMEX, BINANCE_2H])
def test_the_large_open_with_initial_margin_too(tmp_path: Path, name: str) -> None:
    """A whole venue in a hundred accounts: upper brackets bite, and a member's accounts are judged together."""
    make_scenario(DATA / name, 100, 5, tmp_path, scale=1.0, size_cap=0.5, cross_leverage=100.0)
    equity, required = opening_margin({topic: list(decoded(tmp_path, topic)) for topic in TOPICS})
    assert not {account for account, need in required.items() if equity[account] < need}


@pytest.mark.parametrize("name", FILES)
def test_prices_are_within_their_bounds(logs: dict[str, Logs], name: str) -> None:
    """Every price is on its tick and at most the listed bound: bad prints are held by the band, not refused."""
    log = logs[name]
    listed: dict[str, Any] = {i.instrument: i for i in of(log["reference"], InstrumentMessage)}
    listed |= {asset.asset: asset for asset in of(log["reference"], AssetMessage)}
    for price in of(log["prices"], Price):
        quoted = listed[price.instrument or price.asset]
        assert (Fraction(price.mark) / Fraction(quoted.tick)).denominator == 1
        assert 0 < Fraction(price.mark) <= Fraction(quoted.max_price)


@pytest.mark.parametrize("name", FILES)
def test_the_engine_lists_what_the_scenario_writes(logs: dict[str, Logs], name: str) -> None:
    """The engine's own refusals (bounds, brackets, waterfall) find nothing."""
    reference = logs[name]["reference"]
    decimals = reference[0].decimals
    for message in reference[1:]:
        match message:
            case InstrumentMessage():
                compile_instrument(message, decimals, message.book)
            case AssetMessage():
                compile_asset(message, decimals)
            case ParametersMessage():
                compile_parameters(message, decimals)
            case WaterfallMessage():
                compile_waterfall(message, decimals)


@pytest.mark.parametrize("name", [BITMEX, BINANCE_2H, TAPE])
def test_the_same_seed_gives_the_same_bytes(tmp_path: Path, name: str) -> None:
    """(file, accounts, seed) decide every byte; another seed decides others."""
    for out, seed in (("a", 3), ("b", 3), ("c", 4)):
        make_scenario(DATA / name, 30, seed, tmp_path / out)
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert files == sorted([*(f"{topic}.jsonl" for topic in TOPICS), "scenario.json"])
    same = {file: (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes() for file in files}
    assert all(same.values())
    assert (tmp_path / "a" / "trades.jsonl").read_bytes() != (tmp_path / "c" / "trades.jsonl").read_bytes()


def test_bars_give_prices_inside_their_own_time_and_range(logs: dict[str, Logs]) -> None:
    """Four prices a bar that traded, none for one that did not, each within [low, high] and the bar's interval."""
    with (DATA / BITMEX).open(encoding="utf-8") as file:
        bars = [row for row in csv.DictReader(file) if float(row["volume_usd_contracts"]) > 0]
    prices = of(logs[BITMEX]["prices"], Price)[1:]
    assert len(prices) == 4 * len(bars)
    for at, bar in enumerate(bars):
        own = prices[4 * at : 4 * at + 4]
        assert all(int(bar["bar_start_ms"]) < price.time_ms <= int(bar["bar_end_ms"]) for price in own)
        marks = [float(price.mark) for price in own]
        assert (min(marks), max(marks)) == (float(bar["low"]), float(bar["high"]))
        assert marks[3] == float(bar["close"])


def test_the_bad_print_stays_in_and_its_band_holds_it(logs: dict[str, Logs]) -> None:
    """LINKUSDT at 0.0001 is in the log; it is one print beyond the band, and the next real one is inside again."""
    log = logs[BINANCE_2H]
    (link,) = [i for i in of(log["reference"], InstrumentMessage) if i.instrument == "LINKUSDT"]
    prices = [p for p in of(log["prices"], Price) if p.instrument == "LINKUSDT"]
    (bad,) = [at for at, price in enumerate(prices) if price.mark == "0.0001"]
    before, after = float(prices[bad - 1].mark), float(prices[bad + 1].mark)
    assert abs(0.0001 - before) > link.band_ppm / 1e6 * before
    assert abs(after - before) <= link.band_ppm / 1e6 * before
    assert prices[bad + 1].time_ms - prices[bad].time_ms < link.hold_ms
    traded = [float(t.price) for t in of(log["trades"], Trade) if t.instrument == "LINKUSDT"]
    assert min(traded) > 0.5


def test_a_crash_passes_the_band() -> None:
    """BitMEX's worst minutes move the accepted price at once: nothing real is held."""
    with (DATA / BITMEX).open(encoding="utf-8") as file:
        closes = [int(2 * float(row["close"])) for row in csv.DictReader(file)]
    ticks = np.array(closes, dtype=np.int64)
    assert accepted_ticks(ticks, 250_000).tolist() == closes


def test_a_takeover_print_is_a_trade_and_no_price(tmp_path: Path) -> None:
    """Session 1's INSURANCE_FUND row is booked, but moves no mark; all other rows do both."""
    with gzip.open(DATA / TAPE, "rt", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["market"] == "um" and row["session"] == "1"]
    make_scenario(DATA / TAPE, 50, 1, tmp_path, session=1)
    prices, trades = list(decoded(tmp_path, "prices")), of(list(decoded(tmp_path, "trades")), Trade)
    opening = min(trade.time_ms for trade in trades)
    real = [trade for trade in trades if trade.time_ms > opening]
    assert [(t.time_ms, t.price, Fraction(t.quantity)) for t in real] == [
        (int(r["trade_ts_ms"]), f"{float(r['price']):.1f}", Fraction(r["qty"])) for r in rows
    ]
    assert len(of(prices, Price)) == 1 + len(rows) - 1
    assert "28722.5" in {t.price for t in real} - {p.mark for p in of(prices, Price)}


def test_collateral_is_listed_priced_and_held_in_books_of_several_coins(logs: dict[str, Logs]) -> None:
    """Some members of the multi-coin book put up bitcoin, which has its own prices."""
    log = logs[BINANCE_2H]
    assert [asset.asset for asset in of(log["reference"], AssetMessage)] == ["BTC"]
    marks = {(p.time_ms, p.mark) for p in of(log["prices"], Price) if p.asset == "BTC"}
    assert marks == {(p.time_ms, p.mark) for p in of(log["prices"], Price) if p.instrument == "BTCUSDT"}
    assert any(deposit.asset == "BTC" for deposit in of(log["transfers"], Deposit))


def test_margin_tables_are_those_published() -> None:
    """Spot checks against the sources: BitMEX at 250 XBT, Binance's maintenance amount, FTX's curve at 2,500 BTC."""
    maintenance, initial = margin_tables("bitmex", "XBTUSD")
    assert (maintenance[1], initial[1]) == ((200, 10_000), (200, 15_000))
    maintenance, _ = margin_tables("binance", "BTCUSDT")
    assert 1_000_000 * 0.01 - amount(maintenance, 1_000_000) == 1_300
    _, initial = margin_tables("ftx", "BTC-PERP")
    assert amount(initial, 100_000_000) == pytest.approx(0.002 * 2_500**0.5 * 100_000_000, rel=1e-3)


def test_the_summary_says_what_is_real_and_what_is_not(tmp_path: Path) -> None:
    """Lines for people, a dictionary for machines, and the same beside the logs."""
    summary = make_scenario(DATA / BITMEX, 40, 1, tmp_path)
    assert {"real:", "assumed:", "sources:"} <= set(summary.lines)
    assert orjson.loads((tmp_path / "scenario.json").read_bytes()) == summary.as_dict()
    assert summary.entries["prices"] == len((tmp_path / "prices.jsonl").read_bytes().splitlines())


def test_wrong_options_and_wrong_files_are_told(tmp_path: Path) -> None:
    """Neither a misspelt option nor an unknown file passes in silence."""
    with pytest.raises(msgspec.ValidationError, match="topup"):
        make_scenario(DATA / BITMEX, 40, 1, tmp_path, topup=0.5)
    with pytest.raises(UnknownMarketFile, match="no reader"):
        make_scenario(DATA / "insurance_fund_points.csv", 40, 1, tmp_path)
    with pytest.raises(ValueError, match="at least 4"):
        make_scenario(DATA / BITMEX, 3, 1, tmp_path)


@given(st.lists(st.integers(-50, 50), min_size=1, max_size=30), st.integers(0, 99))
def test_paired_trades_rebuild_the_positions(held: list[int], seed: int) -> None:
    """Whatever is held, once it sums to zero, comes out of the trades exactly."""
    held = [*held, -sum(held)]
    found = [0] * len(held)
    for buyer, seller, lots in pair_off(np.array(held, dtype=np.int64), np.random.default_rng(seed)):
        assert lots > 0
        found[buyer] += lots
        found[seller] -= lots
    assert found == held


def positions(log: Logs, *, opening_only: bool) -> dict[tuple[str, str], Fraction]:
    """Quantity by (account, instrument) after the opening trades, or after all."""
    opening = log["trades"][0].time_ms
    held: dict[tuple[str, str], Fraction] = defaultdict(Fraction)
    for trade in of(log["trades"], Trade):
        if trade.time_ms == opening or not opening_only:
            held[trade.buyer, trade.instrument] += Fraction(trade.quantity)
            held[trade.seller, trade.instrument] -= Fraction(trade.quantity)
    return held


def opening_margin(log: Logs) -> tuple[dict[str, Fraction], dict[str, Fraction]]:
    """(equity, IM) in money after the opening trades, at the opening prices, less a unit for each rounding."""
    listed = {i.instrument: i for i in of(log["reference"], InstrumentMessage)}
    unit = Fraction(1, 10 ** log["reference"][0].decimals)
    opening = log["trades"][0].time_ms
    equity: dict[str, Fraction] = defaultdict(Fraction)
    for money in of(log["transfers"], Deposit):
        if money.time_ms < opening:
            equity[money.account] += Fraction(money.amount) if money.asset is None else worth_of(log, money) - unit
    notional = {
        (account, symbol): notional_of(listed[symbol], quantity)
        for (account, symbol), quantity in positions(log, opening_only=True).items()
    }
    for trade in of(log["trades"], Trade):
        if trade.time_ms == opening:
            equity[trade.buyer] -= unit
            equity[trade.seller] -= unit
    of_member: dict[tuple[str, str], Fraction] = defaultdict(Fraction)
    for (account, symbol), money_held in notional.items():
        of_member[account.split("/")[0], symbol] += money_held
    required: dict[str, Fraction] = defaultdict(Fraction)
    for (account, symbol), own in notional.items():
        whole = of_member[account.split("/")[0], symbol]
        if whole:
            required[account] += exact_amount(listed[symbol].im_brackets, whole) * own / whole + 2 * unit
    return equity, required


def worth_of(log: Logs, money: Deposit) -> Fraction:
    """Collateral after haircut at its listing price."""
    (asset,) = [a for a in of(log["reference"], AssetMessage) if a.asset == money.asset]
    return Fraction(money.amount) * Fraction(asset.mark) * (1 - Fraction(asset.haircut_ppm, 10**6))


def notional_of(instrument: InstrumentMessage, quantity: Fraction) -> Fraction:
    """Money that a position is worth at the listing price, which is the opening price."""
    mark = Fraction(instrument.mark)
    return abs(quantity) / mark if instrument.kind == "inverse" else abs(quantity) * mark


def exact_amount(brackets: list[Bracket], notional: Fraction) -> Fraction:
    """The requirement by deductions (RULEBOOK 4): rate of the highest floor below N, less what keeps it continuous."""
    deduction, before, answer = Fraction(0), 0, Fraction(0)
    for bracket in brackets:
        deduction += Fraction(bracket.floor) * Fraction(bracket.rate_ppm - before, 10**6)
        before = bracket.rate_ppm
        if Fraction(bracket.floor) <= notional:
            answer = notional * Fraction(bracket.rate_ppm, 10**6) - deduction
    return answer


def amount(table: list[tuple[int, int]], notional: int) -> float:
    """The same for a table of whole numbers."""
    brackets = [Bracket(str(floor), rate) for floor, rate in table]
    return float(exact_amount(brackets, Fraction(notional)))
