"""What open orders may still add to a position (RULEBOOK 11)."""

from __future__ import annotations


def order_room(limit_lots: int, held_lots: int) -> tuple[int, int]:
    """Lots that may be bought and sold until `|position|` reaches the limit: `max(0, limit - q)`, `max(0, limit + q)`.

    `held_lots` signed. A holding beyond the limit may only shrink: the other side's room counts it. Source: Paradex.
    """
    return max(0, limit_lots - held_lots), max(0, limit_lots + held_lots)
