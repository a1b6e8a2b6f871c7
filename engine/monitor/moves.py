"""How much, how far, how fast (RULEBOOK 13): breaches of margin, falls from a peak, rises; ratios stay exact."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction


def ratio(part: int, whole: int) -> Fraction:
    """A move over the move that margin covered, a loss over the position that made it. `whole` is above zero."""
    return Fraction(part, whole)


def excess(part: int, whole: int) -> Fraction:
    """What is above the whole, as a part of it: a move 1.39 times the covered one is 0.39 beyond it."""
    return Fraction(part - whole, whole)


def peak_to_trough(levels: Sequence[int]) -> Fraction:
    """The deepest fall from what had been the peak, as a part of that peak; 0 while nothing fell.

    Levels above zero, by time.
    """
    deepest, peak = Fraction(0), levels[0] if levels else 0
    for level in levels:
        peak = max(peak, level)
        deepest = max(deepest, ratio(peak - level, peak))
    return deepest


def largest_rise(levels: Sequence[int], steps: int) -> Fraction:
    """The largest rise over so many steps, as a part of where it began: how fast margin may be called up (EMIR RTS)."""
    rises = [excess(late, early) for early, late in zip(levels, levels[steps:], strict=False)]
    return max(rises, default=Fraction(0))


def depth(losses: Sequence[int], resources: int) -> int:
    """How many of the largest losses fit into resources together: how many may default before the next layer."""
    left, count = resources, 0
    for loss in sorted(losses, reverse=True):
        left -= loss
        if left < 0:
            break
        count += 1
    return count
