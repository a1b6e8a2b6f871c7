"""Bytes to inputs (RULEBOOK 2.2, 16.1): each kind of bad line has its code, and a chunk is its lines one by one."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codes import Code, Refused
from schemas.decode import LINE_MAX_BYTES, decode, decode_block, decode_chunk
from schemas.fields import FIELDS, KINDS
from schemas.governed import InstrumentMessage
from schemas.inputs import TOPICS, AnyInput, Price
from tests.fuzz_lines import mutated_lines, sample_lines

PRICE: dict[str, Any] = {"type": "price", "book": "b", "id": "1", "time_ms": 5, "mark": "1.5", "instrument": "X"}
COMMAND: dict[str, Any] = {
    "type": "command", "book": "b", "id": "1", "time_ms": 5, "version": 1, "author": "a", "reason": "r", "kind": "halt"
}  # fmt: skip
WATERFALL: dict[str, Any] = {key: COMMAND[key] for key in COMMAND if key != "kind"} | {"type": "waterfall"}
LAYER: dict[str, Any] = {"id": "end", "kind": "uncovered", "rank": 1}
INSTRUMENT: dict[str, Any] = json.loads(sample_lines()["reference"][2])


def line_of(message: dict[str, Any], **changes: Any) -> bytes:
    """The message with fields changed, or taken out when the value is `...`."""
    changed = {key: value for key, value in (message | changes).items() if value is not ...}
    return json.dumps(changed, ensure_ascii=False).encode(errors="surrogatepass")


def price(raw: str) -> bytes:
    """A price whose mark is these very characters."""
    return line_of(PRICE, mark=...)[:-1] + f', "mark": {raw}}}'.encode()


def code_of(line: bytes, topic: str | None = None) -> Code:
    """The code that a line is refused with."""
    with pytest.raises(Refused) as caught:
        decode(line, topic)
    return caught.value.code


FORM = [
    (b"\xff\xfe", Code.BAD_UTF8),
    (line_of(PRICE, book="X").replace(b"X", b"\xc0\x80"), Code.BAD_UTF8),
    (line_of(PRICE, book="X").replace(b"X", b"\xed\xa0\x80"), Code.BAD_UTF8),
    (line_of(PRICE, mark="X").replace(b"X", b"\xff"), Code.BAD_UTF8),
    (b"", Code.NOT_JSON),
    (b"   ", Code.NOT_JSON),
    (b"{", Code.NOT_JSON),
    (b"not json", Code.NOT_JSON),
    (line_of(PRICE)[:-1], Code.NOT_JSON),
    (line_of(PRICE) + b"}", Code.NOT_JSON),
    (line_of(PRICE) + line_of(PRICE), Code.NOT_JSON),
    (line_of(PRICE) + b"," + line_of(PRICE), Code.NOT_JSON),
    (line_of(PRICE).replace(b'"', b"'"), Code.NOT_JSON),
    (b"\xef\xbb\xbf" + line_of(PRICE), Code.NOT_JSON),
    (line_of(PRICE, book="X").replace(b"X", b"\x00"), Code.NOT_JSON),
    (line_of(PRICE, book="X").replace(b"X", b"\\x41"), Code.NOT_JSON),
    (line_of(PRICE) + b"\x00", Code.NOT_JSON),
    (b"[" * 100_000, Code.NOT_JSON),
    (b'{"a":' * 100_000, Code.NOT_JSON),
    (price("[" * 100_000), Code.NOT_JSON),
    (price("[" * 100_000 + "]" * 100_000), Code.NOT_JSON),
    (price("01"), Code.NOT_JSON),
    (price("1."), Code.NOT_JSON),
    (price(".5"), Code.NOT_JSON),
    (price("+1"), Code.NOT_JSON),
    (price("0x10"), Code.NOT_JSON),
    (b"null", Code.NOT_AN_OBJECT),
    (b"[]", Code.NOT_AN_OBJECT),
    (b"[" + line_of(PRICE) + b"]", Code.NOT_AN_OBJECT),
    (b"3", Code.NOT_AN_OBJECT),
    (b'"price"', Code.NOT_AN_OBJECT),
    (b"true", Code.NOT_AN_OBJECT),
    (line_of(PRICE, book="x" * LINE_MAX_BYTES), Code.LINE_TOO_LONG),
    (b" " * (LINE_MAX_BYTES + 1), Code.LINE_TOO_LONG),
    (b" " * LINE_MAX_BYTES, Code.NOT_JSON),
]

SHAPE = [
    (b"{}", Code.MISSING_FIELD),
    (line_of(PRICE, type=...), Code.MISSING_FIELD),
    (line_of(PRICE, book=...), Code.MISSING_FIELD),
    (line_of(PRICE, id=...), Code.MISSING_FIELD),
    (line_of(PRICE, time_ms=...), Code.MISSING_FIELD),
    (line_of(PRICE, mark=...), Code.MISSING_FIELD),
    (line_of(COMMAND, author=...), Code.MISSING_FIELD),
    (line_of(WATERFALL, layers=[{"id": "end", "rank": 1}]), Code.MISSING_FIELD),
    (line_of(PRICE, type="prices"), Code.UNKNOWN_TYPE),
    (line_of(PRICE, type=""), Code.UNKNOWN_TYPE),
    (line_of(PRICE, type="Price"), Code.UNKNOWN_TYPE),
    (line_of(PRICE, type=5), Code.WRONG_TYPE),
    (line_of(PRICE, type=None), Code.WRONG_TYPE),
    (line_of(PRICE, mrak="1"), Code.UNKNOWN_FIELD),
    (line_of(PRICE, mark=..., mrak="1"), Code.UNKNOWN_FIELD),
    (line_of(PRICE, **{"": 1}), Code.UNKNOWN_FIELD),
    (line_of(PRICE, Book="b"), Code.UNKNOWN_FIELD),
    (line_of(PRICE, x="\x00"), Code.UNKNOWN_FIELD),
    (line_of(WATERFALL, layers=[LAYER | {"x": 1}]), Code.UNKNOWN_FIELD),
    (line_of(WATERFALL, layers=[LAYER, None]), Code.WRONG_TYPE),
    (line_of(WATERFALL, layers=LAYER), Code.WRONG_TYPE),
    (line_of(WATERFALL, layers=[]), Code.OUT_OF_RANGE),
    (line_of(WATERFALL, layers=[LAYER] * 101), Code.OUT_OF_RANGE),
    (line_of(WATERFALL, layers=[LAYER | {"rank": 0}]), Code.OUT_OF_RANGE),
    (line_of(WATERFALL, layers=[LAYER | {"cap": True}]), Code.WRONG_TYPE),
    (line_of(WATERFALL, layers=[LAYER | {"cap": "x"}]), Code.BAD_NUMBER),
    (line_of(WATERFALL, layers=[LAYER | {"id": "\x1b"}]), Code.CONTROL_CHARACTER),
    (line_of(INSTRUMENT, mm_brackets=[{"floor": "1e99", "rate_ppm": 1}]), Code.NUMBER_TOO_LARGE),
    (line_of(INSTRUMENT, mm_brackets=[{"floor": None, "rate_ppm": 1}]), Code.WRONG_TYPE),
    (line_of(INSTRUMENT, kind="quanto"), Code.OUT_OF_RANGE),
    (line_of(INSTRUMENT, kind=1), Code.WRONG_TYPE),
]

VALUES = [
    *[(price(raw), Code.WRONG_TYPE) for raw in ("true", "false", "null", "[]", "{}", '["1"]', '{"a":1}')],
    *[(line_of(PRICE, book=value), Code.WRONG_TYPE) for value in (None, True, 5, 1.5, ["b"], {"b": 1})],
    *[(line_of(PRICE, time_ms=value), Code.WRONG_TYPE) for value in (None, True, "5", 5.0, 1.5, [5], {})],
    *[(line_of(COMMAND, limited=value), Code.WRONG_TYPE) for value in (None, 0, 1, "true")],
    *[(line_of(PRICE, time_ms=value), Code.OUT_OF_RANGE) for value in (-1, 253_402_300_800_000, 2**63, 2**64, 10**30)],
    (line_of(PRICE, time_ms="X").replace(b'"X"', b"9" * 5000), Code.OUT_OF_RANGE),
    (line_of(PRICE, time_ms="X").replace(b'"X"', b"1e3"), Code.WRONG_TYPE),
    (line_of(PRICE, time_ms="X").replace(b'"X"', b"1e400"), Code.WRONG_TYPE),
    (line_of(COMMAND, kind="explode"), Code.OUT_OF_RANGE),
    (line_of(COMMAND, kind=True), Code.WRONG_TYPE),
    (line_of(COMMAND, what="everything"), Code.OUT_OF_RANGE),
    (line_of(COMMAND, version=0), Code.OUT_OF_RANGE),
    (line_of(COMMAND, shards=1025), Code.OUT_OF_RANGE),
    (line_of(COMMAND, reason="x" * 1025), Code.OUT_OF_RANGE),
    (line_of(PRICE, book=""), Code.BAD_ID),
    (line_of(PRICE, id="x" * 65), Code.BAD_ID),
    (line_of(PRICE, id="ß" * 65), Code.BAD_ID),
    (line_of(PRICE, instrument=""), Code.BAD_ID),
]

NOT_NUMBERS = [
    "", " ", "NaN", "Infinity", "-inf", "0x10", "1_000", "1,5", "+1", "01", "00", "-01", "1.", ".5", "1.2.3", "1..5",
    "-", "1e", "e5", "1e5.5", "--1", "1 ", " 1", "1\n", "1\n2", "١٢", "\uff11", "½", "1.5\x00", "true", "x" * 200,
]  # fmt: skip
TOO_LARGE = ["1e400", "-1e400", "1E+61", "1e-61", "1e9999", "9" * 41, "9" * 5000]
NUMBERS = [
    *[(price(raw), Code.BAD_NUMBER) for raw in ("NaN", "Infinity", "-Infinity")],
    *[(price(raw), Code.NUMBER_TOO_LARGE) for raw in TOO_LARGE],
    *[(line_of(PRICE, mark=text), Code.NUMBER_TOO_LARGE) for text in (*TOO_LARGE, "0." + "0" * 80)],
    *[(line_of(PRICE, mark=text), Code.BAD_NUMBER) for text in NOT_NUMBERS],
]

UNPRINTABLE = (
    "\x00\x01\x09\x0a\x0d\x1b\x1f\x7f\x80\x85\x9f\xa0\xad\u061c\u1680\u180e\u2000\u200b\u200d\u200e\u2028\u2029"
    "\u202a\u202e\u202f\u2060\u2066\u2069\u206f\u3000\ue000\uf8ff\ufdd0\ufeff\ufff9\ufffe\uffff"
    "\U0001d173\U0001fffe\U000e0001\U000e007f\U000f0000\U0010ffff"
)
TEXTS = [
    *[(line_of(PRICE, book=f"a{bad}b"), Code.CONTROL_CHARACTER) for bad in UNPRINTABLE],
    (line_of(PRICE, id="a\nb").replace(b"\\n", b"\\u000a"), Code.CONTROL_CHARACTER),
    (line_of(PRICE, instrument="\x7f"), Code.CONTROL_CHARACTER),
    (line_of(COMMAND, author="\u200b"), Code.CONTROL_CHARACTER),
    (line_of(PRICE, book="X").replace(b"X", b"\\ud800"), Code.LONE_SURROGATE),
    (line_of(PRICE, book="X").replace(b"X", b"\\udc00"), Code.LONE_SURROGATE),
    (line_of(PRICE, book="X").replace(b"X", b"\\udc00\\ud800"), Code.LONE_SURROGATE),
    (line_of(PRICE, book="X").replace(b"X", b"\\ud800\\u0041"), Code.LONE_SURROGATE),
    (line_of(PRICE, mark="X").replace(b"X", b"\\uDBFF"), Code.LONE_SURROGATE),
    (line_of(COMMAND, reason="X").replace(b"X", b"\\ud800"), Code.LONE_SURROGATE),
    (line_of(PRICE).replace(b'"mark"', b'"\\ud800"'), Code.LONE_SURROGATE),
]

BAD = [*FORM, *SHAPE, *VALUES, *NUMBERS, *TEXTS]


@pytest.mark.parametrize(("line", "code"), BAD, ids=[f"{line[:70]!r}-{code.name}" for line, code in BAD])
def test_a_bad_line_has_its_code(line: bytes, code: Code) -> None:
    """Alone, in a chunk between good lines, and in a block, the refusal is the same and takes nothing with it."""
    assert code_of(line) is code
    good = line_of(PRICE)
    for topic in (None, "prices"):
        first, second, third = decode_chunk([good, line, good], topic)
        assert first == third == decode(good)
        assert isinstance(second, Refused)
        assert second.code in (code, Code.WRONG_TOPIC)
    if b"\n" not in line:
        assert same(decode_block(b"\n".join([good, line, good]), "prices"), decode_chunk([good, line, good], "prices"))


def test_a_reason_says_where_and_shows_little() -> None:
    """The path leads to the fault, and a long value is shown by its beginning only."""
    with pytest.raises(Refused, match=r"WRONG_TYPE \(113\): mm_brackets\[1\].floor: expected a number, found true"):
        decode(line_of(INSTRUMENT, mm_brackets=[{"floor": "0", "rate_ppm": 1}, {"floor": True, "rate_ppm": 2}]))
    for line, _ in BAD:
        with pytest.raises(Refused) as caught:
            decode(line)
        assert len(caught.value.reason) < 200


@pytest.mark.parametrize(
    "text", ["1.10", "0", "-0", "0.000000000000000001", "1e5", "1E+5", "28145.10", "9" * 40, "-1.5e-3"]
)
def test_a_json_number_keeps_its_text(text: str) -> None:
    """Number or string, the decimal is the same input: nothing went through a binary float."""
    message = decode(price(text))
    assert message == decode(line_of(PRICE, mark=text))
    assert isinstance(message, Price)
    assert message.mark == text


def test_numbers_are_taken_in_brackets_and_optional_fields() -> None:
    """The loose twin reaches into lists, and null stays null."""
    line = line_of(INSTRUMENT, tick=0.5, min_price=0.5, mm_brackets=[{"floor": 0, "rate_ppm": 5}], impact=0.25)
    message = decode(line)
    assert isinstance(message, InstrumentMessage)
    assert (message.tick, message.min_price, message.mm_brackets[0].floor) == ("0.5", "0.5", "0")
    assert decode(line_of(INSTRUMENT, tick=0.5, min_price=None)) == decode(line_of(INSTRUMENT, min_price=None))


@pytest.mark.parametrize(
    "line",
    [
        line_of(PRICE, book="Zürich 漢字 🎉 @x/y-1_2.3:4|5"),
        line_of(PRICE, book="X").replace(b"X", b'\\ud83d\\ude00 \\u00e9 \\" \\\\ \\/'),
        line_of(PRICE, id="ß" * 64),
        line_of(PRICE, instrument=None, asset="ETH"),
        line_of(COMMAND, reason=""),
        line_of(COMMAND, reason="two\nlines, \x1b too: only names are held to what can be shown"),
        b" \t" + line_of(PRICE) + b" \r",
        line_of(PRICE).replace(b'"price"', b'"pr\\u0069ce"'),
        line_of(PRICE, time_ms=0),
        line_of(PRICE, time_ms=253_402_300_799_999),
    ],
)
def test_an_odd_line_is_taken(line: bytes) -> None:
    """Unusual is not bad."""
    assert decode_chunk([line], None) == [decode(line)]


def test_of_a_key_that_stands_twice_the_last_counts() -> None:
    """Documented, not wanted: alike on every path."""
    line = line_of(PRICE)[:-1] + b', "mark": "2"}'
    message = decode(line)
    assert isinstance(message, Price)
    assert message.mark == "2"
    assert decode_block(line, "prices") == decode_chunk([line], "prices") == [message]


def test_every_type_belongs_on_one_topic() -> None:
    """Every sample is taken there and without a topic, and WRONG_TOPIC on all others."""
    seen = set()
    for home, lines in sample_lines().items():
        for line in lines:
            seen.add(type(decode(line)))
            assert decode(line, home) == decode(line)
            assert {code_of(line, topic) for topic in TOPICS if topic != home} == {Code.WRONG_TOPIC}
    assert seen == set(KINDS)


def test_every_field_is_judged() -> None:
    """Taking out, nulling or replacing any field of any sample gives a code or a message, and mostly a code."""
    for topic, lines in sample_lines().items():
        for line in lines:
            kind, message = type(decode(line)), json.loads(line)
            for field in FIELDS[kind]:
                assert code_of(line_of(message, **{field.key: {}}), topic) is Code.WRONG_TYPE
                if field.required:
                    assert code_of(line_of(message, **{field.key: ...}), topic) is Code.MISSING_FIELD
                if not field.nullable:
                    assert code_of(line_of(message, **{field.key: None}), topic) is Code.WRONG_TYPE


def one_by_one(lines: list[bytes], topic: str | None) -> list[AnyInput | Refused]:
    """The plain reading that the fast ones must equal."""
    out: list[AnyInput | Refused] = []
    for line in lines:
        try:
            out.append(decode(line, topic))
        except Refused as refused:
            out.append(refused)
    return out


def same(ours: list[AnyInput | Refused], theirs: list[AnyInput | Refused]) -> bool:
    """Equal messages, and refusals of equal code and reason."""
    plain = [[(m.code, m.reason) if isinstance(m, Refused) else m for m in side] for side in (ours, theirs)]
    return plain[0] == plain[1]


@given(st.integers(0, 2**32), st.integers(1, 200), st.sampled_from(["good", "mixed", "bad"]))
def test_a_chunk_is_its_lines_one_by_one(seed: int, count: int, taste: str) -> None:
    """decode_chunk and decode_block give for any lines what decode gives for each."""
    by_topic: dict[str, list[bytes]] = {topic: [] for topic in TOPICS}
    for topic, line in mutated_lines(seed, count):
        refused = isinstance(one_by_one([line], topic)[0], Refused)
        if taste == "mixed" or refused == (taste == "bad"):
            by_topic[topic].append(line)
    for topic, lines in by_topic.items():
        expected = one_by_one(lines, topic)
        assert same(decode_chunk(lines, topic), expected)
        assert same(decode_chunk(lines, None), one_by_one(lines, None))
        if lines:
            assert same(decode_block(b"\n".join(lines), topic), expected)


@given(st.lists(st.binary(max_size=40)))
def test_any_bytes_are_refused_without_a_traceback(lines: list[bytes]) -> None:
    """Noise gives Refused and nothing else, in one value a line."""
    assert all(isinstance(outcome, Refused) for outcome in decode_chunk(lines, "trades"))
    assert len(decode_chunk(lines, None)) == len(lines)


@pytest.mark.parametrize("cut", [b"\n", b" ", b",", b"  ", b"\r\n"])
def test_a_block_is_not_fooled_by_a_value_over_two_lines(cut: bytes) -> None:
    """Two values on one line and one value on two lines make the count right and the lines wrong."""
    one = line_of(PRICE)
    head, tail = one[: one.index(b', "id"')], one[one.index(b', "id"') + 1 :]
    block = b"\n".join([one + cut.replace(b"\n", b" ") + one, head, b"," + tail])
    assert [type(outcome) for outcome in decode_block(block, "prices")] == [Refused] * 3


@given(st.text("0123456789.-e\n ", max_size=6))
def test_decimal_text_is_judged_alike_in_and_out_of_a_chunk(text: str) -> None:
    """The glance at a whole column never takes what the parser refuses."""
    lines = [line_of(PRICE), line_of(PRICE, mark=text), line_of(PRICE, mark="0.5")]
    assert same(decode_chunk(lines, "prices"), one_by_one(lines, "prices"))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_mutated_lines_raise_nothing_but_refused(seed: int) -> None:
    """A hundred thousand bad lines over ten seeds; all codes that a line can have come up."""
    codes = set()
    for topic, line in mutated_lines(seed, 10_000):
        (outcome,) = one_by_one([line], topic)
        codes.add(outcome.code if isinstance(outcome, Refused) else None)
    assert codes >= {None, *(code for code in Code if code < 200)} - {
        Code.LINE_TOO_LONG,
        Code.CUT_LINE,
        Code.CUT_FILE,
        Code.TOO_MANY_DIGITS,
    }
