"""A venue for one example: what its resting orders take of an order, best price first, inside the limit."""

from __future__ import annotations

from typing import Any

from tests.conformance.scene import Scene


def match(
    scene: Scene, name: str, orders: list[list[Any]], position: int, lots: int, limit: int | None
) -> tuple[list[tuple[int, int]], int]:
    """Fills as (lots, ticks) of an order that closes lots of a position, and the lots that nobody took."""
    fills = []
    resting = [(scene.ticks(name, price), scene.lots(name, size)) for size, price in orders]
    for ticks, size in sorted(resting, reverse=position > 0):
        is_inside = limit is None or (ticks >= limit if position > 0 else ticks <= limit)
        taken = min(lots, size) if is_inside else 0
        if taken:
            fills.append((taken, ticks))
            lots -= taken
    return fills, lots
