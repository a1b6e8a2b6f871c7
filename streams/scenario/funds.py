"""Money that stands behind the members: insurance, operator, backstop, guarantee fund; and bitcoin as collateral."""

from __future__ import annotations

import numpy as np

from schemas.decimals import decimal_text
from streams.scenario.flows import deposit
from streams.scenario.log import Log
from streams.scenario.margin import requirements
from streams.scenario.market import Floats, Market, Series
from streams.scenario.options import Options
from streams.scenario.population import Population
from streams.scenario.reference import BTC_DECIMALS, BTC_HAIRCUT_PPM, BTC_LIMIT, collateral_series
from streams.scenario.venues import RULES, insurance_scope

BOOK_FUND_SHARE = 0.1  # of all insurance, held for the whole book
BITCOIN_BUYER_SHARE = 0.002  # of open interest: what the operator can pay for seized collateral


def put_funds(
    log: Log, market: Market, people: Population, interest: Floats, notional: Floats, options: Options, time_ms: int
) -> dict[str, str]:
    """Deposits to every fund; answers what each got, the guarantee fund as one sum."""
    share = options.insurance_share if options.insurance_share is not None else RULES[market.venue].insurance_share
    whole = float(interest.sum())
    amounts = {f"@insurance/{market.book}": share * whole * BOOK_FUND_SHARE}
    for series, units in zip(market.series, interest.tolist(), strict=True):
        name = f"@insurance/{insurance_scope(market.venue, series.symbol)}"
        amounts[name] = amounts.get(name, 0.0) + share * units * (1 - BOOK_FUND_SHARE)
    amounts |= {f"@operator/{layer}": options.operator_share * whole for layer in ("junior", "senior")}
    amounts["@backstop"] = options.backstop_share * whole
    if collateral_series(market) is not None:
        amounts["@operator"] = BITCOIN_BUYER_SHARE * whole
    told = {}
    for name, units in amounts.items():
        if int(units):
            deposit(log, time_ms, name, int(units), market.decimals)
        told[name] = decimal_text(int(units), market.decimals)
    return told | {"guarantee fund": put_contributions(log, market, people, notional, options, time_ms)}


def put_contributions(
    log: Log, market: Market, people: Population, notional: Floats, options: Options, time_ms: int
) -> str:
    """The largest members by initial margin contribute a share of the whole margin, pro rata to their own."""
    by_member = np.zeros(len(people.members))
    np.add.at(by_member, people.member, requirements(market, people, notional)[1])
    clearing = np.argsort(-by_member, kind="stable")[: max(2, int(options.clearing_share * len(by_member)))]
    fund = options.guarantee_share * float(by_member.sum())
    sums = (fund * by_member[clearing] / float(by_member[clearing].sum())).astype(np.int64)
    for member, units in zip(clearing.tolist(), sums.tolist(), strict=True):
        if units:
            amount = decimal_text(units, market.decimals)
            log.add("transfers", "contribution", time_ms, member=people.members[member], amount=amount)
    return decimal_text(int(sums.sum()), market.decimals)


def deposit_bitcoin(log: Log, market: Market, coin: Series, account: str, units: int, time_ms: int) -> int:
    """Bitcoin worth at most `units` after haircut at the opening price; answers what it is worth, rounded down."""
    price = coin.opening_ticks * coin.tick_size * 10**market.decimals * (1 - BTC_HAIRCUT_PPM / 1_000_000)
    amount = min(int(units / price * 10**BTC_DECIMALS), int(BTC_LIMIT) * 10**BTC_DECIMALS)
    if amount <= 0:
        return 0
    text = decimal_text(amount, BTC_DECIMALS)
    log.add("transfers", "deposit", time_ms, account=account, amount=text, asset="BTC")
    return max(0, int(amount * price / 10**BTC_DECIMALS) - 1)
