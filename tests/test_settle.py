"""RULEBOOK 8, 17.12, 17.23: one loss down random ladders, engine beside twin, without a venue around them."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET

from engine.layers import Waterfall, compile_waterfall
from engine.names import member_of
from engine.waterfall.losses import Losses
from engine.waterfall.settle import Resources, Settlement, settle
from schemas.governed import LayerMessage, WaterfallMessage
from schemas.rows import Gain, Holder
from tests.hand_venue import BOOK, RULE, UNCOVERED
from tests.twin.listed import Layer
from tests.twin.state import Account, BookState, Window
from tests.twin.waterfall import Ladder, draw_ranks, fresh_contributions

ACCOUNTS = ["a", "a/1", "b", "c", "c/1", "c/2", "d"]
MEMBERS = ["a", "b", "c", "d"]
SCOPES = [BOOK, "x", "y"]
UNITS = st.integers(0, 40)
MAYBE = st.sampled_from([0, 0, 1, 2, 17, 40])
CALLED: dict[str, Any] = {"call_ms": 1, "period_days": 1, "period_months": 1}
EARNED = {"replenished", "unvested", "gains_haircut", "equity_haircut"}
FUNDS = ["@operator/op", "@operator/op2", "@operator", *(f"@insurance/{scope}" for scope in SCOPES)]


@dataclass
class Case:
    """A ladder, a loss by (member, scope), and what there is to meet it; gains are of all members (17.8)."""

    layers: list[LayerMessage]
    cells: dict[tuple[str, str], int]
    balances: dict[str, int]
    frozen: dict[str, int]
    equities: dict[str, int]
    gains: dict[str, int]
    lots: dict[str, int]
    assessed: dict[str, int]
    vests: bool


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Small numbers, so that caps, ties and empty funds are met often."""
    lost = draw(st.sets(st.sampled_from(MEMBERS), min_size=1, max_size=3))
    cells = {(one, scope): draw(MAYBE) for one in sorted(lost) for scope in SCOPES if draw(st.booleans())}
    if draw(st.booleans()):
        cells["@liquidation", BOOK] = draw(UNITS)
    balances = {name: draw(MAYBE) for name in FUNDS if draw(st.booleans())}
    frozen = {member: draw(UNITS) for member in MEMBERS if draw(st.booleans())}
    balances |= {f"@guarantee/{member}": draw(MAYBE) for member in MEMBERS if draw(st.booleans())}
    return Case(
        draw(ladders()), cells, balances, frozen,
        equities={name: draw(st.integers(-9, 40)) for name in ACCOUNTS},
        gains={name: draw(st.integers(-9, 40)) for name in ACCOUNTS},
        lots={name: draw(st.integers(-5, 5)) for name in ACCOUNTS},
        assessed={member: draw(UNITS) for member in MEMBERS if draw(st.booleans())}, vests=draw(st.booleans()),
    )  # fmt: skip


@st.composite
def ladders(draw: st.DrawFn) -> list[LayerMessage]:
    """Some of the layers that may stand together, in four ranks; those that charge accounts each in its own."""
    insurance: dict[str, Any] = {"kind": "insurance", "premium_ppm": draw(st.sampled_from([UNSET, 50_000, 10**6]))}
    owner = draw(st.sampled_from([UNSET, "@operator/op"])) if insurance["premium_ppm"] else UNSET
    rungs: list[dict[str, Any]] = [
        {"id": "own", "kind": "defaulter_contribution"}, {"id": "op", "kind": "operator"},
        {"id": "op2", "kind": "operator"}, {"id": "ins", **insurance, "owner": owner},
        {"id": "x", **insurance, "scope": "x"}, {"id": "y", "kind": "insurance", "scope": "y"},
    ]  # fmt: skip
    shared: list[dict[str, Any]] = [
        {"id": "gf", "kind": "guarantee_fund"}, {"id": "new", "kind": "replenished"},
        {"id": "call", "kind": "assessment", "multiple_ppm": draw(st.sampled_from([400_000, 2_500_000])), **CALLED},
    ]  # fmt: skip
    charging: list[dict[str, Any]] = [
        {"id": "warm", "kind": "unvested"}, {"id": "gains", "kind": "gains_haircut"},
        {"id": "half", "kind": "equity_haircut", "theta_ppm": draw(st.sampled_from([UNSET, 500_000, 999_999]))},
        {"id": "oi", "kind": "open_interest_charge", "instrument": "L"},
    ]  # fmt: skip
    limited = st.sampled_from([{}, {}, {"member_cap": "7"}, {"member_cap": "7", "over_cap": "leave"}])
    ranks = [draw(st.integers(1, 4)) for _ in [*rungs, *shared]] + draw(st.permutations([1, 2, 3, 4]))
    chosen = []
    for rung, rank in zip([*rungs, *shared, *charging], ranks, strict=True):
        if draw(st.booleans()):
            more = {} if rung in rungs or rung["id"] == "oi" else draw(limited)
            cap = draw(st.sampled_from([None, None, "1", "20"]))
            chosen.append(LayerMessage(rank=rank, cap=cap, **rung, **more))
    return chosen


def compiled(layers: list[LayerMessage]) -> Waterfall:
    return compile_waterfall(WaterfallMessage(book=BOOK, id="w", time_ms=0, layers=[*layers, UNCOVERED], **RULE), 0)


def by_engine(case: Case) -> tuple[Settlement, Losses]:
    """As the clearing house asks for it: survivors only."""
    lost = {member for member, _ in case.cells}
    gains = {
        member: Gain(
            member, max(0, sum(case.gains[one] for one in accounts_of(member))),
            [(one, max(0, case.equities[one])) for one in accounts_of(member)],
        )
        for member in MEMBERS if member not in lost
    }  # fmt: skip
    holders = [Holder(name, "L", lots) for name, lots in case.lots.items() if lots]
    holders += [Holder("d", "M", 5)]
    resources = Resources(
        BOOK, dict(case.balances), dict(case.frozen), gains, holders[::-1], dict(case.assessed), case.vests
    )
    losses = Losses(dict(case.cells))
    return settle(compiled(case.layers), losses, resources), losses


def by_twin(case: Case) -> tuple[Ladder, dict[str, int]]:
    """The ladder after it was drawn, and the cash of everybody before. What is held is worth nothing at its mark."""
    book = BookState(BOOK)
    book.instruments["L"] = SimpleNamespace(kind="linear", point_value=Fraction(0), mark=1)  # type: ignore[assignment]
    for name, units in case.balances.items():
        book.account(name).cash = units
    for name in ACCOUNTS:
        cash = case.equities[name]
        book.accounts[name] = Account(
            name, cash, {"L": case.lots[name]} if case.lots[name] else {}, equity_at_start=cash - case.gains[name]
        )
    book.assessed = dict(case.assessed)
    layers = [
        Layer(one, None if one.cap is None else int(one.cap), None if one.member_cap is UNSET else int(one.member_cap))
        for one in sorted(case.layers, key=lambda one: one.rank)
    ]
    window = Window(1, 0, 0, 0, dict(case.frozen), layers, 0, dict(case.cells), {m for m, _ in case.cells}, case.vests)
    before = {name: account.cash for name, account in book.accounts.items()}
    ladder = Ladder(book, window, dict(case.cells), fresh_contributions(book, window))
    draw_ranks(ladder)
    return ladder, before


@settings(max_examples=400)
@given(cases())
def test_a_loss_goes_down_the_ladder_as_the_twin_says(case: Case) -> None:
    """What each layer pays, who pays it, what is charged to whom, and which losses are left uncovered: to the unit."""
    done, losses = by_engine(case)
    ladder, before = by_twin(case)
    drawn = {one.layer: one.drawn_units for one in done.layers}
    assert drawn.pop("end") == done.uncovered == ladder.remaining(None)
    assert drawn == ladder.draws
    named = {name: before.get(name, 0) - one.cash for name, one in ladder.book.accounts.items() if name[0] == "@"}
    paid = {name: units for name, units in named.items() if name != "@suspense"}
    found = {name: done.paid.get(name, 0) - done.premiums.get(name, 0) for name in paid | done.paid | done.premiums}
    assert {k: v for k, v in found.items() if v} == {k: v for k, v in paid.items() if v}
    assert done.charges == {name: units for name, units in ladder.charges.items() if units}
    end = {} if not done.uncovered else {one.payer: one.before_units for one in done.draws[-1].shares}
    assert {k: v for k, v in end.items() if v} == {"\t".join(k): v for k, v in ladder.cells.items() if v}
    assert losses.total() == 0
    assert done.covered_units + done.uncovered == sum(case.cells.values())


@given(cases())
def test_each_receipt_begins_with_what_its_payer_had(case: Case) -> None:
    """12: the balance, room or gain just before the draw, and what is left; who has none stands in no table."""
    done, _ = by_engine(case)
    kinds = {one.id: one.kind for one in [*case.layers, UNCOVERED]}
    rooms = {name: max(0, units) for name, units in case.equities.items()}
    gains = {member: max(0, sum(case.gains[one] for one in accounts_of(member))) for member in MEMBERS}
    left = {"\t".join(cell): units for cell, units in case.cells.items()} | case.balances
    for draw in done.draws:
        kind = kinds[draw.layer]
        for one in draw.shares:
            name = one.payer if one.payer[0] == "@" or draw.role == "losses" else f"@guarantee/{one.payer}"
            had = left.get(name, 0)
            if draw.role.startswith("accounts/"):
                had, rooms[one.payer] = rooms[one.payer], rooms[one.payer] - one.share_units
                gains[member_of(one.payer)] -= one.share_units
            elif draw.role == "payers" and kind in ("equity_haircut", "open_interest_charge"):
                had = sum(rooms[account] for account in accounts_of(one.payer))
            elif draw.role == "payers" and kind in ("unvested", "gains_haircut"):
                had = gains[one.payer]
            elif draw.role == "payers" and kind == "assessment":
                had = -case.assessed.get(one.payer, 0)
            else:
                left[name] = had - one.share_units
            assert (one.before_units, one.after_units) == (had, had - one.share_units), draw
            assert one.weight_units or draw.role != "payers" or kind not in EARNED


def accounts_of(member: str) -> list[str]:
    return [name for name in ACCOUNTS if member_of(name) == member]


def test_losses_of_one_member_and_scope_add_up() -> None:
    """7: several accounts of a member may lose in one scope; a scope's layer meets that scope alone."""
    losses = Losses()
    for member, scope, units in (("b", "x", 2), ("a", "x", 3), ("a", BOOK, 1), ("a", "x", 4)):
        losses.add(member, scope, units)
    assert losses.listing() == {"a": {BOOK: 1, "x": 7}, "b": {"x": 2}}
    assert (losses.of_scope("x"), losses.of_member("a"), losses.members()) == (9, 8, ["a", "b"])
    draw = losses.meet("ins", 8, scope="x")
    assert (draw.layer, draw.role, [one.share_units for one in draw.shares]) == ("ins", "losses", [6, 2])
    assert losses.listing() == {"a": {BOOK: 1, "x": 1}}


def test_premiums_to_one_owner_add_up() -> None:
    """15.7, at 100 %: the scope's 10 cover 5 of 20, the book's 20 cover 10 of the rest: 15 are paid on top."""
    rungs: list[dict[str, Any]] = [{"id": "x", "scope": "x"}, {"id": "ins"}]
    funds = [LayerMessage(kind="insurance", rank=1, premium_ppm=10**6, **one) for one in rungs]
    nothing = dict.fromkeys(ACCOUNTS, 0)
    balances = {"@insurance/x": 10, "@insurance/B": 20}
    done, _ = by_engine(Case(funds, {("a", "x"): 20}, balances, {}, nothing, nothing, nothing, {}, False))
    assert (done.premiums, done.paid, done.uncovered) == ({"@operator": 15}, balances, 5)
