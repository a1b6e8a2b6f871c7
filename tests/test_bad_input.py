"""What the fold or an account refuses (RULEBOOK 2a.3, 17.2, 17.7, 17.13): each code by its message; nothing moves.

The codes of form (1xx) stand in tests/test_decode.py; the last test here sees that no code is without a case.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from engine.saved.book import save_book
from engine.saved.clearing import save_clearing
from engine.saved.shard import save_shard
from schemas import governed, inputs
from schemas.codes import Code
from schemas.governed import Bracket, LayerMessage
from tests.hand_venue import RULE, Hand

NEXT: dict[str, Any] = {**RULE, "version": 2}
TERMS: dict[str, Any] = {
    "instrument": "L", "kind": "linear", "tick": "1", "lot": "1", "mark": "100", "max_price": "100000",
    "position_limit": "1000", "mm_brackets": [Bracket("0", 100_000)], "im_brackets": [Bracket("0", 200_000)], **NEXT,
}  # fmt: skip
COIN: dict[str, Any] = {
    "asset": "C", "decimals": 0, "tick": "1", "mark": "10", "max_price": "1000", "limit": "1000",
    "haircut_ppm": 100_000, **NEXT,
}  # fmt: skip
TRADE: dict[str, Any] = {"buyer": "a", "seller": "b", "instrument": "L", "quantity": "1", "price": "100"}
END = LayerMessage(id="end", kind="uncovered", rank=9)
OWN = LayerMessage(id="own", kind="defaulter_contribution", rank=1)


def layer(name: str, rank: int, kind: Any = "insurance", **more: Any) -> LayerMessage:
    return LayerMessage(id=name, kind=kind, rank=rank, **more)


def venue() -> Hand:
    """a is long 10 of b at 100 with 500 and 5 coins; E has ended, F expires at once; z is closed; book B is at
    clock now.
    """
    hand = Hand(call_ms=0)
    hand.list("E")
    hand.list("I", kind="inverse", contract_value="1000")
    hand.list("F", expiry_ms=hand.now - 1)
    hand.asset("C")
    for name in ("E", "I", "F"):
        hand.price(100, name)
    hand.send(inputs.Price, asset="C", mark="10")
    hand.send(inputs.Settlement, instrument="E", price="100")
    hand.deposit({"a": 500, "b": 500})
    hand.send(inputs.Deposit, account="a", amount="5", asset="C")
    hand.trade("a", "b", 10)
    hand.command("open_account", account="z")
    hand.command("close_account", account="z")
    hand.events.clear()
    hand.invariants.seen = 0
    return hand


def state(hand: Hand) -> dict[str, Any]:
    """Everything that the readers of the book hold."""
    run = hand.run
    shards = [save_shard(shard) for shard in run.shards]
    return {"book": save_book(run.book), "clearing": save_clearing(run.clearing), "shards": shards}


# What the log's common data refuses: what is wrong, the message, its code.
COMMON: list[tuple[str, type, dict[str, Any], Code]] = [
    ("a book that is not open", inputs.Heartbeat, {"book": "X"}, Code.UNKNOWN_BOOK),
    ("a trade of what is not listed", inputs.Trade, TRADE | {"instrument": "X"}, Code.UNKNOWN_INSTRUMENT),
    ("a price of what is not listed", inputs.Price, {"instrument": "X", "mark": "1"}, Code.UNKNOWN_INSTRUMENT),
    ("collateral traded without a sale", inputs.Trade, TRADE | {"instrument": "C"}, Code.UNKNOWN_INSTRUMENT),
    ("another's sale", inputs.Trade, TRADE | {"instrument": "C", "liquidation_id": "B/c/1"}, Code.UNKNOWN_INSTRUMENT),
    ("funding of an asset", inputs.Funding, {"instrument": "C", "index": "1"}, Code.UNKNOWN_INSTRUMENT),
    ("a deposit of no asset", inputs.Deposit, {"account": "a", "amount": "1", "asset": "X"}, Code.UNKNOWN_ASSET),
    ("a deposit of a contract", inputs.Deposit, {"account": "a", "amount": "1", "asset": "L"}, Code.UNKNOWN_ASSET),
    ("a price of no asset", inputs.Price, {"asset": "L", "mark": "1"}, Code.UNKNOWN_ASSET),
    ("a mark between ticks", inputs.Price, {"instrument": "L", "mark": "100.5"}, Code.OFF_TICK),
    ("a trade between ticks", inputs.Trade, TRADE | {"price": "0.5"}, Code.OFF_TICK),
    ("half a lot", inputs.Trade, TRADE | {"quantity": "1.5"}, Code.OFF_LOT),
    ("no lots", inputs.Trade, TRADE | {"quantity": "0"}, Code.NOT_POSITIVE),
    ("less than no lots", inputs.Trade, TRADE | {"quantity": "-1"}, Code.NOT_POSITIVE),
    ("no money", inputs.Deposit, {"account": "a", "amount": "0"}, Code.NOT_POSITIVE),
    ("less than no money", inputs.Withdrawal, {"account": "a", "amount": "-1"}, Code.NOT_POSITIVE),
    ("more than four limits", inputs.Trade, TRADE | {"quantity": "4001"}, Code.QUANTITY_BEYOND_BOUND),
    ("more coins than four limits", inputs.Deposit, {"account": "a", "amount": "4001", "asset": "C"},
     Code.QUANTITY_BEYOND_BOUND),
    ("a mark beyond the listed bound", inputs.Price, {"instrument": "L", "mark": "100001"}, Code.PRICE_BEYOND_BOUND),
    ("a settlement beyond it", inputs.Settlement, {"instrument": "L", "price": "100001"}, Code.PRICE_BEYOND_BOUND),
    ("buyer and seller one", inputs.Trade, TRADE | {"seller": "a"}, Code.SAME_PARTY),
    ("a move to oneself", inputs.Move, {"source": "a", "target": "a", "amount": "1"}, Code.SAME_PARTY),
    ("an id with other content", inputs.Deposit, {"id": "h15", "account": "a", "amount": "1"}, Code.ID_REUSED),
    ("too late", inputs.Heartbeat, {"time_ms": 1_000_000 - 60_001}, Code.TOO_LATE),
    ("too far ahead", inputs.Heartbeat, {"time_ms": 1_000_000 + 604_800_001}, Code.TOO_FAR_AHEAD),
    ("a version again", governed.ParametersMessage, RULE, Code.VERSION_OUT_OF_ORDER),
    ("IM below MM", governed.InstrumentMessage,
     TERMS | {"im_brackets": [Bracket("0", 99_999)]}, Code.CROSSED_PARAMETERS),
    ("brackets that overlap", governed.InstrumentMessage,
     TERMS | {"mm_brackets": [Bracket("0", 1), Bracket("1000000", 2), Bracket("1000000", 3)]}, Code.CROSSED_PARAMETERS),
    ("a mark outside new bounds", governed.InstrumentMessage, TERMS | {"max_price": "99", "mark": "90"},
     Code.CROSSED_PARAMETERS),
    ("no end", governed.WaterfallMessage, {"layers": [OWN], **NEXT}, Code.WATERFALL_WITHOUT_END),
    ("one id twice", governed.WaterfallMessage, {"layers": [OWN, layer("own", 2), END], **NEXT}, Code.BAD_WATERFALL),
    ("a trade after settlement", inputs.Trade, TRADE | {"instrument": "E"}, Code.INSTRUMENT_SETTLED),
    ("a price after settlement", inputs.Price, {"instrument": "E", "mark": "100"}, Code.INSTRUMENT_SETTLED),
    ("a trade after expiry", inputs.Trade, TRADE | {"instrument": "F"}, Code.INSTRUMENT_SETTLED),
    ("a halt of nothing", governed.Command, {"kind": "halt", **NEXT}, Code.INCOMPLETE_COMMAND),
    ("a halt of nobody", governed.Command, {"kind": "halt", "what": "instrument", **NEXT}, Code.INCOMPLETE_COMMAND),
    ("a halt of too much", governed.Command, {"kind": "halt", "what": "transfers", "instrument": "L", **NEXT},
     Code.INCOMPLETE_COMMAND),
    ("no account to open", governed.Command, {"kind": "open_account", **NEXT}, Code.INCOMPLETE_COMMAND),
    ("no number of shards", governed.Command, {"kind": "reshard", **NEXT}, Code.INCOMPLETE_COMMAND),
    ("money of a fund", inputs.Withdrawal, {"account": "@operator", "amount": "1"}, Code.RESERVED_ACCOUNT),
    ("money to a name of ours", inputs.Deposit, {"account": "@transit", "amount": "1"}, Code.RESERVED_ACCOUNT),
    ("coins to a fund", inputs.Deposit, {"account": "@operator", "amount": "1", "asset": "C"}, Code.RESERVED_ACCOUNT),
    ("a trade with a fund", inputs.Trade, TRADE | {"seller": "@operator"}, Code.RESERVED_ACCOUNT),
    ("another tick", governed.InstrumentMessage, TERMS | {"tick": "0.5"}, Code.TERMS_CHANGED),
    ("another kind", governed.InstrumentMessage, TERMS | {"kind": "inverse"}, Code.TERMS_CHANGED),
    ("another unit", governed.BookMessage, {"settlement_asset": "USD", "decimals": 2, **NEXT}, Code.TERMS_CHANGED),
    ("the settlement asset as collateral", governed.AssetMessage, COIN | {"asset": "USD"}, Code.TERMS_CHANGED),
    ("limits that do not fit", governed.InstrumentMessage,
     TERMS | {"instrument": "N", "max_price": "1000000000", "position_limit": "1000000000"}, Code.BOUND_DOES_NOT_FIT),
    ("more than 2^60 units", inputs.Deposit, {"account": "a", "amount": str(2**60 + 1)}, Code.AMOUNT_BEYOND_BOUND),
    ("an index beyond its bound", inputs.Funding, {"instrument": "L", "index": str(2**61)}, Code.AMOUNT_BEYOND_BOUND),
    ("a version of yesterday", governed.ParametersMessage,
     {"effective_ms": 999_999, **NEXT}, Code.EFFECTIVE_IN_THE_PAST),
    ("more digits than the unit has", inputs.Deposit, {"account": "a", "amount": "1.5"}, Code.TOO_MANY_DIGITS),
    ("a price of nothing", inputs.Price, {"mark": "1"}, Code.MISSING_FIELD),
    ("a price of two things", inputs.Price, {"mark": "1", "asset": "C", "instrument": "L"}, Code.MISSING_FIELD),
    ("an account without a member", inputs.Deposit, {"account": "/x", "amount": "1"}, Code.BAD_ID),
    ("an account for a member", inputs.Contribution, {"member": "a/1", "amount": "1"}, Code.BAD_ID),
    ("another member's account", inputs.Contribution, {"member": "a", "account": "b", "amount": "1"}, Code.BAD_ID),
]  # fmt: skip

# What one account refuses. It is an entry all the same: it has a seq and keeps its id.
ACCOUNT: list[tuple[str, type, dict[str, Any], Code]] = [
    ("more than 500 - 200 + 45", inputs.Withdrawal, {"account": "a", "amount": "346"}, Code.OVER_FREE),
    ("the same as a move", inputs.Move, {"source": "a", "target": "b", "amount": "346"}, Code.OVER_FREE),
    ("the same to the fund", inputs.Contribution, {"member": "a", "account": "a", "amount": "346"}, Code.OVER_FREE),
    ("money to a closed account", inputs.Deposit, {"account": "z", "amount": "1"}, Code.ACCOUNT_CLOSED),
    ("money of a closed account", inputs.Withdrawal, {"account": "z", "amount": "1"}, Code.ACCOUNT_CLOSED),
    ("closing what holds", governed.Command, {"kind": "close_account", "account": "a", **RULE}, Code.NOT_CLOSABLE),
    ("money of a stranger", inputs.Withdrawal, {"account": "q", "amount": "1"}, Code.UNKNOWN_ACCOUNT),
    ("closing a stranger", governed.Command, {"kind": "close_account", "account": "q", **RULE}, Code.UNKNOWN_ACCOUNT),
    ("more coins than it has", inputs.Withdrawal, {"account": "a", "amount": "6", "asset": "C"},
     Code.NOT_ENOUGH_COLLATERAL),
]  # fmt: skip


def ids(rows: list[tuple[str, type, dict[str, Any], Code]]) -> list[str]:
    return [f"{row[3].name}: {row[0]}" for row in rows]


@pytest.mark.parametrize("row", COMMON, ids=ids(COMMON))
def test_common_data_refuses_and_nothing_moves(row: tuple[str, type, dict[str, Any], Code]) -> None:
    """No seq, no clock, no id, no event."""
    _, message, fields, code = row
    hand = venue()
    before = state(hand)
    assert hand.send(message, **fields) is code
    assert state(hand) == before
    assert not hand.events


def require_only_an_entry(hand: Hand, message: type, fields: dict[str, Any], code: Code) -> None:
    """The account refuses: seq, id and version are taken, the accounts and the clearing house are as before."""
    before, seq = state(hand), hand.run.book.seq
    hand.events.clear()
    hand.invariants.seen = 0
    assert hand.send(message, **fields) is code
    after = state(hand)
    assert hand.run.book.seq == seq + 1
    for one in (*after["shards"], *before["shards"]):
        one["rest"].pop("moves_in")  # a move's target cannot know that its source refuses; the next release clears it
    assert after["shards"] == before["shards"]
    assert after["clearing"] == before["clearing"]
    changed = {name for name in after["book"] if after["book"][name] != before["book"][name]}
    assert changed <= {"seq", "seen", "seen_order", "versions"}
    assert not hand.events


@pytest.mark.parametrize("row", ACCOUNT, ids=ids(ACCOUNT))
def test_an_account_refuses_and_nothing_moves(row: tuple[str, type, dict[str, Any], Code]) -> None:
    """What only an account's state can tell (17.2)."""
    require_only_an_entry(venue(), *row[1:])


WITHDRAWAL: dict[str, Any] = {"account": "a", "amount": "1"}


def test_a_mark_that_is_not_trusted() -> None:
    """L is suspended, so its holders take nothing out; c, who holds none of it, does."""
    hand = venue()
    hand.deposit({"c": 5})
    hand.command("halt", what="instrument", instrument="L")
    require_only_an_entry(hand, inputs.Withdrawal, WITHDRAWAL, Code.MARK_NOT_TRUSTED)
    assert hand.send(inputs.Withdrawal, account="c", amount="5") is None
    assert hand.cash("c") == [0]


def test_halted_transfers() -> None:
    """Nobody takes anything out; resumed, they do."""
    hand = venue()
    hand.command("halt", what="transfers")
    require_only_an_entry(hand, inputs.Withdrawal, WITHDRAWAL, Code.TRANSFERS_HALTED)
    hand.command("resume", what="transfers", version=2)
    assert hand.send(inputs.Withdrawal, **WITHDRAWAL) is None


def test_an_account_in_liquidation() -> None:
    """Order entry is down, so the liquidation that runs waits; meanwhile nothing leaves."""
    hand = venue()
    hand.send(governed.ParametersMessage, execution="venue", **NEXT)
    hand.price(53)  # a: 500 - 470 + coins 45 = 75 >= MM 53
    hand.price(49)  # a: 500 - 510 + 45 = 35 < MM 49
    assert hand.status()["a"] == "liquidating"
    require_only_an_entry(hand, inputs.Withdrawal, WITHDRAWAL, Code.IN_LIQUIDATION)


def test_a_book_that_has_no_rules_yet() -> None:
    """Before parameters and a waterfall only rules are heard."""
    hand = Hand()
    hand.feed(governed.BookMessage(book="N", id="1", time_ms=0, settlement_asset="USD", decimals=0, **RULE))
    for number, kind in enumerate((inputs.Heartbeat, inputs.Period)):
        assert hand.feed(kind(book="N", id=f"n{number}", time_ms=0)) is Code.BOOK_NOT_READY
    assert hand.venue.books["N"].book.seq == 1  # the opening


def test_a_repeat_is_neither_refused_nor_taken() -> None:
    """The same id with the same content is idempotent."""
    hand = venue()
    paid = inputs.Deposit(book="B", id="again", time_ms=hand.now, account="a", amount="7")
    assert hand.feed(paid) is None
    before = state(hand)
    assert hand.feed(paid) is None
    assert state(hand) == before


def test_no_code_is_without_a_case() -> None:
    """Each member of Code is named by a test."""
    text = "".join(path.read_text() for path in sorted(Path(__file__).parent.glob("test_*.py")))
    named = set(re.findall(r"Code\.([A-Z][A-Z0-9_]+)", text))
    assert {code.name for code in Code} <= named
