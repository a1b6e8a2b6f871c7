"""Bad lines by the thousand: a valid line of every message type, and a mutator over them.

`mutated_lines(seed, n)` gives the same lines for the same seed on every machine. Everything that reads logs is fed
with them: no line may raise anything but `Refused`, nor stop a reader.
"""

import json
import random
from collections.abc import Callable, Iterator
from typing import Any

GOVERNED = {"version": 1, "author": "risk desk", "reason": "at listing"}
QUOTED = GOVERNED | {"tick": "0.5", "mark": "5000.5", "max_price": "1000000"}
BRACKETS = [{"floor": "0", "rate_ppm": 5_000}, {"floor": "100.00000000", "rate_ppm": 10_000}]

# One valid message of every type but for book, id and time, with each field at least once.
SAMPLES: dict[str, list[dict[str, Any]]] = {
    "reference": [
        GOVERNED | {"type": "book", "settlement_asset": "XBT", "decimals": 8, "effective_ms": None},
        QUOTED | {"type": "asset", "asset": "ETH", "decimals": 18, "haircut_ppm": 100_000, "limit": "100"},
        QUOTED
        | {"type": "instrument", "instrument": "XBTUSD", "kind": "inverse", "lot": "1", "position_limit": "1e7"}
        | {"mm_brackets": BRACKETS, "im_brackets": BRACKETS, "min_price": "0.5", "half_spread_ticks": 1}
        | {"impact": "0.01", "insurance_scope": "XBT perpetuals", "backstop_limit": "100000", "band_ppm": 50_000},
        GOVERNED
        | {"type": "parameters", "call_ms": 60_000, "execution": "venue", "min_notional": "10.5", "vest_gains": True}
        | {"per_account_notional": "1000", "per_book_notional": None},
        GOVERNED
        | {"type": "waterfall"}
        | {"layers": [{"id": "skin", "kind": "operator", "rank": 1, "cap": "25"}]}
        | {"effective_ms": 1_583_971_200_000},
    ],
    "commands": [
        GOVERNED | {"type": "command", "kind": "open_account", "account": "alice/iso", "limited": True},
        GOVERNED | {"type": "command", "kind": "halt", "what": "instrument", "instrument": "XBTUSD"},
        GOVERNED | {"type": "command", "kind": "reshard", "shards": 8},
        {"type": "period"},
        {"type": "heartbeat"},
    ],
    "transfers": [
        {"type": "deposit", "account": "alice", "amount": "10.00000001"},
        {"type": "withdrawal", "account": "bob", "amount": "2", "asset": "ETH"},
        {"type": "move", "from": "alice", "to": "alice/iso", "amount": "0.5"},
        {"type": "contribution", "member": "bob", "amount": "1", "account": "bob"},
        {"type": "recovery", "member": "bob", "amount": "1", "version": 1, "author": "ops", "reason": "estate"},
    ],
    "prices": [
        {"type": "price", "instrument": "XBTUSD", "mark": "7934.5"},
        {"type": "price", "asset": "ETH", "mark": "0.02495"},
        {"type": "funding", "instrument": "XBTUSD", "index": "-123456.789"},
        {"type": "settlement", "instrument": "XBTH20", "price": "4992.50"},
    ],
    "trades": [
        {
            "type": "trade",
            "buyer": "alice",
            "seller": "bob",
            "instrument": "XBTUSD",
            "quantity": "250",
            "price": "7934",
        },
        {"type": "trade", "buyer": "alice", "seller": "@market", "instrument": "XBTUSD", "quantity": "1", "price": "1"}
        | {"liquidation_id": "main/alice/1/1"},
        {"type": "open_orders", "account": "bob", "instrument": "XBTUSD", "buys": "10", "sells": "0"},
    ],
}

NASTY_TEXT = [
    "", " ", "\x00", "\x1b[2J", "\x7f", "\x85", "a\nb", "\u200b", "\u202eevil", "\ufeff", "\ud800", "\udc00x",
    "\ue000", "\U000e0041", "\U0010ffff", "é", "漢字", "\U0001f469\u200d\U0001f467", "a" * 64, "a" * 65, "ß" * 64,
    "x" * 2000, "'; drop", "@operator", "null", "NaN", "Infinity", "-Infinity", "1e400", "1e-400", "1e60", "0x10",
    "1_000", "١٢", "1" * 40, "1" * 41, "0." + "0" * 80, "+1", "-0", "01", "1.", ".5", "1e", " 1", "1 ", "1,5", "true",
]  # fmt: skip
NASTY_RAW = [
    b"NaN", b"Infinity", b"-Infinity", b"1e400", b"-1e400", b"1E5", b"-0", b"0.1", b"01", b"1.", b".5", b"+1", b"0x1",
    b"9" * 30, b"9" * 5000, b"1e99999999999", b"9223372036854775808", b"-9223372036854775809", b"253402300799999",
    b"253402300800000", b"-1", b"1.0", b"1e3", b"true", b"false", b"null", b"[]", b"{}", b'""', b"[[[]]]", b'{"a":1}',
    b"[" * 5000, b'{"a":' * 5000, b'"\\ud800"', b'"\\udc00\\ud800"', b'"\\ud83d\\ude00"', b'"\\u0000"', b'"\\x"',
    b'"\xff"', b'"\xed\xa0\x80"', b'"\xc0\x80"', b'"\t"', b'"', b"'a'", b"", b"tru", b"undefined", b"[null]",
    b'[{"floor":null}]',
]  # fmt: skip
NASTY_KEYS = [
    "",
    "type",
    "book",
    "id",
    "time_ms",
    "Time_ms",
    "amount ",
    "__class__",
    "from",
    "\u0000",
    "price",
    "x" * 300,
]


def sample_lines(time_ms: int = 1_583_971_200_000) -> dict[str, list[bytes]]:
    """By topic, the valid lines, each with its own id."""
    return {
        topic: [
            json.dumps({"book": "main", "id": f"{topic}-{number}", "time_ms": time_ms} | message).encode()
            for number, message in enumerate(messages)
        ]
        for topic, messages in SAMPLES.items()
    }


def mutated_lines(seed: int, count: int) -> Iterator[tuple[str, bytes]]:
    """`count` pairs of topic and line: about a quarter of the lines stay valid, and none holds a line end."""
    chance = random.Random(seed)
    lines = sample_lines()
    topics = list(lines)
    for number in range(count):
        topic = chance.choice(topics)
        message = json.loads(chance.choice(lines[topic]))
        message["id"] = f"{seed}-{number}"
        message["time_ms"] += chance.randrange(-1000, 100_000)
        line = json.dumps(message, ensure_ascii=chance.random() < 0.5).encode(errors="surrogatepass")
        for _ in range(chance.choice((0, 1, 1, 2, 3))):
            line = chance.choice(MUTATIONS)(line, chance)
        if chance.random() < 0.02:
            topic = chance.choice(topics)
        yield topic, line.replace(b"\n", b" ")


def _flip(line: bytes, chance: random.Random) -> bytes:
    """Some bytes become other bytes."""
    out = bytearray(line)
    for _ in range(chance.randrange(1, 4)):
        if out:
            out[chance.randrange(len(out))] = chance.randrange(256)
    return bytes(out)


def _cut(line: bytes, chance: random.Random) -> bytes:
    """The end is missing, or the beginning."""
    at = chance.randrange(len(line) + 1)
    return line[:at] if chance.random() < 0.8 else line[at:]


def _drop(line: bytes, chance: random.Random) -> bytes:
    """A piece in the middle is missing."""
    at = chance.randrange(len(line) + 1)
    return line[:at] + line[at + chance.randrange(1, 12) :]


def _repeat(line: bytes, chance: random.Random) -> bytes:
    """A piece stands twice, or the whole line does."""
    if chance.random() < 0.2:
        return chance.choice((b"", b" ", b",")).join((line, line))
    at = chance.randrange(len(line) + 1)
    return line[:at] + line[max(0, at - chance.randrange(1, 40)) :]


def _insert(line: bytes, chance: random.Random) -> bytes:
    """Something foreign stands in the middle."""
    at = chance.randrange(len(line) + 1)
    return line[:at] + chance.choice(NASTY_RAW) + line[at:]


def _other(line: bytes, chance: random.Random) -> bytes:
    """Something else than an object."""
    return b"[" + line + b"]" if chance.random() < 0.5 else chance.choice(NASTY_RAW)


def _with_object(change: Callable[[dict[str, Any], random.Random], None]) -> Callable[[bytes, random.Random], bytes]:
    """A mutation of the parsed object; lines that are no object any more stay as they are."""

    def mutate(line: bytes, chance: random.Random) -> bytes:
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            return line
        if not isinstance(message, dict) or not message:
            return line
        change(message, chance)
        return json.dumps(message, ensure_ascii=chance.random() < 0.5).encode(errors="surrogatepass")

    return mutate


def _text(message: dict[str, Any], chance: random.Random) -> None:
    """A value becomes a nasty string."""
    message[chance.choice(list(message))] = chance.choice(NASTY_TEXT)


def _swap(message: dict[str, Any], chance: random.Random) -> None:
    """A value takes the place of another, or another type."""
    key = chance.choice(list(message))
    others: list[Any] = [message[chance.choice(list(message))], None, True, 0, -1, 1.5, 2**63, 10**30, [], {}, [None]]
    message[key] = chance.choice(others)


def _rekey(message: dict[str, Any], chance: random.Random) -> None:
    """A key goes, comes, or changes its name."""
    how = chance.randrange(3)
    if how == 0:
        message[chance.choice(NASTY_KEYS)] = chance.choice(NASTY_TEXT)
    else:
        value = message.pop(chance.choice(list(message)))
        if how == 1:
            message[chance.choice(NASTY_KEYS)] = value


def _jump(message: dict[str, Any], chance: random.Random) -> None:
    """The time lies far away."""
    message["time_ms"] = chance.choice((0, 1, 253_402_300_799_999, 4_102_444_800_000, 1_583_971_200_000 - 10**8))


def _raw_value(line: bytes, chance: random.Random) -> bytes:
    """A value becomes bytes that json.dumps would never write."""
    start = line.find(b":", chance.randrange(len(line) + 1))
    if start < 0:
        return line
    end = min((at for at in (line.find(b",", start), line.find(b"}", start)) if at >= 0), default=len(line))
    return line[: start + 1] + chance.choice(NASTY_RAW) + line[end:]


MUTATIONS: list[Callable[[bytes, random.Random], bytes]] = [
    _flip,
    _cut,
    _drop,
    _repeat,
    _insert,
    _other,
    _with_object(_text),
    _with_object(_swap),
    _with_object(_rekey),
    _with_object(_jump),
    _raw_value,
]
