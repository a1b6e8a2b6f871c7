"""Logs from disk and their merge (RULEBOOK 16.2): nothing is lost, everything has its place, nothing is held."""

import base64
import gzip
import io
import json
import random
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from schemas.codes import Code, Refused
from schemas.decode import LINE_MAX_BYTES, decode
from schemas.governed import BookMessage
from schemas.inputs import TOPICS, Heartbeat
from streams import heartbeats, logs
from streams.batch import Batch, Source
from streams.dead_letters import DeadLetters
from streams.logs import Block, Log, LogsError, find_logs, open_log, read_blocks
from streams.merge import AHEAD_MS, merge, merge_logs
from tests.fuzz_lines import mutated_lines, sample_lines

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    ".jsonl": bytes,
    ".jsonl.gz": gzip.compress,
    ".jsonl.zst": zstandard.ZstdCompressor(write_checksum=True).compress,
}
NOISE = random.Random(7).randbytes(60_000).hex().encode()  # does not pack well, so that a cut lies inside it
GOOD = json.dumps({"type": "period", "book": "b", "id": "1", "time_ms": 5}).encode()

Row = tuple[int, bytes, Code | None]


def rows(path: Path, topic: str = "commands") -> list[Row]:
    """Every line that comes out of a file: number, bytes, and the code if the reader itself refuses it."""
    found: list[Row] = []
    for block in read_blocks(open_log(path, topic)):
        code = block.refused.code if block.refused else None
        found += [(int(number), line, code) for number, line in zip(block.numbers, block.lines(), strict=True)]
    return found


def written(path: Path, data: bytes) -> Path:
    """A file with this content."""
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("suffix", PACKERS)
@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", []),
        (b"\n", []),
        (b"\r\n\n\r\n", []),
        (b"a\nb\n", [(1, b"a", None), (2, b"b", None)]),
        (b"a\r\nb\r\n", [(1, b"a", None), (2, b"b", None)]),
        (b"\na\n\n\nb\n\n", [(2, b"a", None), (5, b"b", None)]),
        (b"a\n\r\n b\rc \n", [(1, b"a", None), (3, b" b\rc ", None)]),
        (b"a\n" + GOOD, [(1, b"a", None), (2, GOOD, None)]),
        (b"a\n" + GOOD + b"\r", [(1, b"a", None), (2, GOOD, None)]),
        (b"a\n" + GOOD[:-1], [(1, b"a", None), (2, GOOD[:-1], Code.CUT_LINE)]),
        (b"a\n\n\xff", [(1, b"a", None), (3, b"\xff", Code.CUT_LINE)]),
        (b"a\n  ", [(1, b"a", None)]),
        (b"{}", [(1, b"{}", None)]),
    ],
)
def test_lines_keep_their_numbers(tmp_path: Path, suffix: str, data: bytes, expected: list[Row]) -> None:
    """Empty lines are skipped but counted, CRLF is a line end, and the last line may lack its own."""
    assert rows(written(tmp_path / f"commands{suffix}", PACKERS[suffix](data))) == expected


@given(st.lists(st.sampled_from([b"", b"x", b"y" * 9, b"z" * 40, b"w" * 100, b"\r"])), st.integers(1, 30))
def test_blocks_cut_nowhere_but_between_lines(lines: list[bytes], size: int) -> None:
    """Whatever the size of a block, the same lines with the same numbers; lines above the bound are refused."""
    data = b"".join(line + b"\n" for line in lines)
    expected = []
    for number, line in enumerate(lines, 1):
        if len(line) > 64:
            expected.append((number, line[:16], Code.LINE_TOO_LONG))
        elif line.strip():
            expected.append((number, line, None))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logs, "BLOCK_BYTES", size)
        patch.setattr(logs, "LINE_MAX_BYTES", 64)
        patch.setattr(logs, "PREFIX_BYTES", 16)
        splitter = logs._Splitter(Log(Path("x.jsonl"), "commands"))
        blocks = [*splitter.feed(data), *splitter.finish(None)]
    found = [
        (int(number), line, block.refused.code if block.refused else None)
        for block in blocks
        for number, line in zip(block.numbers, block.lines(), strict=True)
    ]
    assert found == expected


@pytest.mark.parametrize("suffix", PACKERS)
def test_a_long_line_is_refused_and_the_next_one_read(tmp_path: Path, suffix: str) -> None:
    """1 MiB is a line, one byte more is not; the reason says how long, the dead letter holds the beginning."""
    most, long = b"m" * LINE_MAX_BYTES, b"l" * (LINE_MAX_BYTES + 1)
    data = b"\n".join([GOOD, most, GOOD, long, GOOD, long])
    found = rows(written(tmp_path / f"commands{suffix}", PACKERS[suffix](data)))
    long_row = (b"l" * logs.PREFIX_BYTES, Code.LINE_TOO_LONG)
    assert found[:5] == [(1, GOOD, None), (2, most, None), (3, GOOD, None), (4, *long_row), (5, GOOD, None)]
    assert found[5:] == [(6, *long_row)]


@pytest.mark.parametrize("suffix", PACKERS)
def test_a_huge_line_is_never_held(tmp_path: Path, suffix: str) -> None:
    """A line of 64 MiB, packed into almost nothing, passes through in bounded memory."""
    path = written(tmp_path / f"commands{suffix}", PACKERS[suffix](b"\0" * (1 << 26) + b"\n" + GOOD))
    tracemalloc.start()
    found = rows(path)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [row[0::2] for row in found] == [(1, Code.LINE_TOO_LONG), (2, None)]
    assert peak_bytes < 80 << 20  # a .zst gives up to 32 MiB at a time, put together from halves


@pytest.mark.parametrize("suffix", [".jsonl.gz", ".jsonl.zst"])
def test_a_cut_archive_gives_what_it_has(tmp_path: Path, suffix: str) -> None:
    """However short it is cut: whole lines from the beginning, then one CUT_FILE with the rest of the last line."""
    lines = [b'{"n":"%d %s"}' % (at, NOISE[at * 100 : at * 100 + 100]) for at in range(1000)]
    packed = PACKERS[suffix](b"\n".join(lines))
    got = []
    for keep in [0, 1, 5, 20, *range(1000, len(packed), 9973), len(packed) - 1]:
        *whole, (number, rest, code) = rows(written(tmp_path / f"commands{suffix}", packed[:keep]))
        assert code is Code.CUT_FILE
        assert whole == [(at, lines[at - 1], None) for at in range(1, len(whole) + 1)]
        assert number == len(whole) + 1
        assert rest == b"" or lines[len(whole)].startswith(rest)
        got.append(len(whole))
    assert got == sorted(got)
    assert (got[0], got[-1]) == (0, 1000) if suffix == ".jsonl.gz" else got[-1] > 500


@pytest.mark.parametrize("suffix", [".jsonl.gz", ".jsonl.zst"])
def test_a_broken_archive_gives_what_it_has(tmp_path: Path, suffix: str) -> None:
    """One byte changed anywhere ends in CUT_FILE or in lines, never in a traceback; a bad sum at the end costs nothing
    but the trust."""
    lines = [b'{"n":"%d %s"}' % (at, NOISE[at * 100 : at * 100 + 100]) for at in range(1000)]
    packed = PACKERS[suffix](b"\n".join(lines) + b"\n")
    for at in [*range(12), *range(50, len(packed), 4999), len(packed) - 3]:
        broken = bytearray(packed)
        broken[at] ^= 0x55
        found = rows(written(tmp_path / f"commands{suffix}", bytes(broken)))
        assert found[-1][2] in (Code.CUT_FILE, None)
        if suffix == ".jsonl.gz" and at == len(packed) - 3:
            assert [row[1] for row in found] == [*lines, b""]
    rows(written(tmp_path / f"commands{suffix}", GOOD))
    (only,) = rows(written(tmp_path / f"commands{suffix}", GOOD))
    assert only == (1, b"", Code.CUT_FILE)


@pytest.mark.parametrize("suffix", [".jsonl.gz", ".jsonl.zst"])
def test_archives_may_be_joined_and_padded(tmp_path: Path, suffix: str) -> None:
    """Members one behind another are one file; a .gz may be padded with zeros."""
    pack = PACKERS[suffix]
    padding = b"\0" * 100_000 if suffix == ".jsonl.gz" else b""
    data = pack(GOOD + b"\n") + pack(b"") + pack(GOOD[:10]) + pack(GOOD[10:] + b"\n") + padding
    assert rows(written(tmp_path / f"commands{suffix}", data)) == [(1, GOOD, None), (2, GOOD, None)]


def test_a_directory_has_one_log_for_a_topic(tmp_path: Path) -> None:
    """Found in the order of the topics; two for one, none at all, or no directory are said in words."""
    with pytest.raises(LogsError, match="cannot read the directory"):
        find_logs(tmp_path / "nowhere")
    written(tmp_path / "trades.json", GOOD)
    written(tmp_path / "notes.jsonl", GOOD)
    with pytest.raises(LogsError, match=r"no log in .*expected at least one of reference.jsonl"):
        find_logs(tmp_path)
    written(tmp_path / "trades.jsonl.zst", b"")
    written(tmp_path / "reference.jsonl.gz", b"")
    assert [(log.topic, log.path.name) for log in find_logs(tmp_path)] == [
        ("reference", "reference.jsonl.gz"),
        ("trades", "trades.jsonl.zst"),
    ]
    written(tmp_path / "trades.jsonl", b"")
    with pytest.raises(LogsError, match=r"two logs for one topic: trades.jsonl, trades.jsonl.zst"):
        find_logs(tmp_path)
    (tmp_path / "trades.jsonl").unlink()
    (tmp_path / "trades.jsonl.zst").unlink()
    (tmp_path / "trades.jsonl").mkdir()
    with pytest.raises(LogsError, match="cannot read"):
        list(merge_logs(find_logs(tmp_path)))


def test_what_was_read_is_counted(tmp_path: Path) -> None:
    """A progress bar can be fed with the bytes read from disk."""
    log = open_log(written(tmp_path / "commands.jsonl.gz", gzip.compress(NOISE)), "commands")
    list(read_blocks(log))
    assert log.done_bytes == log.size_bytes > 0


# The merge, and its naive twin.

Plan = dict[str, list[int | None]]  # by topic, the time of each line; None for a line that is no input


def line_at(topic: str, number: int, time_ms: int | None) -> bytes:
    """A line of a topic at a time; in reference every line opens a book of its own."""
    if time_ms is None:
        return b"no input"
    message = json.loads(sample_lines()[topic][0]) | {"id": f"{topic}-{number}", "time_ms": time_ms}
    if topic == "reference":
        message["book"] = f"book {number}"
    return json.dumps(message).encode()


def blocks_of(plan: Plan, size: int) -> list[Iterator[Block]]:
    """The logs of a plan in blocks of `size` lines."""

    def blocks(topic: str, lines: list[bytes]) -> Iterator[Block]:
        log = Log(Path(f"{topic}.jsonl"), topic)
        for start in range(0, len(lines), size):
            some = lines[start : start + size]
            yield Block(log, b"\n".join(some), np.arange(start + 1, start + 1 + len(some), dtype=np.int64))

    return [blocks(topic, [line_at(topic, *row) for row in enumerate(times, 1)]) for topic, times in plan.items()]


def naive_keys(times: list[int | None]) -> list[int]:
    """The running maximum, but for jumps that the next line takes back."""
    keys, now = [], -1
    for place, time in enumerate(times):
        later = next((other for other in times[place + 1 :] if other is not None), None)
        if time is not None:
            jump = now == -1 or time > now + AHEAD_MS
            if not (jump and later is not None and later < time - AHEAD_MS):
                now = max(now, time)
        keys.append(now)
    return keys


def naive_merge(plan: Plan, grid_ms: int) -> list[Any]:
    """(topic, line, key) of each line in order, and ("heartbeat", book, time) between them."""
    lines = []
    for rank, topic in enumerate(TOPICS):
        times = plan.get(topic, [])
        lines += [(key, rank, number, topic, times[number - 1]) for number, key in enumerate(naive_keys(times), 1)]
    out: list[Any] = []
    books: list[str] = []
    now = -1
    for key, _, number, topic, time in sorted(lines):
        if grid_ms and 0 <= now < key <= now + AHEAD_MS:
            for point in range(-(-now // grid_ms) * grid_ms, key, grid_ms):
                out += [("heartbeat", book, point) for book in books]
        now = key
        out.append((topic, number, key))
        if topic == "reference" and time is not None:
            books.append(f"book {number}")
    return out


def flat(batches: Iterator[Batch]) -> list[Any]:
    """The merge in the form of its twin; checks on the way that every message is its own line."""
    out: list[Any] = []
    for batch in batches:
        lines = [batch.line(at) for at in range(len(batch.messages))]
        assert len(batch.messages) == len(lines) == len(batch.times_ms)
        for at, message in enumerate(batch.messages):
            source, key = batch.source(at), int(batch.times_ms[at])
            if source == Source("", 0, "commands"):
                assert isinstance(message, Heartbeat)
                assert (message.id, lines[at], key) == (f"heartbeat/{message.time_ms}", b"", message.time_ms)
                out.append(("heartbeat", message.book, message.time_ms))
                continue
            assert source.file == f"{source.topic}.jsonl"
            if isinstance(message, Refused):
                assert lines[at] == b"no input"
            else:
                assert message == decode(lines[at], source.topic)
                assert message.id == f"{source.topic}-{source.line}"
            out.append((source.topic, source.line, key))
    return out


DAY_MS = 86_400_000
START_MS = 1_583_971_200_000
TIMES = st.one_of(
    st.integers(0, 12).map(lambda second: START_MS + 500 * second),
    st.integers(0, 12).map(lambda second: START_MS + 500 * second),
    st.sampled_from([0, 1, START_MS - 30 * DAY_MS, START_MS + 6 * DAY_MS, START_MS + 8 * DAY_MS, 253_402_300_799_999]),
    st.none(),
)
PLANS = st.dictionaries(st.sampled_from(list(TOPICS)), st.lists(TIMES, max_size=12))


@given(PLANS, st.integers(1, 5), st.sampled_from([0, DAY_MS, 3_600_000]))
def test_the_merge_is_its_naive_twin(plan: Plan, size: int, grid_ms: int) -> None:
    """Order, keys and heartbeats agree for any times, any bad lines, any cut into blocks."""
    assert flat(merge(blocks_of(plan, size), grid_ms)) == naive_merge(plan, grid_ms)


@given(st.lists(st.integers(0, 40), max_size=40), st.integers(1, 7), st.sampled_from([1000, 1500, 5000]))
def test_heartbeats_stand_on_the_grid(steps: list[int], size: int, grid_ms: int) -> None:
    """On a fine grid, where lines fall on grid points and beside them."""
    plan: Plan = {
        "reference": [START_MS, START_MS + 9_000],
        "prices": [START_MS + 250 * step for step in sorted(steps)],
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(heartbeats, "BATCH_MESSAGES", 8)
        assert flat(merge(blocks_of(plan, size), grid_ms)) == naive_merge(plan, grid_ms)


def test_ties_go_by_rank_then_line() -> None:
    """A log that has more lines of the same time in its next block is not overtaken by one of higher rank."""
    plan: Plan = {topic: [7] * 5 for topic in reversed(TOPICS)}
    expected = [(topic, number, 7) for topic in TOPICS for number in range(1, 6)]
    for size in (1, 2, 5):
        assert flat(merge(blocks_of(plan, size))) == expected


def test_a_wrong_clock_holds_nothing_back() -> None:
    """A line of the year 9999 stays where it was written; a confirmed pause is believed; neither brings heartbeats."""
    start, late = START_MS + 5, START_MS + 5 + 20 * DAY_MS
    plan: Plan = {
        "reference": [start],
        "commands": [start, late, late + 1],
        "prices": [start, 253_402_300_799_999, start + 1, late + 2],
    }
    order = [row[:2] for row in flat(merge(blocks_of(plan, 2), DAY_MS))]
    assert order[-4:] == [("prices", 3), ("commands", 2), ("commands", 3), ("prices", 4)]
    assert "heartbeat" not in [row[0] for row in order]


def test_a_first_line_of_the_wrong_year_is_seen_by_the_second() -> None:
    """It does not push its file behind the others."""
    plan: Plan = {"prices": [253_402_300_799_999, START_MS, START_MS + 1], "trades": [START_MS, START_MS + 1]}
    topics = [row[0] for row in flat(merge(blocks_of(plan, 2)))]
    assert topics == ["prices", "prices", "trades", "prices", "trades"]


def test_a_long_quiet_gap_is_woven_in_bounded_batches() -> None:
    """Almost seven days of heartbeats every second, none of the batches far above its bound."""
    plan: Plan = {"reference": [START_MS, START_MS + AHEAD_MS]}
    sizes = [len(batch.messages) for batch in merge(blocks_of(plan, 2), 1000)]
    assert sum(sizes) == 2 + AHEAD_MS // 1000
    assert max(sizes) <= heartbeats.BATCH_MESSAGES + 1


@pytest.mark.parametrize("grid_ms", [-1, 1, 999])
def test_a_grid_below_a_second_is_refused(grid_ms: int) -> None:
    """It is an option of the command line, not an input: no code, a ValueError."""
    with pytest.raises(ValueError, match="expected 0 or at least 1000"):
        merge([], grid_ms)


def test_the_same_logs_packed_differently_merge_alike(tmp_path: Path) -> None:
    """Plain, .gz and .zst, mutated lines included: same order, same messages, same refusals."""
    by_topic: dict[str, list[bytes]] = {topic: [] for topic in TOPICS}
    for topic, line in mutated_lines(6, 8_000):
        by_topic[topic].append(line)
    seen = []
    for suffix, pack in PACKERS.items():
        for topic, lines in by_topic.items():
            written(tmp_path / f"{topic}{suffix}", pack(b"\n".join(lines)))
        rows_here = []
        for batch in merge_logs(find_logs(tmp_path), 60_000):
            for at, message in enumerate(batch.messages):
                outcome = (message.code, message.reason) if isinstance(message, Refused) else message
                rows_here.append((outcome, *batch.source(at)[1:], batch.line(at)))
        seen.append(rows_here)
        for topic in by_topic:
            (tmp_path / f"{topic}{suffix}").unlink()
    assert seen[0] == seen[1] == seen[2]
    lines_read = [row[2:0:-1] for row in seen[0] if row[1]]
    expected = [(topic, at) for topic, lines in by_topic.items() for at, line in enumerate(lines, 1) if line]
    assert sorted(lines_read) == sorted(expected)
    assert any(isinstance(row[0], BookMessage) for row in seen[0])


def test_dead_letters_keep_the_bytes() -> None:
    """Text as text, anything else in base64, both exact; counts by code with the first place."""
    file = io.BytesIO()
    letters = DeadLetters(file)
    values = [b'{"a":"\\u0000 \xc3\xa9\x7f"}', b"", b"\xff\x00", b"\xed\xa0\x80", "漢\x00\u2028".encode()]
    for number, value in enumerate(values, 1):
        letters.add(Refused(Code.BAD_UTF8, "why\udcff"), Source("a\udcff.jsonl", number, "trades"), value)
    letters.add(Refused(Code.NOT_JSON, "how"), Source("b.jsonl", 9, "prices"), b"{")
    written_lines = file.getvalue().splitlines()
    back = [json.loads(line) for line in written_lines]
    assert [
        base64.b64decode(row["value_base64"]) if "value_base64" in row else row["value"].encode() for row in back
    ] == [*values, b"{"]
    assert list(back[5].items())[:6] == [
        ("code", 102),
        ("name", "NOT_JSON"),
        ("reason", "how"),
        ("file", "b.jsonl"),
        ("line", 9),
        ("topic", "prices"),
    ]
    assert letters.counts() == {"BAD_UTF8": 5, "NOT_JSON": 1}
    assert letters.tallies[Code.BAD_UTF8].first.line == 1
    DeadLetters(None).add(Refused(Code.NOT_JSON, "no file, only counted"), Source("", 0, ""), b"")
