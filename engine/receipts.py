"""Receipts (RULEBOOK 12): what makes one share recomputable, and a root under which a member finds its own row.

A leaf is sha256 over `payer|weight|cap|share|rank|before|after`; a node is sha256 over its two children in hex, an odd
one out is carried up. The root over all rows, the total weight and the level of the water are published: a path of
siblings proves one row, and the level its share. A chain over the published heads proves that none was changed later.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256

from engine.allocation import allocate
from schemas.loss_events import Draw, LossAllocated, Share


def leaf(share: Share) -> str:
    """The hash of one receipt."""
    s = share
    fields = (
        s.payer, s.weight_units, s.cap_units, s.share_units, s.remainder_rank, s.before_units, s.after_units,
    )  # fmt: skip
    return digest("|".join(map(str, fields)))


def digest(text: str) -> str:
    """sha256 in hex."""
    return sha256(text.encode()).hexdigest()


def merkle_root(leaves: list[str]) -> str:
    """The root over the leaves in their order; the digest of nothing when there are none."""
    level = leaves or [digest("")]
    while len(level) > 1:
        pairs = [digest(a + b) for a, b in zip(level[::2], level[1::2], strict=False)]
        level = pairs + level[len(pairs) * 2 :]
    return level[0]


def share_out(
    layer: str, role: str, amount: int, rows: list[tuple[str, int, int]], balance: Callable[[str], int]
) -> Draw:
    """`allocate` over rows (payer, weight, cap) sorted by id, with a receipt for each; `balance` is before the draw."""
    split = allocate(amount, [weight for _, weight, _ in rows], [cap for _, _, cap in rows])
    shares = []
    units, ranks = split.shares.tolist(), split.remainder_ranks.tolist()
    for (payer, weight, cap), share, rank in zip(rows, units, ranks, strict=True):
        before = balance(payer)
        shares.append(Share(payer, weight, cap, share, rank, before, before - share))
    total = sum(weight for _, weight, _ in rows)
    root = merkle_root([leaf(one) for one in shares])
    return Draw(layer, role, sum(units), total, split.level_units, split.level_weight, root, shares)


def snapshot(contributions: dict[str, int]) -> str:
    """The hash of the contributions frozen when a window opened, by member."""
    return digest("|".join(f"{member}={units}" for member, units in contributions.items()))


def chained(event: LossAllocated) -> str:
    """What the next allocation names as `previous`: the hash of this one's head, layers and draws, by line."""
    head = (event.previous, event.id, event.shortfall_units, event.uncovered_units, event.snapshot)
    layers = [(one.layer, one.available_units, one.drawn_units, one.after_units) for one in event.layers]
    draws = [
        (d.layer, d.role, d.amount_units, d.total_weight_units, d.level_units, d.level_weight_units, d.root)
        for d in event.draws
    ]
    return digest("\n".join("|".join(map(str, fields)) for fields in (head, *layers, *draws)))
