"""What intake takes first (streams/live/lanes): by event time across partitions, each partition in its own order."""

from __future__ import annotations

from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from streams.live.frames import Lines
from streams.live.lanes import Lane, ready

Chunks = list[list[int]]


def lane(number: int, chunks: Chunks, done: list[tuple[int, int]]) -> Lane:
    """A lane with these times in chunks; `done` notes which are acknowledged."""
    made, offset = Lane((number // 2, number % 2)), 0
    for place, times in enumerate(chunks):
        offsets = list(range(offset, offset + len(times)))
        offset += len(times)
        values = [b"%d" % time for time in times]
        lines = Lines(str(number), offsets, values, [None] * len(times), [()] * len(times))
        made.add(lines, ["ab"[time % 2] for time in times], times, lambda place=place: done.append((number, place)))  # type: ignore[misc]
    return made


def went(lanes: list[Lane], book: str | None = None) -> list[tuple[str, int]]:
    """(source, offset) in the order taken, of one book or all; nothing is to come."""
    found = []
    for chunk, start, stop in ready(lanes, lambda _: True):
        lines = [chunk.lines[start:stop]] if book is None else [chunk.of(book, start, stop)]
        found += [(part.source, offset) for part in lines for offset in part.offsets]
    return found


VENUES = st.lists(st.lists(st.lists(st.integers(0, 12), max_size=5), max_size=4), max_size=5)


@given(VENUES)
def test_all_goes_by_running_maximum_then_rank(venue: list[Chunks]) -> None:
    """The order of the merge of files, whatever the chunks; every chunk is acknowledged, in order."""
    done: list[tuple[int, int]] = []
    lanes = [lane(number, chunks, done) for number, chunks in enumerate(venue)]
    expected = []
    for number, chunks in enumerate(venue):
        latest = 0
        for offset, time in enumerate(time for chunk in chunks for time in chunk):
            latest = max(latest, time)
            expected.append(((latest, number, offset), (str(number), offset)))
    assert went(lanes) == [place for _, place in sorted(expected)]
    for one in lanes:
        one.acknowledge()
    assert sorted(done) == [(number, place) for number, chunks in enumerate(venue) for place in range(len(chunks))]


@given(VENUES)
def test_books_are_told_apart_in_the_same_order(venue: list[Chunks]) -> None:
    """A line is for one book; each book sees its lines in the order of all."""
    times = {
        (str(n), at): time for n, chunks in enumerate(venue) for at, time in enumerate(chain.from_iterable(chunks))
    }
    whole = went([lane(number, chunks, []) for number, chunks in enumerate(venue)])
    for parity, book in enumerate("ab"):
        lanes = [lane(number, chunks, []) for number, chunks in enumerate(venue)]
        assert went(lanes, book) == [place for place in whole if times[place] % 2 == parity]


def test_an_empty_lane_with_more_to_come_ends_what_goes() -> None:
    """Later lines of others wait for it; its own chunk is acknowledged, theirs are not."""
    done: list[tuple[int, int]] = []
    first, other = lane(0, [[1, 5]], done), lane(2, [[2, 9]], done)
    found = ready([first, other], lambda one: one is not first)
    assert [(chunk.lines.source, start, stop) for chunk, start, stop in found] == [
        ("0", 0, 1),
        ("2", 0, 1),
        ("0", 1, 2),
    ]
    first.acknowledge()
    other.acknowledge()
    assert done == [(0, 0)]
