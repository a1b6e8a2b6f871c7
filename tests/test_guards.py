"""Take a guard out and see its test fail (RULEBOOK 14): each is removed in here, and an ordinary check must notice.

A check is what the suite runs anyway, on one seed; with the guard in it passes on the same seeds. How the seeds were
found: the check ran without the guard over seeds 0, 1, 2 ... until it failed. A change of the random venues may ask
for new ones: `search` finds them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from random import Random
from typing import Any

import msgspec
import numpy as np
import pytest

from engine import execution, judge, liquidation, receipts, triggers
from engine.allocation import allocate
from engine.brackets import Brackets
from engine.clearing import grants, recoveries, refills, rounds, wind_down, window
from engine.clearing.state import NEVER, ClearingState
from engine.contracts import Contract
from engine.execution import fee
from engine.layers import Waterfall
from engine.ledger import UNCOVERED
from engine.margin import statement
from engine.margin.statement import margin_at_mark
from engine.numbers import PPM, div_down
from engine.shard import answers, candidates, rows, trades
from engine.shard.state import ShardState
from engine.value import notional
from engine.waterfall import payers
from engine.waterfall.assess import assessment_cap
from engine.waterfall.settle import Resources
from schemas import inputs
from schemas.codes import Halt, Refused
from schemas.events import Event
from schemas.governed import LayerMessage
from schemas.journal import Raised
from streams import driver, simulation
from streams.driver import Sinks, Venue
from streams.reader import Reader, Record, Said
from tests import test_recoveries, test_wind_down
from tests.against_twin import run_venue
from tests.hand_venue import Hand
from tests.live_runs import live_run
from tests.random_venue import messages, random_venue
from tests.test_live import check_lock_step
from tests.venue_opening import INSTRUMENTS, Settings, instrument

pytestmark = pytest.mark.slow

Patch = pytest.MonkeyPatch
NOWHERE_HALF = triggers.NOWHERE // 2
Check = Callable[[int], None]


# The checks, each of one seed.


def check_twin(seed: int) -> None:
    """Engine and twin agree, and the invariants hold (tests/test_against_twin.py)."""
    settings, acts = random_venue(seed, 20 + seed * 7 % 61)
    run_venue(settings, acts, 1 + seed % 3, vector=seed % 2 == 1)


def check_fresh(seed: int) -> None:
    """14.11: the same journal bytes for 1, 2 and 8 shards."""
    assert len({_journal(seed, shards) for shards in (1, 2, 8)}) == 1, f"seed {seed}: the number of shards shows"


def _journal(seed: int, shards: int) -> bytes:
    settings, acts = random_venue(seed, 60)
    said: list[bytes] = []
    keep = lambda one: said.append(msgspec.json.encode(one))  # noqa: E731
    venue = Venue(shards, Sinks(journal=keep, event=keep))
    for message in messages(settings, acts, []):
        try:
            venue.feed(message)
        except Refused:
            continue
    return b"\n".join(said)


def check_order_of_reports(seed: int) -> None:
    """2a.5, 2a.9: what an account's shards report lies in the log by cause, also past a change of P."""
    last: dict[str, tuple[int, int]] = {}
    known: dict[str, int] = {}
    for record in live_run(seed, lock_step=False).log:
        if record.number <= known.get(record.source, -1):
            continue
        known[record.source] = record.number
        if isinstance(record.body, Raised):
            place = (record.body.seq, record.body.number)
            assert last.get(record.body.account, (0, 0)) < place, f"seed {seed}: {record.body} after {last}"
            last[record.body.account] = place


def check_radius(seed: int) -> None:
    """The claim of engine/triggers.py: moves up to the radius, of all marks at once, cross no boundary."""
    random = Random(seed)
    hand = Hand(shards=1, decimals=2)
    is_small = seed % 2 == 1  # positions of a few units, where all is rounding
    for name in SMALL if is_small else INSTRUMENTS:
        choices = Settings(*(random.randint(0, 3) for _ in range(10)), margin=seed % 4)
        listed = instrument(choices, "RAT" if is_small else name, random.randint(0, 2), book="B", id=name, **_RULE)
        hand.feed(msgspec.structs.replace(listed, instrument=name, time_ms=hand.now))  # type: ignore[call-arg]
        hand.price(f"{random.randint(1, 20)}" if is_small else random.choice(["3", "40", "150.5"]), name)
        for account in ("a",) if is_small else ("a", "a/1"):
            lots = random.randint(1, 20 if is_small else 50)
            parties = (account, "@market") if random.random() < 0.5 else ("@market", account)
            quantity = f"0.{lots:02d}" if is_small or name == "RAT" else lots
            assert hand.trade(*parties, quantity, "50", instrument=name) is None
    _require_radius(hand, random, 4 if is_small else 400)


_RULE: dict[str, Any] = {"version": 1, "author": "t", "reason": "r", "time_ms": 0}
SMALL = ["R0", "R1", "R2"]


def _require_radius(hand: Hand, random: Random, most_room: int) -> None:
    state = hand.run.shards[0].state
    book, row = hand.run.book, state.accounts.row_of["a"]
    reference = [mark.price for mark in book.marks]
    holding = state.accounts.take(row)
    columns = state.accounts.columns
    holding.cash += random.randint(0, most_room) - (state.statement(row).equity - state.statement(row).mm)  # near MM
    state.accounts.put(row, holding, book.contracts)
    own = state.statement(row)
    room = own.equity - own.mm
    sway = triggers.sway_of(state.accounts, book.contracts, reference, row, own)
    radius = triggers.radius(room, sway, columns)
    if radius < 0 or radius >= int(triggers.NOWHERE):
        return
    lo, hi = triggers.bounds(book.contracts, reference, radius)
    for _ in range(40):
        for mark, least, most in zip(book.marks, lo.tolist(), hi.tolist(), strict=True):
            mark.price = random.choice([max(1, least), most, random.randint(max(1, least), max(1, most))])
        now = state.statement(row)
        marks = [mark.price for mark in book.marks]
        assert now.equity >= now.mm, f"{room} units above MM at {reference}, {now.equity - now.mm} at {marks}"


def check_capped_gain(_: int) -> None:
    """9, 17.12: a winner pays no more than it has, and the others pay what it cannot."""
    gains = LayerMessage(id="gains", kind="gains_haircut", rank=1)
    hand = Hand(gains, listing={"half_spread_ticks": 1})
    hand.deposit({"x": 200, "y": 500, "z": 5000, "a": 150})
    hand.send(inputs.Period)
    # z buys 10 of x and 10 of y at 100; at 90 both have won 100; x closes, so nothing is bound, and takes 250 of 300
    hand.trade("z", "x", 10)
    hand.trade("z", "y", 10)
    hand.price(90)
    hand.trade("x", "z", 10, 90)
    assert hand.send(inputs.Withdrawal, account="x", amount="250") is None
    # a buys 15 of z at 90 and is torn up at 60: 150 - 450 = -300 is lost. y won 300 more: G is 100 for x, 400 for y.
    # x's share of 300 would be 60, but it has 50
    hand.trade("a", "z", 15, 90)
    hand.price(60)
    charged = {event["account"]: event["amount_units"] for event in hand.told("gains-charged")}
    assert charged == {"x": 50, "y": 250}


def check_frozen_fund(_: int) -> None:
    """7: the weights of the guarantee fund are those of the opening; what came since is drawn by nobody's weight."""
    fund = LayerMessage(id="gf", kind="guarantee_fund", rank=1)
    hand = Hand(fund, listing={"half_spread_ticks": 1}, window_ms=1000)
    hand.contribute({"b": 30, "c": 10})
    hand.deposit({"a": 180, "d": 5000})
    hand.trade("a", "d", 10)
    # at 80 a has 180 - 200 = -20: a hole, torn up, declared; the window is open for another second
    hand.price(80)
    hand.contribute({"c": 20})
    hand.wait(1000)
    # 20 by 30 : 10 are 15 and 5, though c holds 30 by now
    assert hand.cash("@guarantee/b", "@guarantee/c") == [15, 25]


def check_oldest_cured(_: int) -> None:
    """17.25: what cures the first of two losses buys the time of the second."""
    test_wind_down.test_a_cure_pays_the_oldest_first(60, 1_000_800)


def check_returned(_: int) -> None:
    """17.26: what comes back to a defaulter goes on to who bore its loss."""
    test_recoveries.test_what_a_defaulter_gets_back_goes_on()


# The guards: what takes each out.


def without_fee_cap(patch: Patch) -> None:
    """6.4: the whole fee, whatever is left."""
    for module in (rows, trades):
        patch.setattr(module, "capped_fee", lambda contract, ppm, lots, mark, _left: fee(contract, ppm, lots, mark))


def with_bankruptcy_value_down(patch: Patch) -> None:
    """6.3: `floor(B k / |q|)`, against the account's unit."""

    def down(b_num: int, b_den: int, position: int, lots: int, first: int = 0) -> int:
        size = b_den * abs(position)
        return div_down(b_num * (first + lots), size) - div_down(b_num * first, size)

    for module in (execution, trades):
        patch.setattr(module, "bankruptcy_cash", down)


def with_double_radius(patch: Patch) -> None:
    """triggers: twice the radius."""
    one, many = triggers.radius, triggers.radii
    patch.setattr(triggers, "radius", lambda *args: min(2 * one(*args), int(triggers.NOWHERE)))
    patch.setattr(
        triggers, "radii", lambda *args: np.minimum(2 * np.minimum(many(*args), NOWHERE_HALF), triggers.NOWHERE)
    )


def without_rounding_in_radius(patch: Patch) -> None:
    """triggers: D in place of D - W."""
    one = triggers.radius
    patch.setattr(triggers, "radius", lambda room, sway, columns: one(room + 8 * columns + 8, sway, columns))


def without_recourse(patch: Patch) -> None:
    """7: a member's other accounts pay nothing."""
    patch.setattr(answers, "_recourse", lambda *_: [])


def with_full_recourse(patch: Patch) -> None:
    """7: a limited account has recourse like any other."""
    whole = answers._recourse

    def recourse(state: ShardState, row: int, owed: int, taken: dict[int, int]) -> Any:
        limited, state.accounts.limited = state.accounts.limited, set()
        found = whole(state, row, owed, taken)
        state.accounts.limited = limited
        return found

    patch.setattr(answers, "_recourse", recourse)


def without_subject(patch: Patch) -> None:
    """2a.4: an event's id without its subject."""
    patch.setattr(Event, "id", property(lambda self: f"{self.book}/{self.seq}/{self.kind}"))


def without_numbers(patch: Patch) -> None:
    """2a.4: two liquidations of one account at one seq have one id."""
    patch.setattr(ShardState, "number", lambda *_: 1)


class Lifo(deque[Any]):
    """Last in, first out."""

    def popleft(self) -> Any:
        return self.pop()


def with_depth_first(patch: Patch) -> None:
    """2a.8: consequences of consequences before the others of their cause."""
    patch.setattr(driver, "deque", Lifo)


def with_order_of_shards(patch: Patch) -> None:
    """2a.8: what one cause made shards say, by shard and not by account."""
    patch.setattr(driver, "account_key", lambda _: 0)


def without_retired(patch: Patch) -> None:
    """2a.9: successors publish before all of the old P have."""
    patch.setattr(simulation.LiveRun, "_may_publish", lambda *_: True)


def with_forgotten_pace(patch: Patch) -> None:
    """6.9: who waits for the next interval is not asked again."""
    patch.setattr(rounds, "_next_interval_ms", lambda _: NEVER)


def with_impatient_pace(patch: Patch) -> None:
    """6.9: who waits for the next interval is asked again at once, and again."""
    mark, marks = rounds._mark, count(1)

    def bounded(state: ClearingState, asking: rounds.Round) -> None:
        if next(marks) > 2_000:
            raise Halt("asked without end")
        mark(state, asking)

    patch.setattr(rounds, "_next_interval_ms", lambda state: state.book.clock_ms)
    patch.setattr(rounds, "_mark", bounded)


def without_book_pace(patch: Patch) -> None:
    """6.2: what was closed in this interval is forgotten."""
    patch.setattr(grants, "_used", lambda _: 0)


def without_room(patch: Patch) -> None:
    """6.7: whoever is on the other side gives all that is asked, whatever it leaves of it."""
    patch.setattr(candidates, "most_lots", lambda _c, _m, _own, line, lots, **_: min(lots, abs(line.lots)))


def by_arrival(patch: Patch) -> None:
    """2a.5: answers, and the rows in them, in the order in which the answers arrived."""
    patch.setattr(rounds, "sorted", lambda rows, key=None: list(rows), raising=False)


def without_repeat_filter(patch: Patch) -> None:
    """2a.4: what the log holds twice is taken twice."""
    take = Reader.take

    def always(self: Reader, record: Record) -> Said:
        self.last.pop(record.source, None)
        return take(self, record)

    patch.setattr(Reader, "take", always)


def without_member_brackets(patch: Patch) -> None:
    """16.5: each account is margined as if it were its member's only one."""

    def alone(brackets: Brackets, own: int, _others: int, lots: int) -> int:
        return brackets.amount(own, lots) if own else 0

    patch.setattr(statement, "share", alone)


def with_basis_at_mark(patch: Patch) -> None:
    """15.1, 17.17: the entry value is forgotten."""
    patch.setattr(statement, "entry_basis", lambda contract, _held, _entry, lots, mark: notional(contract, lots, mark))


def without_size_in_rates(patch: Patch) -> None:
    """17.17: the rate is that of the bracket, whatever the size."""
    patch.setattr(Brackets, "rate", lambda self, at, _lots: (self.rates_ppm[at], PPM))


def with_variants_in_columns(patch: Patch) -> None:
    """17.17: vector code measures what it does not know."""
    patch.setattr(Contract, "is_exact", False)


def without_takeover_level(patch: Patch) -> None:
    """17.18: the market is tried whatever is left."""
    patch.setattr(liquidation, "is_due", lambda *_: False)


def without_closing_limit(patch: Patch) -> None:
    """17.19: orders at the venue are limited by bankruptcy alone."""
    patch.setattr(liquidation, "closing_value", lambda own, line, *_: execution.bankruptcy_value(own, line))


def without_caps(patch: Patch) -> None:
    """9: shares above their caps."""

    def uncapped(amount: int, weights: Any, caps: Any = None) -> Any:
        return allocate(amount, weights) if sum(weights) else allocate(amount, weights, caps)

    patch.setattr(receipts, "allocate", uncapped)


def with_contributions_of_now(patch: Patch) -> None:
    """7: weights are what the fund holds at the end of the window."""

    def resources(book: str, balances: dict[str, int], _frozen: dict[str, int], *more: Any, **named: Any) -> Resources:
        prefix = "@guarantee/"
        now = {name.removeprefix(prefix): units for name, units in balances.items() if name.startswith(prefix)}
        return Resources(book, balances, now, *more, **named)

    patch.setattr(window, "Resources", resources)


def without_period(patch: Patch) -> None:
    """8: what a capped period has called already is forgotten."""
    patch.setattr(payers, "assessment_cap", lambda units, multiple_ppm, _used: assessment_cap(units, multiple_ppm))


def without_earlier_charges(patch: Patch) -> None:
    """17.23: what an earlier layer took of a gain is there for the next once more."""
    patch.setattr(payers.Drawing, "gain", lambda now, member: now.resources.gains[member].gain_units)


def with_room_at_mark(patch: Patch) -> None:
    """17.22: what a counterparty may be given is judged by its margin at the mark, alone and at any size."""
    patch.setattr(
        candidates, "maintenance_after",
        lambda book, _, __, line, left: margin_at_mark(book.contracts[line.column], left, book.price(line.column)),
    )  # fmt: skip


def with_claims_in_the_trial(patch: Patch) -> None:
    """17.22: what could be called counts as money that the layers before deleveraging have."""
    before = lambda found, rank: Waterfall(tuple(x for x in found.layers if x.rank < rank), found.version)  # noqa: E731
    patch.setattr(Waterfall, "money_before", before)


def without_cure(patch: Patch) -> None:
    """17.25: what is paid to `@uncovered` moves no deadline away."""
    patch.setattr(wind_down, "cure", lambda state, source, units: state.ledger.post(source, UNCOVERED, units))


def with_the_newest_first(patch: Patch) -> None:
    """17.25: what is paid cures the latest window's loss before those that are due sooner."""
    cure = wind_down.cure

    def backwards(state: ClearingState, source: str, units: int) -> None:
        state.uncured.reverse()
        cure(state, source, units)
        state.uncured.reverse()

    patch.setattr(wind_down, "cure", backwards)


def without_waiting_for_losses(patch: Patch) -> None:
    """17.25: the payouts come while a window or a call is open."""
    patch.setattr(wind_down, "is_ready", lambda state: state.winding == "begun" and bool(state.book.wind_down))


def without_an_end(patch: Patch) -> None:
    """17.25: a book that is wound down takes what others take."""
    patch.setattr(judge, "_require_end", lambda *_: None)


def with_the_first_loser_first(patch: Patch) -> None:
    """17.26: what is recovered goes down the ladder once more."""
    keep = recoveries.keep

    def upside_down(state: ClearingState, window: Any, done: Any) -> None:
        known = len(state.borne)
        keep(state, window, done)
        for one in state.borne[known:]:
            one.rank = -one.rank

    patch.setattr(recoveries, "keep", upside_down)


def with_returns_kept(patch: Patch) -> None:
    """17.26: who gets back what it lost keeps it, whatever others bear of its own losses."""
    give_back = recoveries._give_back

    def kept(*args: Any) -> None:
        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(recoveries, "lacking", lambda *_: 0)
            give_back(*args)

    patch.setattr(recoveries, "_give_back", kept)


def without_holding_estates(patch: Patch) -> None:
    """17.26: an estate is paid out at once."""
    release = recoveries.release

    def at_once(state: ClearingState) -> None:
        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(recoveries, "lacking", lambda *_: 0)
            release(state)

    patch.setattr(recoveries, "release", at_once)


def without_a_cap_of_refills(patch: Patch) -> None:
    """17.27: what the period has called already is no reason to ask for less."""
    patch.setattr(refills, "assessment_cap", lambda units, multiple_ppm, _used: assessment_cap(units, multiple_ppm))


def with_refills_forgotten(patch: Patch) -> None:
    """17.27: who does not refill is in no default."""
    patch.setattr(refills, "missed", lambda _: [])


@dataclass(frozen=True)
class Guard:
    """A guard, the check that notices, and a seed on which it does."""

    remove: Callable[[Patch], None]
    check: Check
    seed: int

    @property
    def name(self) -> str:
        return f"{self.remove.__name__}-{self.check.__name__}"


GUARDS = [
    Guard(without_fee_cap, check_twin, 7),
    Guard(with_bankruptcy_value_down, check_twin, 5),
    Guard(with_double_radius, check_twin, 13),
    Guard(with_double_radius, check_radius, 2),
    Guard(without_rounding_in_radius, check_radius, 171),
    Guard(without_recourse, check_twin, 8),
    Guard(with_full_recourse, check_twin, 1),
    Guard(without_subject, check_lock_step, 1),
    Guard(without_numbers, check_twin, 17),
    Guard(with_depth_first, check_lock_step, 8),
    Guard(with_depth_first, check_twin, 6),
    Guard(with_order_of_shards, check_fresh, 1),
    Guard(without_retired, check_order_of_reports, 19),
    Guard(with_forgotten_pace, check_twin, 6),
    Guard(with_impatient_pace, check_twin, 2),
    Guard(without_book_pace, check_twin, 44),
    Guard(without_room, check_twin, 21),
    Guard(by_arrival, check_lock_step, 7),
    Guard(without_repeat_filter, check_lock_step, 8),
    Guard(without_member_brackets, check_twin, 5),
    Guard(with_basis_at_mark, check_twin, 6),
    Guard(without_size_in_rates, check_twin, 6),
    Guard(with_variants_in_columns, check_twin, 39),
    Guard(without_takeover_level, check_twin, 21),
    Guard(without_closing_limit, check_twin, 30),
    Guard(without_caps, check_capped_gain, 0),
    Guard(with_contributions_of_now, check_frozen_fund, 0),
    Guard(without_period, check_twin, 188),
    Guard(without_earlier_charges, check_twin, 62),
    Guard(with_room_at_mark, check_twin, 63),
    Guard(with_claims_in_the_trial, check_twin, 84),
    Guard(without_a_cap_of_refills, check_twin, 32),
    Guard(with_refills_forgotten, check_twin, 147),
    Guard(with_the_first_loser_first, check_twin, 107),
    Guard(with_returns_kept, check_returned, 0),
    Guard(without_holding_estates, check_twin, 36),
    Guard(without_cure, check_twin, 51),
    Guard(with_the_newest_first, check_oldest_cured, 0),
    Guard(without_waiting_for_losses, check_twin, 276),
    Guard(without_an_end, check_twin, 276),
]


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name)
def test_a_missing_guard_is_noticed(guard: Guard, monkeypatch: Patch) -> None:
    """The check passes, and without the guard it does not."""
    guard.check(guard.seed)
    guard.remove(monkeypatch)
    with pytest.raises((AssertionError, Halt)):
        guard.check(guard.seed)


@pytest.mark.parametrize("check", [check_order_of_reports, check_radius, check_fresh], ids=lambda check: check.__name__)
def test_the_checks_of_this_file_hold(check: Check) -> None:
    """Those that no other file runs, on more seeds."""
    for seed in range(60 if check is check_radius else 12):
        check(seed)


@pytest.mark.slow
def test_reports_lie_in_the_order_of_their_causes() -> None:
    """2a.5, 2a.9: at length."""
    for seed in range(150):
        check_order_of_reports(seed)


def search(guard: Guard, seeds: range) -> list[int]:
    """The seeds on which a check notices that the guard is gone."""
    found = []
    with pytest.MonkeyPatch.context() as patch:
        guard.remove(patch)
        for seed in seeds:
            try:
                guard.check(seed)
            except (AssertionError, Halt):
                found.append(seed)
    return found
