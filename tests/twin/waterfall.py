"""The allocation of a window's loss down the ladder (8, 17.12)."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field

from tests.twin.allocate import allocate
from tests.twin.listed import Layer
from tests.twin.margin import equity, gains
from tests.twin.state import SUSPENSE, UNCOVERED, BookState, Window
from tests.twin.values import post

Cells = dict[tuple[str, str], int]  # (member, scope): units


@dataclass
class Ladder:
    """What remains of the loss while layers are drawn."""

    book: BookState
    window: Window
    cells: Cells
    draws: dict[str, int] = field(default_factory=dict)

    def remaining(self, scope: str | None) -> int:
        return sum(units for (_, of), units in self.cells.items() if scope in (None, of))


def allocate_loss(book: BookState, window: Window) -> None:
    """By rank; within a rank the scoped layers first, each against its scope (17.12)."""
    shortfall = sum(window.loss.values())
    if shortfall == 0:
        return  # READING: no loss, no loss-allocated event; the window closes all the same.
    ladder = Ladder(book, window, dict(window.loss))
    draw_ranks(ladder)
    uncovered = ladder.remaining(None)
    post(book, UNCOVERED, SUSPENSE, uncovered)
    facts = {"window": window.number, "shortfall": shortfall, "draws": ladder.draws, "uncovered": uncovered}
    book.event("loss-allocated", str(window.number), **facts)


def left_by(book: BookState, rank: int, cells: Cells) -> int:
    """What the layers of lower rank would leave of these losses, as the funds stood when the round was granted."""
    trial = deepcopy(book)
    for name, units in book.funds.items():
        trial.accounts[name].cash = units
    funds = {name: units for name, units in book.funds.items() if name.startswith("@guarantee/") and units}
    now = {name.removeprefix("@guarantee/"): units for name, units in funds.items()}
    window = trial.window or Window(0, 0, 0, 0, now, trial.layers, 0)
    # Gains count nothing in the trial: nobody was asked for them.
    window.layers = [one for one in window.layers if one.said.rank < rank and one.said.kind != "gains_haircut"]
    window.defaulted |= {member for member, _ in cells}
    ladder = Ladder(trial, window, dict(cells))
    draw_ranks(ladder)
    return ladder.remaining(None)


def draw_ranks(ladder: Ladder) -> None:
    """All layers that money is drawn from."""
    layered = [one for one in ladder.window.layers if one.said.kind not in ("uncovered", "deleveraging")]
    for rank in sorted({layer.said.rank for layer in layered}):
        layers = [one for one in layered if one.said.rank == rank]
        # READING: scoped layers of one rank and one scope share pro rata to capacity among themselves.
        for scope in sorted({one.said.scope for one in layers if one.said.scope}):
            draw_group(ladder, [one for one in layers if one.said.scope == scope], scope)
        draw_group(ladder, [one for one in layers if not one.said.scope], None)


def draw_group(ladder: Ladder, layers: list[Layer], scope: str | None) -> None:
    """Layers that stand side by side: pro rata to capacity, never more than what remains (8)."""
    remaining = ladder.remaining(scope)
    capacity = {one.said.id: capacity_of(ladder, one, remaining) for one in layers}
    draws = allocate(remaining, capacity, capacity)
    # READING: the defaulters' own money reduces its cells before the others of the rank reduce what is left
    # pro rata.
    for layer in sorted(layers, key=lambda one: one.said.kind != "defaulter_contribution"):
        draw(ladder, layer, draws[layer.said.id])
    ladder.draws |= draws


def capacity_of(ladder: Ladder, layer: Layer, remaining: int) -> int:
    """`min(cap, available, remaining)` (17.12)."""
    available = sum(caps_of(ladder, layer).values())
    return min(available, remaining) if layer.cap is None else min(layer.cap, available, remaining)


def caps_of(ladder: Ladder, layer: Layer) -> dict[str, int]:
    """What a layer has, by who pays: a fund's account, or a member (17.12)."""
    book = ladder.book
    match layer.said.kind:
        case "defaulter_contribution":
            return own_contributions(ladder, layer.said.scope)
        case "operator":
            return fund(book, f"@operator/{layer.said.id}")
        case "insurance":
            return fund(book, book.insurance(layer.said.scope).id)
        case "guarantee_fund":
            return {
                member: min(then, contribution_now(book, member))
                for member, then in survivors(ladder.window, ladder.window.contributions).items()
            }
    return gain_caps(ladder)


def fund(book: BookState, name: str) -> dict[str, int]:
    return {name: max(0, book.account(name).cash)}


def contribution_now(book: BookState, member: str) -> int:
    return book.account(f"@guarantee/{member}").cash


def own_contributions(ladder: Ladder, scope: str | None) -> dict[str, int]:
    """Each defaulter's contribution against its own loss only (8)."""
    losses: dict[str, int] = {}
    for (member, of), units in ladder.cells.items():
        if scope in (None, of) and not member.startswith("@"):
            losses[member] = losses.get(member, 0) + units
    return {member: min(units, contribution_now(ladder.book, member)) for member, units in losses.items()}


def survivors(window: Window, table: dict[str, int]) -> dict[str, int]:
    """Members that did not default in the window (17.10)."""
    return {member: units for member, units in table.items() if member not in window.defaulted}


def member_gains(ladder: Ladder) -> dict[str, int]:
    """`G_m = max(0, sum G)` of the survivors (17.8)."""
    sums: dict[str, int] = {}
    for account in ladder.book.members_accounts():
        sums[account.member] = sums.get(account.member, 0) + gains(ladder.book, account)
    return survivors(ladder.window, {member: max(0, units) for member, units in sums.items()})


def chargeable(book: BookState, member: str) -> dict[str, int]:
    """`max(0, equity)` of a member's accounts (17.12)."""
    return {a.id: max(0, equity(book, a)) for a in book.members_accounts() if a.member == member}


def gain_caps(ladder: Ladder) -> dict[str, int]:
    """`min(G_m, sum over its accounts of max(0, equity))` (17.12)."""
    gained = member_gains(ladder)
    return {member: min(units, sum(chargeable(ladder.book, member).values())) for member, units in gained.items()}


def draw(ladder: Ladder, layer: Layer, units: int) -> None:
    """Take `units` from who pays, and take them off the loss (17.12)."""
    caps = caps_of(ladder, layer)
    weights = {
        "guarantee_fund": lambda: survivors(ladder.window, ladder.window.contributions),
        "gains_haircut": lambda: member_gains(ladder),
    }.get(layer.said.kind, lambda: caps)()
    shares = allocate(units, weights, caps)
    for who, share in shares.items():
        pay(ladder, layer, who, share)
    if layer.said.kind == "defaulter_contribution":
        for member, share in shares.items():
            reduce_cells(ladder, share, lambda key, member=member: key[0] == member, layer.said.scope)
    else:
        reduce_cells(ladder, units, lambda key: True, layer.said.scope)


def pay(ladder: Ladder, layer: Layer, who: str, units: int) -> None:
    match layer.said.kind:
        case "defaulter_contribution" | "guarantee_fund":
            post(ladder.book, f"@guarantee/{who}", SUSPENSE, units)
        case "gains_haircut":
            charge_gains(ladder, who, units)
        case _:
            post(ladder.book, who, SUSPENSE, units)


def charge_gains(ladder: Ladder, member: str, units: int) -> None:
    """A member's charge over its accounts, weights = caps = `max(0, equity)` (17.12)."""
    room = chargeable(ladder.book, member)
    for account, share in allocate(units, room, room).items():
        post(ladder.book, account, SUSPENSE, share)
        if share:
            ladder.book.event("gains-charged", account, window=ladder.window.number, charge=share)


def reduce_cells(ladder: Ladder, units: int, mine: Callable[[tuple[str, str]], bool], scope: str | None) -> None:
    """A draw takes from its cells pro rata to what remains in them, by (member, scope) (17.12)."""
    cells = {key: left for key, left in ladder.cells.items() if mine(key) and scope in (None, key[1])}
    for key, taken in allocate(units, cells, cells).items():
        ladder.cells[key] -= taken
