"""RULEBOOK 14 on the engine itself, after every input: what must hold whatever the twin says."""

from __future__ import annotations

from collections.abc import Sequence

from engine.life import Status
from engine.margin.statement import is_trusted, statement
from schemas import events, loss_events
from schemas.events import Event
from schemas.inputs import Input
from schemas.journal import AnyEntry
from streams.driver import BookRun, Venue
from tests.closing_invariant import VenueFills, require_slices
from tests.sequence_invariant import Sequences

OWN = (events.LiquidationFilled, events.PositionTakenOver, events.PositionTornUp, events.PositionDeleveraged)
OTHERS = (events.PositionPlaced, loss_events.GainsCharged)


class Invariants:
    """Remembers what was told, and hears what is written; `check` looks at what the last input did."""

    def __init__(self, venue: Venue, told: Sequence[Event]) -> None:
        self.venue, self.told = venue, told
        self.seen = 0
        self.journal: list[Input | AnyEntry] = []
        venue.sinks.journal = self.journal.append
        self.sequences = Sequences({name: run.book.seq for name, run in venue.books.items()})
        self.fills: dict[str, VenueFills] = {}
        self.ids: set[tuple[str, int, str, str]] = set()
        self.holes: set[tuple[str, str]] = set()

    def check(self) -> None:
        """All of them; raises AssertionError with the number of the invariant."""
        new = self.told[self.seen :]
        self.seen = len(self.told)
        journal = list(self.journal)
        self.journal.clear()
        self.sequences.follow(journal, new)
        require_slices(journal, new)
        for event in new:
            self._require_new_id(event)
            _require_in_order(event)
            _require_reason(event)
            _require_given(event)
        for name, run in self.venue.books.items():
            _require_conserved(run)
            self.sequences.require_seq(run.book)
            if run.book.is_ready:
                _require_quiet(run)
                if not run.book.parameters.is_venue:
                    self._require_solvent(name, new)
                own = ([one for one in journal if one.book == name], [one for one in new if one.book == name])
                self.fills.setdefault(name, VenueFills()).follow(run, *own)
            self.holes = {one for one in self.holes if one[0] != name} | _holes(name, run)

    def _require_new_id(self, event: Event) -> None:
        """14.5: ids are unique."""
        key = (event.book, event.seq, event.kind, event.subject)
        assert key not in self.ids, f"14.5: {key} twice"
        self.ids.add(key)

    def _require_solvent(self, book: str, new: Sequence[Event]) -> None:
        """14.9: a solvent account makes no bad debt by its own liquidation."""
        closed: set[tuple[int, str]] = set()  # by the seq that closed something: at the next the mark may have moved
        for event in new:
            account = getattr(event, "account", "")
            if event.book != book or (book, account) in self.holes:
                continue
            if isinstance(event, OTHERS) or (isinstance(event, events.CollateralSold) and event.buyer != "@operator"):
                closed.discard((event.seq, account))
            elif isinstance(event, OWN):
                closed.add((event.seq, account))
            found = isinstance(event, loss_events.HoleFound) and (event.seq, account) in closed
            assert not found, f"14.9: {account} was solvent before its liquidation"
            if isinstance(event, loss_events.HoleFound):
                self.holes.add((book, account))


def _holes(book: str, run: BookRun) -> set[tuple[str, str]]:
    return {(book, shard.state.accounts.names[row]) for shard in run.shards for row in shard.state.holes}


def _require_conserved(run: BookRun) -> None:
    """14.1 and 14.2: cash of all readers, the outside included, sums to zero, lots too; positions without it."""
    cash, lots, outside = 0, [0] * len(run.book.contracts), [0] * len(run.book.contracts)
    for ledger in [run.clearing.state.ledger, *(shard.state.ledger for shard in run.shards)]:
        cash += sum(ledger.cash.values())
        for name, held in ledger.lots.items():
            for column, number in held.items():
                lots[column] += number
                outside[column] += number if name == "@outside" else 0
    for shard in run.shards:
        for row in range(len(shard.state.accounts)):
            holding = shard.state.accounts.take(row)
            cash += holding.cash
            lots = [a + b for a, b in zip(lots, holding.positions, strict=True)]
    assert cash == 0, f"14.1: {cash} units too many"
    assert not any(lots), f"14.2: {lots} lots too many"
    for contract, number, mark in zip(run.book.contracts, outside, run.book.marks, strict=True):
        assert contract.is_asset or mark.settled or not number, f"14.2: positions of {contract.name} do not sum to zero"


def _require_quiet(run: BookRun) -> None:
    """14.8 and 14.12: nothing liquidatable is left, IM >= MM."""
    halted = run.book.is_liquidation_halted()
    for shard in run.shards:
        accounts = shard.state.accounts
        for row, name in enumerate(accounts.names):
            own = statement(run.book, accounts, row)
            assert own.im >= own.mm, f"14.12: {name} has IM {own.im} below MM {own.mm}"
            sound = accounts.status_of(row) in (Status.HEALTHY, Status.MARGIN_CALLED)
            watched = sound and not halted and is_trusted(run.book, accounts.take(row))
            assert not watched or own.equity >= own.mm, f"14.8: {name} is left below MM"


def _require_reason(event: Event) -> None:
    """14.8: no sound account is liquidated, a missed call aside."""
    if isinstance(event, events.LiquidationTriggered):
        short = event.equity_units < (event.im_units if event.reason == "call" else event.mm_units)
        assert short or (event.reason == "hole" and event.equity_units < 0), f"14.8: {event} is sound"


def _require_given(event: Event) -> None:
    """6.7: every lot is given, goes to the market or is refused; nobody gives more than its room or its position."""
    if isinstance(event, events.DeleveragingAllocated):
        shares = [share for draw in event.draws for share in draw.shares]
        given = sum(share.lots for share in shares)
        assert given + event.market_lots + event.refused_lots == abs(event.lots), f"6.7: {event}"
        assert all(0 <= share.lots <= share.room_lots <= share.before_lots for share in shares), f"6.7: {event}"
        is_refused = any(share.lots < share.room_lots for share in shares if share.weight) and event.refused_lots
        assert not is_refused, f"6.7: there was room in {event}"


def _require_in_order(event: Event) -> None:
    """14.4: a layer is drawn only when all of lower rank are empty or capped; a scoped one has its own losses."""
    if not isinstance(event, loss_events.LossAllocated):
        return
    for layer in event.layers:
        before = [one for one in event.layers if one.rank < layer.rank and one.scope is None]
        spent = all(one.after_units == 0 or one.drawn_units == one.cap_units for one in before)
        assert not layer.drawn_units or spent, f"14.4: {layer.layer} drawn before {before}"
    drawn = sum(layer.drawn_units for layer in event.layers)
    assert drawn == event.shortfall_units, f"14.3: {drawn} met of {event.shortfall_units}"
