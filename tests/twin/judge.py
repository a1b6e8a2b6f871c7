"""Refusals from the log's common data: the ladder that every reader climbs alike (17.2)."""

from __future__ import annotations

from schemas.codes import Code
from schemas.decimals import units_of
from schemas.governed import AssetMessage, BookMessage, Command, InstrumentMessage, ParametersMessage, WaterfallMessage
from schemas.inputs import (
    Contribution,
    Deposit,
    Funding,
    Move,
    OpenOrders,
    Price,
    Recovery,
    Settlement,
    Trade,
    Withdrawal,
)
from schemas.message import Governed, Input
from tests.twin import judge_money, recovery, reference, wind_down
from tests.twin.reading import (
    AMOUNT_MAX,
    asset_of,
    instrument_of,
    refuse_if,
    ticks_of,
)
from tests.twin.state import BookState

REFERENCE = (BookMessage, AssetMessage, InstrumentMessage, ParametersMessage, WaterfallMessage)
FAMILIES = {"open_account": "account", "close_account": "account", "halt": "halt", "resume": "halt"}
DEFAULTS = {"late_ms": 60_000, "ahead_ms": 604_800_000}


def is_repeat(book: BookState, message: Input, topic: str) -> bool:
    """The same content under a kept id is dropped, other content refused (17.2)."""
    known = book.ids.get((topic, message.id))
    refuse_if(known is not None and known != message, Code.ID_REUSED, message.id)
    return known is not None


def judge_time(book: BookState, message: Input) -> None:
    """TOO_LATE and TOO_FAR_AHEAD, the latter not for the first input (17.2)."""
    if book.seq == 0:
        return
    # READING: before parameters are in force, late_ms and ahead_ms are the schema's defaults.
    late, ahead = (getattr(book.rules.said, n) if book.rules else DEFAULTS[n] for n in ("late_ms", "ahead_ms"))
    refuse_if(message.time_ms < book.clock - late, Code.TOO_LATE, f"{message.time_ms}")
    refuse_if(message.time_ms > book.clock + ahead, Code.TOO_FAR_AHEAD, f"{message.time_ms}")


def judge_content(book: BookState, message: Input) -> None:
    """Readiness, version, effective time, then what the message says (17.2, 11)."""
    opened = book.opened or isinstance(message, BookMessage)
    ready = book.rules is not None and book.layers is not None
    refuse_if(not opened or not (ready or isinstance(message, REFERENCE)), Code.BOOK_NOT_READY, book.name)
    wind_down.judge(book, message)
    if isinstance(message, Governed):
        judge_version(book, message)
    JUDGES.get(type(message), lambda book, message: None)(book, message)


def subject_of(message: Governed) -> tuple:
    """What a version belongs to; commands: family and account, instrument or what (17.13)."""
    match message:
        case Command():
            family = FAMILIES.get(message.kind, message.kind)
            return family, message.account or message.instrument or message.what
        case AssetMessage():
            return "asset", message.asset
        case InstrumentMessage():
            return "instrument", message.instrument
    return (type(message).__name__,)


def judge_version(book: BookState, message: Governed) -> None:
    rises = message.version > book.versions.get(subject_of(message), 0)
    refuse_if(not rises, Code.VERSION_OUT_OF_ORDER, f"{message.version}")
    # READING: the past is what lies before the clock as this very input would set it.
    past = message.effective_ms is not None and message.effective_ms < max(book.clock, message.time_ms)
    refuse_if(past, Code.EFFECTIVE_IN_THE_PAST, f"{message.effective_ms}")


def judge_command(book: BookState, message: Command) -> None:
    missing = {
        "open_account": message.account is None,
        "close_account": message.account is None,
        "halt": message.what is None or (message.what == "instrument" and message.instrument is None),
        "resume": message.what is None or (message.what == "instrument" and message.instrument is None),
        "reshard": message.shards is None,
    }
    refuse_if(missing.get(message.kind), Code.INCOMPLETE_COMMAND, message.kind)
    if message.kind in ("open_account", "close_account"):
        refuse_if(message.account.startswith("@"), Code.RESERVED_ACCOUNT, message.account)
    if message.what == "instrument" and message.kind in ("halt", "resume"):
        instrument_of(book, message.instrument)


def judge_price(book: BookState, message: Price) -> None:
    one = (message.instrument is None) != (message.asset is None)
    refuse_if(not one, Code.MISSING_FIELD, "expected either an instrument or an asset")
    quoted = instrument_of(book, message.instrument) if message.instrument else asset_of(book, message.asset)
    ticks_of(quoted, message.mark)


def judge_funding(book: BookState, message: Funding) -> None:
    instrument, index = instrument_of(book, message.instrument), units_of(message.index, 0)
    refuse_if(abs(index) > AMOUNT_MAX, Code.AMOUNT_BEYOND_BOUND, message.index)
    product = abs(index - instrument.index) * 4 * instrument.position_limit
    refuse_if(product >= 2**61, Code.AMOUNT_BEYOND_BOUND, f"the index moves too far: {message.index}")


def judge_settlement(book: BookState, message: Settlement) -> None:
    ticks_of(instrument_of(book, message.instrument), message.price)


def judge_book(book: BookState, message: BookMessage) -> None:
    reference.require_same_terms(book, message)


def judge_asset(book: BookState, message: AssetMessage) -> None:
    reference.require_same_terms(book, message)
    reference.make_asset(book, message)


def judge_instrument(book: BookState, message: InstrumentMessage) -> None:
    if message.instrument in book.instruments:
        instrument_of(book, message.instrument)
    reference.require_same_terms(book, message)
    reference.make_instrument(book, message)


JUDGES = {
    BookMessage: judge_book,
    AssetMessage: judge_asset,
    InstrumentMessage: judge_instrument,
    ParametersMessage: reference.make_rules,
    WaterfallMessage: reference.make_layers,
    Command: judge_command,
    Deposit: judge_money.judge_deposit,
    Withdrawal: judge_money.judge_withdrawal,
    Move: judge_money.judge_move,
    Contribution: judge_money.judge_contribution,
    Recovery: recovery.judge_recovery,
    Price: judge_price,
    Funding: judge_funding,
    Settlement: judge_settlement,
    Trade: judge_money.judge_trade,
    OpenOrders: judge_money.judge_orders,
}
