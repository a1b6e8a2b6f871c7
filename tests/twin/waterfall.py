"""The allocation of a window's loss down the ladder (8, 17.12)."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil

from msgspec import UNSET

from tests.twin.allocate import allocate
from tests.twin.calls import call, call_refills
from tests.twin.cure import owe
from tests.twin.listed import Layer
from tests.twin.margin import equity, gains
from tests.twin.recovery import CHARGED, keep
from tests.twin.state import MILLION, SUSPENSE, UNCOVERED, BookState, Borne, Window
from tests.twin.values import post

BOUNDLESS = 2**62
NO_MONEY_YET = {"assessment", "unvested", "gains_haircut", "equity_haircut", "open_interest_charge"}
Cells = dict[tuple[str, str], int]  # (member, scope): units


@dataclass
class Ladder:
    """What remains of the loss while layers are drawn."""

    book: BookState
    window: Window
    cells: Cells
    fresh: dict[str, int]  # contributions that came after the window opened (17.23)
    draws: dict[str, int] = field(default_factory=dict)
    charges: dict[str, int] = field(default_factory=dict)
    borne: list[Borne] = field(default_factory=list)
    payers: dict[str, int] = field(default_factory=dict)  # of the layer that is drawn, accounts where they are charged
    premiums: dict[str, int] = field(default_factory=dict)

    def remaining(self, scope: str | None) -> int:
        return sum(units for (_, of), units in self.cells.items() if scope in (None, of))


def allocate_loss(book: BookState, window: Window) -> None:
    """By rank; within a rank the scoped layers first, each against its scope (17.12)."""
    shortfall = sum(window.loss.values())
    if shortfall == 0:
        return  # READING: no loss, no loss-allocated event; the window closes all the same.
    ladder = Ladder(book, window, dict(window.loss), fresh_contributions(book, window))
    draw_ranks(ladder)
    for account, units in ladder.charges.items():
        if units:
            book.event("gains-charged", account, window=window.number, charge=units)
    uncovered = ladder.remaining(None)
    post(book, UNCOVERED, SUSPENSE, uncovered)
    if uncovered:
        end = max(window.layers, key=lambda one: one.said.rank)
        note(ladder, end, dict(ladder.cells), {UNCOVERED: uncovered})
    call_refills(book, window)
    keep(book, window, ladder.borne)
    owe(book, window, uncovered)
    facts = {"window": window.number, "shortfall": shortfall, "draws": ladder.draws, "uncovered": uncovered}
    book.event("loss-allocated", str(window.number), **facts)


def valid(book: BookState) -> list[Layer]:
    """Layers whose time has come and is not over."""
    return [
        one
        for one in book.layers or []
        if (one.said.valid_from_ms is UNSET or one.said.valid_from_ms <= book.clock)
        and (one.said.valid_to_ms is UNSET or book.clock < one.said.valid_to_ms)
    ]


def left_by(book: BookState, rank: int, cells: Cells) -> int:
    """What the layers of lower rank would leave of these losses, as the funds stood when the round was granted."""
    trial = deepcopy(book)
    for name, units in book.funds.items():
        trial.accounts[name].cash = units
    funds = {name: units for name, units in book.funds.items() if name.startswith("@guarantee/") and units}
    now = {name.removeprefix("@guarantee/"): units for name, units in funds.items()}
    window = trial.window or Window(0, 0, 0, 0, now, valid(trial), 0)
    # Calls are claims, and members' accounts were not asked: neither is money in the trial (17.22).
    window.layers = [one for one in window.layers if one.said.rank < rank and one.said.kind not in NO_MONEY_YET]
    window.defaulted |= {member for member, _ in cells}
    ladder = Ladder(trial, window, dict(cells), fresh_contributions(trial, window))
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
    for owner, units in ladder.premiums.items():  # what comes in now is there for the next window (17.23)
        post(ladder.book, SUSPENSE, owner, units)


def draw_group(ladder: Ladder, layers: list[Layer], scope: str | None) -> None:
    """Layers that stand side by side: pro rata to capacity, never more than what remains (8)."""
    remaining = ladder.remaining(scope)
    most = {one.said.id: caps_of(ladder, one, remaining) for one in layers}
    capacity = {one.said.id: min(sum(most[one.said.id].values()), bound(one, remaining)) for one in layers}
    draws = allocate(remaining, capacity, capacity)
    for layer in sorted(layers, key=lambda one: (one.said.kind != "defaulter_contribution", one.said.id)):
        draw(ladder, layer, draws[layer.said.id], most[layer.said.id])
    ladder.draws |= draws


def bound(layer: Layer, remaining: int) -> int:
    """What a layer takes at most in one window; an equity haircut a part of what remains (17.23)."""
    bounds = [BOUNDLESS]
    if layer.cap is not None:
        bounds.append(layer.cap)
    if layer.said.kind == "equity_haircut":
        theta = MILLION if layer.said.theta_ppm is UNSET else layer.said.theta_ppm
        bounds.append(remaining * theta // MILLION)
    return min(bounds)


def caps_of(ladder: Ladder, layer: Layer, remaining: int) -> dict[str, int]:
    """What a layer has, by who pays, up to what it may ask of one (17.12, 17.23); its size, whatever the loss."""
    has, most = bearing(ladder, layer), layer.member_cap
    if most is not None and layer.said.over_cap == "leave":
        has = allocate(min(remaining, bound(layer, remaining)), weights_of(ladder, layer, has), has)
    return {who: units if most is None else min(units, most) for who, units in has.items()}


def bearing(ladder: Ladder, layer: Layer) -> dict[str, int]:
    """A fund's account or a member, and what it has for this layer."""
    book = ladder.book
    match layer.said.kind:
        case "defaulter_contribution":
            return own_contributions(ladder, layer.said.scope)
        case "operator":
            return fund(book, f"@operator/{layer.said.id}")
        case "insurance":
            name = book.insurance(layer.said.scope).id
            return {name: covered(layer, fund(book, name)[name])}
        case "assessment":
            return {
                member: max(0, units * layer.said.multiple_ppm // MILLION - book.assessed.get(member, 0))
                for member, units in survivors(ladder.window, ladder.window.contributions).items()
            }
        case "replenished":
            return survivors(ladder.window, ladder.fresh)
        case "unvested":
            return gain_caps(ladder) if ladder.window.vests else {}
        case "equity_haircut":
            members = {account.member for account in book.members_accounts()}
            sums = {member: sum(chargeable(book, member).values()) for member in members}
            return survivors(ladder.window, sums)
        case "open_interest_charge":
            sizes = lots_of_members(ladder, layer.said.instrument)
            return {member: sum(chargeable(book, member).values()) for member in sizes}
        case "guarantee_fund":
            return {
                member: min(then, contribution_now(book, member))
                for member, then in survivors(ladder.window, ladder.window.contributions).items()
            }
    return gain_caps(ladder)


def covered(layer: Layer, units: int) -> int:
    """A fund that asks a premium covers `balance / (1 + f)` (15.7)."""
    return units if layer.said.premium_ppm is UNSET else units * MILLION // (MILLION + layer.said.premium_ppm)


def fresh_contributions(book: BookState, window: Window) -> dict[str, int]:
    """Paid in since the opening, and still there (17.23)."""
    names = [name for name in book.accounts if name.startswith("@guarantee/")]
    members = [name.removeprefix("@guarantee/") for name in names]
    return {one: max(0, contribution_now(book, one) - window.contributions.get(one, 0)) for one in members}


def lots_of_members(ladder: Ladder, instrument: str) -> dict[str, int]:
    """What survivors hold on both sides, over all accounts of each (17.23)."""
    sums: dict[str, int] = {}
    for account in ladder.book.members_accounts():
        if account.positions.get(instrument):
            sums[account.member] = sums.get(account.member, 0) + abs(account.positions[instrument])
    return survivors(ladder.window, sums)


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


def weights_of(ladder: Ladder, layer: Layer, caps: dict[str, int]) -> dict[str, int]:
    """By what the payers of a layer share (17.12, 17.23)."""
    weights = {
        "guarantee_fund": lambda: survivors(ladder.window, ladder.window.contributions),
        "assessment": lambda: survivors(ladder.window, ladder.window.contributions),
        "gains_haircut": lambda: member_gains(ladder),
        "unvested": lambda: member_gains(ladder),
        "open_interest_charge": lambda: lots_of_members(ladder, layer.said.instrument),
        # What a member has weighs in full, also where `member_cap` bounds what it pays of it (17.23).
        "replenished": lambda: bearing(ladder, layer),
        "equity_haircut": lambda: bearing(ladder, layer),
    }.get(layer.said.kind, lambda: caps)()
    return {who: weights[who] for who in caps}


def draw(ladder: Ladder, layer: Layer, units: int, caps: dict[str, int]) -> None:
    """Take `units` from who pays, and take them off the loss (17.12)."""
    shares, before, ladder.payers = allocate(units, weights_of(ladder, layer, caps), caps), dict(ladder.cells), {}
    for who, share in shares.items():
        pay(ladder, layer, who, share)
    if layer.said.kind == "defaulter_contribution":
        for member, share in shares.items():
            reduce_cells(ladder, share, lambda key, member=member: key[0] == member, layer.said.scope)
    else:
        reduce_cells(ladder, units, lambda key: True, layer.said.scope)
        met = {key: was - ladder.cells[key] for key, was in before.items()}
        charged = layer.said.kind in CHARGED
        note(ladder, layer, met, ladder.payers if charged else shares)


def note(ladder: Ladder, layer: Layer, met: Cells, paid: dict[str, int]) -> None:
    """What a layer bore, of whose losses (17.26)."""
    owed: dict[str, int] = {}
    for (member, _), units in met.items():
        if not member.startswith("@"):
            owed[member] = owed.get(member, 0) + units
    said = layer.said
    ladder.borne.append(Borne(ladder.window.number, said.rank, said.id, said.kind, owed, dict(paid)))


def pay(ladder: Ladder, layer: Layer, who: str, units: int) -> None:
    match layer.said.kind:
        case "defaulter_contribution" | "guarantee_fund" | "replenished":
            post(ladder.book, f"@guarantee/{who}", SUSPENSE, units)
        case "assessment":
            post(ladder.book, f"@assessment/{who}", SUSPENSE, units)
            call(ladder.book, ladder.window, who, units)
        case "gains_haircut" | "unvested" | "equity_haircut" | "open_interest_charge":
            charge_gains(ladder, who, units)
        case "insurance" if layer.said.premium_ppm is not UNSET:
            wanted = ceil(Fraction(units * (MILLION + layer.said.premium_ppm), MILLION))
            post(ladder.book, who, SUSPENSE, wanted)
            owner = "@operator" if layer.said.owner is UNSET else layer.said.owner
            ladder.premiums[owner] = ladder.premiums.get(owner, 0) + wanted - units
        case _:
            post(ladder.book, who, SUSPENSE, units)


def charge_gains(ladder: Ladder, member: str, units: int) -> None:
    """A member's charge over its accounts, weights = caps = `max(0, equity)` (17.12)."""
    room = chargeable(ladder.book, member)
    for account, share in allocate(units, room, room).items():
        charge(ladder, account, share)


def charge(ladder: Ladder, account: str, units: int) -> None:
    """One account pays; what several layers take of it is told once."""
    post(ladder.book, account, SUSPENSE, units)
    ladder.charges[account] = ladder.charges.get(account, 0) + units
    ladder.payers[account] = ladder.payers.get(account, 0) + units


def reduce_cells(ladder: Ladder, units: int, mine: Callable[[tuple[str, str]], bool], scope: str | None) -> None:
    """A draw takes from its cells pro rata to what remains in them, by (member, scope) (17.12)."""
    cells = {key: left for key, left in ladder.cells.items() if mine(key) and scope in (None, key[1])}
    for key, taken in allocate(units, cells, cells).items():
        ladder.cells[key] -= taken
