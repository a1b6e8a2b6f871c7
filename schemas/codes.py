"""Refusal codes: permanent once released. 1xx form, 2xx against the log's common data, 3xx against one account."""

from __future__ import annotations

from enum import IntEnum


class Code(IntEnum):
    """Why an input was refused. The name goes into messages and tables, the number is what machines match."""

    BAD_UTF8 = 101
    NOT_JSON = 102
    NOT_AN_OBJECT = 103
    LINE_TOO_LONG = 104
    CUT_LINE = 105
    CUT_FILE = 106
    UNKNOWN_TYPE = 110
    MISSING_FIELD = 111
    UNKNOWN_FIELD = 112
    WRONG_TYPE = 113
    BAD_ID = 114
    CONTROL_CHARACTER = 115
    LONE_SURROGATE = 116
    WRONG_TOPIC = 117
    OUT_OF_RANGE = 118
    BAD_NUMBER = 120
    NUMBER_TOO_LARGE = 121
    TOO_MANY_DIGITS = 122

    UNKNOWN_BOOK = 201
    UNKNOWN_INSTRUMENT = 202
    UNKNOWN_ASSET = 203
    OFF_TICK = 204
    OFF_LOT = 205
    NOT_POSITIVE = 206
    QUANTITY_BEYOND_BOUND = 207
    PRICE_BEYOND_BOUND = 208
    SAME_PARTY = 209
    ID_REUSED = 210
    TOO_LATE = 211
    TOO_FAR_AHEAD = 212
    VERSION_OUT_OF_ORDER = 213
    CROSSED_PARAMETERS = 214
    WATERFALL_WITHOUT_END = 215
    BAD_WATERFALL = 216
    INSTRUMENT_SETTLED = 217
    INCOMPLETE_COMMAND = 218
    RESERVED_ACCOUNT = 219
    TERMS_CHANGED = 220
    BOUND_DOES_NOT_FIT = 221
    AMOUNT_BEYOND_BOUND = 222
    BOOK_NOT_READY = 223
    EFFECTIVE_IN_THE_PAST = 224
    WINDING_DOWN = 225
    RECOVERIES_NOT_KEPT = 226

    OVER_FREE = 301
    ACCOUNT_CLOSED = 302
    NOT_CLOSABLE = 303
    MARK_NOT_TRUSTED = 304
    TRANSFERS_HALTED = 305
    UNKNOWN_ACCOUNT = 306
    IN_LIQUIDATION = 307
    NOT_ENOUGH_COLLATERAL = 308


class Refused(Exception):
    """The input is at fault: a coded value that goes to the dead letters; nothing else stops."""

    def __init__(self, code: Code, reason: str) -> None:
        super().__init__(f"{code.name} ({code.value}): {reason}")
        self.code = code
        self.reason = reason


class Halt(Exception):
    """We are at fault or cannot know: the reader stops before it commits anything."""
