"""One book: an input's step (17.2), the work that follows it (2a.8), and views of the state."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.codes import Code, Refused
from schemas.message import Governed, Input
from tests.twin import (
    default,
    effects,
    invariants,
    judge,
    liquidation,
    margin,
    recovery,
    sale,
    timers,
    wind_down,
    withdrawals,
)
from tests.twin.life import check
from tests.twin.marks import accept_held, ask_governance, hold_passed
from tests.twin.state import BookState


@dataclass
class Book(BookState):
    """State plus the one place where it changes."""

    def step(self, message: Input, topic: str) -> Code | None:
        """Judge, then (a) to (f), then all consequences; Refused leaves no trace (17.2)."""
        if judge.is_repeat(self, message, topic):
            return None
        judge.judge_time(self, message)
        judge.judge_content(self, message)
        # No refusal by common data below this line.
        self.seq += 1
        self.ids[topic, message.id] = message
        if isinstance(message, Governed):
            self.versions[judge.subject_of(message)] = message.version
        code = self.take_effect(message)
        self.forget_ids()
        self.work_off()
        return code

    def take_effect(self, message: Input) -> Code | None:
        """Steps (a) to (f) of 17.2."""
        # READING: what an account's state refuses (3xx) is an entry of the log all the same: other readers
        # cannot know, so it takes a seq, keeps its id and version, and moves the clock.
        self.clock = max(self.clock, message.time_ms)
        effects.enter_into_force(self)
        for quoted in self.listing:
            if hold_passed(self, quoted):
                accept_held(self, quoted)
                check(self)
        ask_governance(self)
        timers.fire(self)
        try:
            effects.take(self, message)
            code = None
        except Refused as refused:
            code = refused.code
        check(self)
        return code

    def forget_ids(self) -> None:
        """Ids are kept for late_ms (16.2)."""
        late = self.rules.said.late_ms if self.rules else judge.DEFAULTS["late_ms"]
        self.ids = {key: said for key, said in self.ids.items() if said.time_ms >= self.clock - late}

    def work_off(self) -> None:
        """Rounds, the first of the list that has something to do, until nothing is left (2a.5, 2a.8)."""
        # READING: the round in which @operator buys collateral stands before the window's, which waits for
        # sales.
        rounds = (
            default.open_window,
            liquidation.round_of_liquidations,
            liquidation.round_of_batches,
            liquidation.round_of_places,
            sale.round_of_sales,
            default.declare_bankrupts,
            default.close_window,
            recovery.hand_out,
            wind_down.begin,
            wind_down.pay_out,
            withdrawals.round_of_releases,
        )
        while self.rules and self.layers and any(one(self) for one in rounds):
            pass

    def check_invariants(self) -> None:
        invariants.check_invariants(self)

    def balances(self) -> dict[str, int]:
        """Cash by account; the `@` accounts only when not zero."""
        return {a.id: a.cash for a in self.accounts.values() if a.cash or not a.id.startswith("@")}

    def positions(self) -> dict[tuple[str, str], int]:
        """Lots, and units of collateral, by (account, instrument or asset)."""
        tables = [(a.id, {**a.positions, **a.collateral}) for a in self.accounts.values()]
        return {(account, name): held for account, table in tables for name, held in table.items()}

    def entries(self) -> dict[tuple[str, str], int]:
        """Entry values of members' positions (17.3)."""
        return {(a.id, name): entry for a in self.members_accounts() for name, entry in a.entries.items()}

    def statuses(self) -> dict[str, str]:
        return {a.id: a.status for a in self.members_accounts()}

    def statement(self, account_id: str) -> dict[str, int]:
        """The margin statement of one account (4)."""
        account, pending = self.accounts[account_id], withdrawals.pending(self, account_id)
        return {
            "cash": account.cash,
            "equity": margin.equity(self, account),
            "im": margin.im(self, account),
            "mm": margin.mm(self, account),
            "gains": margin.gains(self, account),
            "pending": pending,
            "free": margin.free(self, account, pending) if self.rules else 0,
        }
