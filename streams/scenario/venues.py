"""Published facts of the venues: lots, margin tables, fees, funds; each with its source.

The venues apply a table's rate to the whole position (BitMEX, FTX) or with a deduction (Binance). The rulebook (4)
knows the second, continuous form: a rate holds for the part of the notional above its floor.
"""

from __future__ import annotations

from dataclasses import dataclass

# Quantity steps of Binance's USDT-margined perpetuals (GET /fapi/v1/exchangeInfo), as (mantissa, decimals).
LOTS = {
    "BTCUSDT": (1, 3), "ETHUSDT": (1, 3), "BNBUSDT": (1, 2), "LINKUSDT": (1, 2), "XRPUSDT": (1, 1),
    "DOTUSDT": (1, 1), "SOLUSDT": (1, 0), "AVAXUSDT": (1, 0), "ADAUSDT": (1, 0), "DOGEUSDT": (1, 0),
}  # fmt: skip

Table = list[tuple[int, int]]  # (floor in whole settlement money, rate in ppm)

# Maintenance tables of Binance USDT-M, end of 2021: freqtrade, commit 778f0d9, binance_leverage_brackets.json.
_BTC: Table = [
    (0, 4_000), (50_000, 5_000), (250_000, 10_000), (1_000_000, 25_000), (5_000_000, 50_000), (20_000_000, 100_000),
    (50_000_000, 125_000), (100_000_000, 150_000), (200_000_000, 250_000), (300_000_000, 500_000),
]  # fmt: skip
_ETH: Table = [
    (0, 5_000), (10_000, 6_500), (100_000, 10_000), (500_000, 20_000), (1_000_000, 50_000), (2_000_000, 100_000),
    (5_000_000, 125_000), (10_000_000, 150_000), (20_000_000, 250_000),
]  # fmt: skip
_LARGE: Table = [
    (0, 6_500), (10_000, 10_000), (50_000, 20_000), (250_000, 50_000), (1_000_000, 100_000), (2_000_000, 125_000),
    (5_000_000, 150_000), (10_000_000, 250_000),
]  # fmt: skip
_SMALL: Table = [
    (0, 10_000), (50_000, 25_000), (150_000, 50_000), (250_000, 100_000), (500_000, 125_000), (750_000, 250_000),
    (1_000_000, 500_000),
]  # fmt: skip
_SOL: Table = [
    (0, 10_000), (50_000, 25_000), (250_000, 50_000), (1_000_000, 100_000), (2_000_000, 125_000),
    (5_000_000, 250_000), (10_000_000, 500_000),
]  # fmt: skip
_BINANCE = {"BTCUSDT": _BTC, "ETHUSDT": _ETH, "SOLUSDT": _SOL, "AVAXUSDT": _SMALL, "DOGEUSDT": _SMALL}

# BitMEX XBTUSD before September 2021: limit 200 XBT, step 100 XBT, up to 1,000 XBT; each step adds the base 0.5%.
# bitmex.com/app/riskLimitsExamples (rates), BitMEX announcement of 31 August 2021 (the step it replaced).
_BITMEX_FLOORS = [0, *range(200, 1000, 100)]

# FTX: IMF = max(5%, 0.002 sqrt(BTC)), MMF = max(3%, 0.6 x 0.002 sqrt(BTC)): help.ftx.com, Margin & Collateral.
# Chords of that curve at USD 40,000 per BTC, floors at 625, 1,250, 2,500 and 5,000 BTC.
_FTX_IM: Table = [
    (0, 50_000),
    (25_000_000, 91_400),
    (50_000_000, 129_300),
    (100_000_000, 182_800),
    (200_000_000, 258_600),
]
_FTX_MM: Table = [
    (0, 30_000),
    (25_000_000, 54_900),
    (50_000_000, 77_600),
    (100_000_000, 109_700),
    (200_000_000, 155_200),
]


@dataclass(frozen=True, slots=True)
class Rules:
    """What a venue publishes beside its tables, and what we assume where it does not."""

    fee_ppm: int
    funding_ppm: int
    funding_hours: tuple[int, ...]
    insurance_share: float
    sources: tuple[str, ...]


RULES = {
    "bitmex": Rules(
        2_500, 100, (4, 12, 20), 35_500 / 115_000,
        (
            "margin table: BitMEX risk limits (bitmex.com/app/riskLimitsExamples; step of 100 XBT until August 2021)",
            "insurance fund: 35,500 XBT on 11 March 2020 (data/insurance_fund_points.csv), scaled with open interest",
            "open interest: 115,000 XBT in mid-March 2020 (Skew, told by CoinDesk on 24 March 2020)",
            "liquidation fee 0.25 percent: assumed, BitMEX kept the maintenance margin instead",
        ),
    ),
    "ftx": Rules(
        5_000, 100, (0, 8, 16), 0.02,
        (
            "margin table: FTX, 5 and 3 percent, then the IMF factor 0.002 (help.ftx.com, Margin & Collateral)",
            "insurance fund 2 percent of open interest, liquidation fee 0.5 percent: assumed",
        ),
    ),
    "binance": Rules(
        10_000, 100, (0, 8, 16), 0.02,
        (
            "maintenance tables: Binance USDT-M of late 2021 (freqtrade 778f0d9), used for all years",
            "initial margin: twice maintenance, as in the table of Binance's announcement of 18 March 2021",
            "liquidation fee 1 percent: liquidationFee in the exchangeInfo example of Binance's documentation",
            "a fund each for BTCUSDT and ETHUSDT, one for all others: Binance, Insurance Fund, 2019",
            "size of the insurance funds: assumed, 2 percent of open interest",
            "collateral in BTC at a haircut of 5 percent: Binance, Multi-Assets Mode",
        ),
    ),
}  # fmt: skip


def margin_tables(venue: str, symbol: str) -> tuple[Table, Table]:
    """(maintenance, initial) brackets of an instrument."""
    if venue == "bitmex":
        maintenance = [(floor, 5_000 * (step + 1)) for step, floor in enumerate(_BITMEX_FLOORS)]
        return maintenance, [(floor, rate + 5_000) for floor, rate in maintenance]
    if venue == "ftx":
        return _FTX_MM, _FTX_IM
    maintenance = _BINANCE.get(symbol, _LARGE)
    return maintenance, [(floor, min(1_000_000, 2 * rate)) for floor, rate in maintenance]


def insurance_scope(venue: str, symbol: str) -> str:
    """Which insurance fund stands for an instrument."""
    return symbol if venue != "binance" or symbol in ("BTCUSDT", "ETHUSDT") else "OTHERS"
