"""Allocation (9): exact water filling, floors, then largest remainder, ties by id."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import floor
from typing import TypeVar

Key = TypeVar("Key", str, tuple[str, str])


def water_fill(amount: int, weights: Mapping[Key, int], caps: Mapping[Key, int]) -> dict[Key, Fraction]:
    """Exact shares `min(cap, level * weight)` with the level at which they sum to the amount (9)."""
    open_keys = [key for key in weights if weights[key] > 0]
    shares: dict[Key, Fraction] = {}
    left = Fraction(min(amount, sum(caps[key] for key in open_keys)))
    while open_keys:
        level = left / sum(weights[key] for key in open_keys)
        full = [key for key in open_keys if level * weights[key] >= caps[key]]
        if not full:
            return shares | {key: level * weights[key] for key in open_keys}
        for key in full:
            shares[key] = Fraction(caps[key])
            left -= caps[key]
        open_keys = [key for key in open_keys if key not in full]
    return shares


def allocate(amount: int, weights: Mapping[Key, int], caps: Mapping[Key, int]) -> dict[Key, int]:
    """Integers that sum to `min(amount, caps of positive weight)` exactly (9)."""
    exact = water_fill(amount, weights, caps)
    parts = {key: floor(share) for key, share in exact.items()}
    missing = int(sum(exact.values())) - sum(parts.values())
    below_cap = [key for key in exact if exact[key] < caps[key]]
    for key in sorted(below_cap, key=lambda key: (parts[key] - exact[key], key))[:missing]:
        parts[key] += 1
    return {key: parts.get(key, 0) for key in weights}
