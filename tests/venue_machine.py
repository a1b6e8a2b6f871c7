"""Engine beside twin as a state machine: what may happen to a venue, drawn by hypothesis, and what must hold after it.

Messages gather until a cut; then the engine takes them as one batch and everything is compared. So a failure shrinks to
the fewest things that must happen, told in words of the venue.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any
from unittest.mock import patch

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from engine.shard import watch
from schemas import governed, inputs
from schemas.message import Input
from tests.against_twin import Pair
from tests.closing_invariant import checked_plans
from tests.random_venue import FUNDS, HALTS
from tests.venue_fills import fill, offer, open_order
from tests.venue_opening import ACCOUNTS, BOOKS, INSTRUMENTS, Settings, opening
from tests.venue_words import VenueWords

SETTING = st.integers(0, 3)
VARIANT = st.sampled_from([0, 0, 1, 2, 3])
ACCOUNT, NAME = st.sampled_from(ACCOUNTS), st.sampled_from(INSTRUMENTS)
COLUMN = st.sampled_from([*INSTRUMENTS, "GOLD"])
WAIT = st.sampled_from([0, 0, 50, 200, 600, 2_600])
JUMP = st.sampled_from([-60, -35, -20, -12, -8, 8, 15, 25, 40, 90, 900, 90_000])  # up to the bounds
SOON = st.sampled_from([0, 0, 0, 50, 200])  # before the deadlines
SIZE, PLACE = st.integers(0, 40), st.integers(0, 11)
FILL = st.tuples(PLACE, PLACE, SIZE)
FEW = {"min_size": 1, "max_size": 4}
TRADE = st.tuples(ACCOUNT, ACCOUNT, st.integers(1, 41), NAME, st.integers(-2, 2))


class VenueMachine(RuleBasedStateMachine):
    """`execution` and `vector` differ by subclass: at the venue or simulated, rows one by one or all in vectors."""

    execution, vector = (0, 1), False

    def __init__(self) -> None:
        super().__init__()
        self.patches = ExitStack()
        self.patches.enter_context(patch.object(watch, "VECTOR_MIN", 1 if self.vector else watch.VECTOR_MIN))
        self.patches.enter_context(checked_plans())
        self.batch: list[Input] = []
        self.size, self.is_new = 1, False

    @initialize(
        shards=st.integers(1, 8), venue=st.booleans(), two_books=st.sampled_from([False, False, False, True]),
        choices=st.tuples(*[SETTING] * 10), variants=st.tuples(*[VARIANT] * 3),
        trades=st.lists(TRADE, min_size=8, max_size=16),
    )  # fmt: skip
    def open(
        self,
        shards: int,
        venue: bool,
        two_books: bool,
        choices: tuple[int, ...],
        variants: tuple[int, ...],
        trades: list[tuple[Any, ...]],
    ) -> None:
        """Books, listings, rules, funds, first money and collateral, and first positions."""
        settings = Settings(*choices[:3], self.execution[venue], *choices[3:], 3 * two_books, *variants)
        self.pair = Pair(shards)
        self.venues = [VenueWords(settings, book, self.pair.events) for book in BOOKS[: 1 + two_books]]
        self.venue = self.venues[0]
        for words in self.venues:
            for message in opening(settings, words.book):
                self.pair.feed(message)
            for account in ACCOUNTS[::2]:
                self.pair.feed(words.deposit(words.next(0), account, 20, in_gold=True))
            for trade in trades:
                self.pair.feed(words.trade(words.next(0), *trade))
        self.is_new = True

    def say(self, message: Input) -> None:
        """Remember it, and hand over the batch when it is full."""
        self.venue.last = message
        self.batch.append(message)
        if len(self.batch) >= self.size:
            self.hand_over()

    def hand_over(self) -> None:
        """The batch, to both; a rule may hand over several."""
        batch, self.batch, self.is_new = self.batch, [], bool(self.batch)
        if len(batch) == 1:
            self.pair.feed(batch[0])
        elif batch:
            self.pair.feed_batch(batch)
        self.agree()

    @invariant()
    def agree(self) -> None:
        """Engine and twin are the same, and the engine keeps its invariants."""
        if self.is_new:
            self.pair.compare()
            self.pair.invariants.check()
            self.is_new = False

    def teardown(self) -> None:
        """What was not handed over counts too."""
        try:
            if self.batch:
                self.hand_over()
        finally:
            self.patches.close()

    @rule(trades=st.lists(TRADE, **FEW), wait=WAIT)
    def trade(self, trades: list[tuple[str, str, int, str, int]], wait: int) -> None:
        for one in trades:
            self.say(self.venue.trade(self.venue.next(wait), *one))

    @rule(buyer=ACCOUNT, seller=ACCOUNT, part=st.integers(0, 4), off=st.integers(-4, 4), wait=WAIT)
    def trade_much(self, buyer: str, seller: str, part: int, off: int, wait: int) -> None:
        lots = self.venue.most_lots >> part
        self.say(self.venue.trade(self.venue.next(wait), buyer, seller, lots, "LIN", off))

    @rule(ticks=st.lists(st.tuples(COLUMN, st.integers(-5, 5)), **FEW), wait=WAIT)
    def tick(self, ticks: list[tuple[str, int]], wait: int) -> None:
        for name, percent in ticks:
            self.say(self.venue.tick(self.venue.next(wait), name, percent))

    @rule(name=COLUMN, percent=JUMP, fills=st.lists(FILL, max_size=3), wait=WAIT)
    def jump(self, name: str, percent: int, fills: list[tuple[int, int, int]], wait: int) -> None:
        """The venue fills at once some of what it is told."""
        self.say(self.venue.tick(self.venue.next(wait), name, percent))
        if fills:
            self.hand_over()
        for one in fills:
            if self.is_waiting():
                self.say(fill(self.pair.events, self.venue.price, self.venue.next(0), *one))

    @rule(account=st.sampled_from([*ACCOUNTS, *FUNDS, "@uncovered"]), size=SIZE, in_gold=st.booleans(), wait=WAIT)
    def deposit(self, account: str, size: int, in_gold: bool, wait: int) -> None:
        self.say(self.venue.deposit(self.venue.next(wait), account, size, in_gold=in_gold))

    @rule(
        account=ACCOUNT, other=ACCOUNT, how=st.sampled_from(["money", "gold", "move", "contribution"]), size=SIZE,
        wait=WAIT,
    )  # fmt: skip
    def transfer(self, account: str, other: str, how: str, size: int, wait: int) -> None:
        self.say(self.venue.leave(self.venue.next(wait), account, other, how, size))

    @rule(place=PLACE, size=SIZE, wait=WAIT)
    def recover(self, place: int, size: int, wait: int) -> None:
        self.say(self.venue.recovery(self.venue.next(wait), place, size))

    @rule(name=NAME, size=SIZE, wait=WAIT)
    def funding(self, name: str, size: int, wait: int) -> None:
        self.say(self.venue.funding(self.venue.next(wait), name, size))

    @rule(account=ACCOUNT, name=NAME, buys=SIZE, sells=PLACE, wait=WAIT)
    def rest_orders(self, account: str, name: str, buys: int, sells: int, wait: int) -> None:
        self.say(self.venue.orders(self.venue.next(wait), account, name, buys, sells))

    @rule(kind=st.sampled_from([inputs.Period, inputs.Heartbeat]), wait=WAIT)
    def time(self, kind: Any, wait: int) -> None:
        self.say(kind(**self.venue.next(wait)))

    @precondition(lambda self: self.venue.number > 40)
    @rule(name=NAME, wait=WAIT)
    def settle(self, name: str, wait: int) -> None:
        self.say(self.venue.settlement(self.venue.next(wait), name))

    @rule(what=st.sampled_from([*HALTS, "close", "restart"]), account=ACCOUNT, name=NAME, size=SIZE, wait=WAIT)
    def command(self, what: str, account: str, name: str, size: int, wait: int) -> None:
        base = self.venue.next(wait)
        if what == "close":
            self.say(self.venue.close(base, account, size))
        elif what == "restart":
            self.say(self.venue.restart(base, size))
        else:
            self.say(self.venue.halt(base, what, name, size))

    @rule(
        what=st.sampled_from(["parameters", "waterfall", "listing"]), name=COLUMN, first=SETTING, size=SIZE, wait=WAIT
    )
    def change_rules(self, what: str, name: str, first: int, size: int, wait: int) -> None:
        base = self.venue.next(wait)
        if what == "parameters":
            self.say(self.venue.parameters(base, first, size))
        elif what == "waterfall":
            self.say(self.venue.waterfall(base, size))
        else:
            self.say(self.venue.listing(base, name, size))

    @precondition(lambda self: self.is_waiting())
    @rule(fills=st.lists(FILL, **FEW), wait=SOON)
    def fill(self, fills: list[tuple[int, int, int]], wait: int) -> None:
        for one in fills:
            self.say(fill(self.pair.events, self.venue.price, self.venue.next(wait), *one))

    def is_waiting(self) -> bool:
        """Whether the venue has an order or an offer that it may fill."""
        told, book = self.pair.events, self.venue.book
        return open_order(told, book) is not None or offer(told, book) is not None

    @rule(size=SIZE)
    def say_again(self, size: int) -> None:
        self.say(self.venue.again(self.venue.next(0), size))

    @rule(size=st.sampled_from([1, 1, 1, 2, 5, 12]), other=st.booleans())
    def cut(self, size: int, other: bool) -> None:
        """The batch ends here; the next has another size, and may be of the other book."""
        self.hand_over()
        self.size = size
        self.venue = self.venues[other and len(self.venues) - 1]

    @rule(shards=st.integers(1, 8), size=SIZE)
    def change_shards(self, shards: int, size: int) -> None:
        """Another P, and all readers from what they saved."""
        base = self.venue.rule(self.venue.next(0), 1)
        self.say(governed.Command(kind="reshard", shards=shards, **base))
        self.hand_over()
        self.pair.reload(shards)
