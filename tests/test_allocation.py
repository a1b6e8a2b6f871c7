"""Allocation (rulebook 9): a slow twin in fractions, the promises of the rule, and caps chosen to hurt."""

from collections.abc import Iterator, Sequence
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine import allocation, level
from engine.allocation import Allocation, allocate

HUGE = 10**40


def twin(amount: int, weights: Sequence[int], caps: Sequence[int]) -> tuple[list[int], list[int]]:
    """Shares and remainder ranks by the words of rulebook 9, one payer at a time."""
    level, full = Fraction(0), {i for i, weight in enumerate(weights) if weight == 0}
    shares = [0] * len(weights)
    while len(full) < len(weights):
        left = amount - sum(shares[i] for i in full)
        level = Fraction(left, sum(weight for i, weight in enumerate(weights) if i not in full))
        newly = {i for i in range(len(weights)) if i not in full and caps[i] <= level * weights[i]}
        if not newly:
            break
        full |= newly
        for i in newly:
            shares[i] = caps[i]
    below = [i for i in range(len(weights)) if i not in full]
    for i in below:
        shares[i] = level * weights[i] // 1
    missing = amount - sum(shares) if below else 0
    ranks = [0] * len(weights)
    for rank, i in enumerate(sorted(below, key=lambda i: (-(level * weights[i] % 1), i))[:missing], start=1):
        assert shares[i] < caps[i]
        shares[i] += 1
        ranks[i] = rank
    return shares, ranks


def check(result: Allocation, amount: int, weights: Sequence[int], caps: Sequence[int]) -> None:
    """The definition, row by row in Python ints: it has one solution, so whoever passes here is right."""
    payable = sum(cap for weight, cap in zip(weights, caps, strict=True) if weight)
    assert sum(result.shares.tolist()) == min(amount, payable)
    assert result.remainder_ranks.dtype == np.int64
    units, level_weight, open_weight, candidates = result.level_units, result.level_weight, 0, []
    rows = zip(weights, caps, result.shares.tolist(), result.remainder_ranks.tolist(), strict=True)
    for i, (weight, cap, share, rank) in enumerate(rows):
        if level_weight == 0 or cap * level_weight <= units * weight or weight == 0:
            assert (share, rank) == (cap if weight else 0, 0)
        else:
            assert share == units * weight // level_weight + (rank > 0)
            candidates.append((-(units * weight % level_weight), i, rank))
            open_weight += weight
    assert level_weight == open_weight
    assert units == 0 or level_weight  # a receipt of who all paid their caps tells level 0 / 0
    count = int(result.winners.sum())
    assert [rank for _, _, rank in sorted(candidates)] == [*range(1, count + 1), *[0] * (len(candidates) - count)]


@st.composite
def cases(draw: st.DrawFn) -> tuple[int, list[int], list[int] | None]:
    """Amount, weights, caps: sizes from 1 to 10^40, many equal, some zero, some caps a multiple of the weight."""
    sizes = st.sampled_from([1, 3, 10**6, 2**31, 2**40, 2**61 - 1, 2**62, 2**63, HUGE])
    greatest_weight, greatest_cap = draw(sizes), draw(sizes)
    some = st.sampled_from([0, 1, greatest_weight])
    weights = draw(st.lists(some | st.integers(0, greatest_weight), max_size=12))
    multiple = draw(st.integers(1, 5))
    caps = [
        draw(
            st.sampled_from([0, greatest_cap, multiple * weight, multiple * weight + 1]) | st.integers(0, greatest_cap)
        )
        for weight in weights
    ]
    payable = sum(cap for weight, cap in zip(weights, caps, strict=True) if weight)
    amount = draw(st.integers(0, payable + 2) | st.integers(0, 2 * len(weights)) | sizes)
    return amount, weights, draw(st.sampled_from([caps, caps, caps, None]))


@settings(max_examples=500)
@given(cases())
def test_agrees_with_the_twin(case: tuple[int, list[int], list[int] | None]) -> None:
    """Shares and ranks are those of the rule's words, whatever the sizes; the receipt's formula gives them."""
    amount, weights, caps = case
    result = allocate(amount, weights, caps)
    uncapped = [amount + 1] * len(weights) if caps is None else caps
    assert (result.shares.tolist(), result.remainder_ranks.tolist()) == twin(amount, weights, uncapped)
    assert result.shares.dtype == (np.int64 if amount < 2**63 else object)
    check(result, amount, weights, uncapped)


@given(cases(), st.randoms(use_true_random=False))
def test_order_decides_only_ties(case: tuple[int, list[int], list[int] | None], random: object) -> None:
    """Rows in another order get the same level and floors; only units of equal remainders may change hands."""
    amount, weights, caps = case
    order = list(range(len(weights)))
    random.shuffle(order)  # type: ignore[attr-defined]
    first = allocate(amount, weights, caps)
    second = allocate(amount, [weights[i] for i in order], None if caps is None else [caps[i] for i in order])
    assert (second.level_units, second.level_weight) == (first.level_units, first.level_weight)
    assert (second.shares - second.winners).tolist() == (first.shares - first.winners)[order].tolist()
    assert sorted(second.remainders[second.winners]) == sorted(first.remainders[first.winners])


@given(cases())
def test_every_way_to_hand_in_rows_is_the_same(case: tuple[int, list[int], list[int] | None]) -> None:
    """Lists and columns of Python ints, of int64 and of uint64, contiguous or not, stay as they were."""
    amount, weights, caps = case
    wanted = allocate(amount, weights, caps).shares.tolist()
    for dtype, limit in ((object, None), (np.int64, 2**63), (np.uint64, 2**64)):
        if limit is None or max([*weights, *(caps or [])], default=0) < limit:
            both = np.array([weights, caps or weights], dtype=dtype).T.copy()
            before = both.copy()
            got = allocate(amount, both[:, 0], None if caps is None else both[:, 1])
            assert got.shares.tolist() == wanted
            assert (both == before).all()


def columns(name: str, size: int) -> tuple[int, NDArray[np.int64], NDArray[np.int64]]:
    """Many payers with caps that hurt one of the ways to find the level."""
    chance = np.random.default_rng(7)
    weights = chance.integers(1, 2**40, size)
    match name:
        case "random":
            caps = chance.integers(0, 2**40, size)
        case "heavy":  # each pass of a plain fixed point fills one payer, at twice the level before it
            return fixed_point_trap(size, heavy=36)
        case "equal":  # the level is 1/3, no binary fraction, and half of the payers are full just there
            weights = 3 * chance.integers(1, 2**32, size)
            caps = np.where(np.arange(size) % 2, weights // 3, weights)
            return int(weights.sum()) // 3, weights, caps
        case "half":  # the level is 1/2, a binary fraction, the ratio of some, just above that of others
            weights = 2 * weights
            caps = weights // 2 - np.arange(size) % 4 + 2 * (np.arange(size) % 4 == 3) * weights
            return int(np.minimum(weights // 2, caps).sum()), weights, caps
        case "close":  # ratios that differ in the last digit only
            weights = 2**40 - chance.integers(0, 1000, size)
            caps = weights + chance.integers(0, 2, size)
        case _:  # a few without a real cap, the others far below one per weight
            caps = np.where(chance.integers(0, 50, size) == 0, 2**60, chance.integers(0, 100, size))
    return int(caps.sum(dtype=object)) * 9 // 10, weights, caps


def fixed_point_trap(size: int, heavy: int) -> tuple[int, NDArray[np.int64], NDArray[np.int64]]:
    """Weights that halve, each cap just above what its payer pays at the level before; the rest never full."""
    weights = np.ones(size, dtype=np.int64)
    weights[:heavy] = [size << (heavy - i) for i in range(heavy)]
    caps = np.full(size, 2**50, dtype=np.int64)
    left, total, before = 2**60, int(weights.sum()), Fraction(0)
    for i in range(heavy):
        level = Fraction(left, total)
        caps[i] = min(int(before * int(weights[i])) + 1, int(level * int(weights[i])))
        left, total, before = left - int(caps[i]), total - int(weights[i]), level
    return 2**60, weights, caps


NAMES = ["random", "heavy", "equal", "half", "close", "uneven"]


@pytest.mark.parametrize("name", NAMES)
def test_many_payers_take_few_passes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Caps chosen to hurt give right shares, and cost sums over at most some forty times the rows."""
    size = 50_000
    amount, weights, caps = columns(name, size)
    seen: list[int] = []
    exact_sum = level.exact_sum

    def counted_sum(column: NDArray[np.int64], *mask: NDArray[np.bool_]) -> int:
        seen.append(column.size)
        return exact_sum(column, *mask)

    for module in (allocation, level):
        monkeypatch.setattr(module, "exact_sum", counted_sum)
    result = allocate(amount, weights, caps)
    assert sum(seen) < 40 * size
    check(result, amount, weights.tolist(), caps.tolist())


@pytest.mark.parametrize("name", NAMES)
def test_python_ints_give_the_same(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The path for numbers that do not fit int64 gives what the int64 path gives, to the last field."""
    amount, weights, caps = columns(name, 20_000)
    fast = allocate(amount, weights, caps)
    monkeypatch.setattr(allocation, "FAST_LIMIT", 0)
    slow = allocate(amount, weights, caps)
    assert slow.remainders.dtype == object
    assert (slow.level_units, slow.level_weight) == (fast.level_units, fast.level_weight)
    assert slow.shares.tolist() == fast.shares.tolist()
    assert slow.remainders.tolist() == fast.remainders.tolist()
    assert slow.remainder_ranks.tolist() == fast.remainder_ranks.tolist()


def test_rows_in_blocks_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """How many rows are worked on at a time changes nothing; the last block may be a part of one."""
    amount, weights, caps = columns("random", 1000)
    whole = allocate(amount, weights, caps)
    monkeypatch.setattr(allocation, "BLOCK", 300)
    parts = allocate(amount, weights, caps)
    assert parts.shares.tolist() == whole.shares.tolist()
    assert parts.remainders.tolist() == whole.remainders.tolist()


@pytest.mark.parametrize("bits", [1, 31, 32, 33, 42, 50, 60])
def test_wide_weights_are_exact(bits: int) -> None:
    """Quotients by multiplication are exact for weights of any width that int64 columns admit."""
    chance = np.random.default_rng(bits)
    count = max(1, 2 ** (60 - bits)) if bits > 50 else 1000
    weights = np.append(chance.integers(2 ** (bits - 1), 2**bits, count), chance.integers(0, 2, 500))
    for amount in (1, 997, 2**40 + 1, int(weights.sum()) - 1, 2**61 - 1, 2**61, 2**63 - 1):
        result = allocate(amount, weights)
        check(result, amount, weights.tolist(), [amount + 1] * weights.size)


@pytest.mark.parametrize(
    ("amount", "weights", "caps", "shares"),
    [
        (10, [], None, []),  # nobody
        (10, [0, 0], [5, 5], [0, 0]),  # nobody with a weight
        (10, [0, 7], None, [0, 10]),  # a single payer
        (10, [3, 7], [2, 1], [2, 1]),  # above all caps
        (3, [3, 7], [2, 1], [2, 1]),  # exactly all caps
        (0, [3, 7], [2, 1], [0, 0]),  # nothing to pay
        (2, [1, 1, 1], None, [1, 1, 0]),  # ties to the lower position
        (7, [1, 1, 1], [1, 9, 9], [1, 3, 3]),  # what is above a cap is shared again
        (7, [1, 1, 1], [0, 9, 9], [0, 4, 3]),  # a cap of zero is full from the start
        (7, [1, 1, 1], [2, 9, 9], [2, 3, 2]),  # full at a level of 5/2: its half unit is no remainder
        (8, [1, 1], [4, 9], [4, 4]),  # full just at the level
        (16, [100, 1, 1], [10, 9, 9], [10, 3, 3]),  # far beyond its cap
        (325, [1] * 8, [40] * 5 + [41, 43, 43], [40] * 5 + [41, 42, 42]),  # most have the least ratio
        (HUGE + 1, [1, 1], [HUGE, HUGE], [HUGE // 2 + 1, HUGE // 2]),
    ],
)
def test_small_cases(amount: int, weights: list[int], caps: list[int] | None, shares: list[int]) -> None:
    """What anyone can check by hand."""
    result = allocate(amount, weights, caps)
    assert result.shares.tolist() == shares
    check(result, amount, weights, [amount + 1] * len(weights) if caps is None else caps)


def test_neighbouring_ratios_are_told_apart() -> None:
    """A level between two fractions as close as their sizes allow fills the lower and leaves the higher open."""
    older, newer = (1, 1), (1, 2)  # cap and weight: ratios of Fibonacci numbers, 1 / (w * w') apart
    while newer[1] < HUGE:
        older, newer = newer, (newer[1], sum(newer))
        low, high = sorted((older, newer), key=lambda pair: Fraction(*pair))
        amount, weights, caps = 2 * low[0] + high[0], [low[1], high[1], low[1]], [low[0], high[0], HUGE]
        result = allocate(amount, weights, caps)
        assert (result.level_units, result.level_weight) == (low[0] + high[0], low[1] + high[1])
        check(result, amount, weights, caps)


def defects() -> Iterator[tuple[object, object, object]]:
    """Inputs that are defects of the caller."""
    yield from [(-1, [1], None), (1, [1, -1], None), (1, [1, 1], [-1, 1]), (1, [1, 2], [1]), (1, [-HUGE], None)]
    yield from [(1.0, [1], None), (1, [1.0], None), (1, [1], [None]), ("1", [1], None), (1, ["1"], None)]
    yield from [(1, np.ones(2), None), (1, np.ones((2, 2), dtype=np.int64), None), (1, [[1]], None)]
    yield from [(1, 1, None), (1, None, None), (1, np.array(1), None), (1, [1], np.array([HUGE, -HUGE]))]


@pytest.mark.parametrize(("amount", "weights", "caps"), list(defects()))
def test_defects_are_refused(amount: object, weights: object, caps: object) -> None:
    """Negative, fractional, misshapen and unequal inputs raise ValueError, never a wrong share."""
    with pytest.raises(ValueError, match="expected"):
        allocate(amount, weights, caps)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("amount", "weights", "caps", "name"),
    [(-1, [1], None, "amount"), (1, [-1], None, "weights"), (1, [1], [-1], "caps")],
)
def test_a_refusal_names_what_is_wrong(amount: int, weights: list[int], caps: list[int] | None, name: str) -> None:
    """The argument, by its name."""
    with pytest.raises(ValueError, match=f" in {name}$"):
        allocate(amount, weights, caps)
