"""Money that asks to leave an account (RULEBOOK 5, 7, 17.7): judged when asked, and again when it may."""

from __future__ import annotations

from engine import operations as op
from engine.life import Status
from engine.margin.statement import is_trusted
from engine.numbers import div_up
from engine.shard.state import ShardState
from schemas.codes import Code


def ask(state: ShardState, asked: op.Asked) -> None:
    """A withdrawal, move or contribution: judged now, and again when it may leave (17.7)."""
    if asked.target is not None and state.owns(asked.target):
        state.moves_in[state.book.seq] = asked.target
    if not state.owns(asked.account):
        return
    refused = judge_ask(state, asked, list(state.asked.get(asked.account, {}).values()))
    if refused is not None:
        state.refuse(refused, f"withdrawal {asked.id} of account {asked.account}")
        return
    row = state.accounts.row_of[asked.account]
    state.asked.setdefault(asked.account, {})[state.book.seq] = asked
    state.raise_to_clearing(row, "withdrawal")


def is_closed(state: ShardState, account: str) -> bool:
    """Whether an account of ours is closed."""
    row = state.accounts.row_of.get(account)
    return row is not None and state.accounts.status_of(row) is Status.CLOSED


def judge_ask(state: ShardState, asked: op.Asked, before: list[op.Asked]) -> Code | None:
    """Why a withdrawal is refused, or None (17.7); those of the account that were asked `before` it are counted
    first.
    """
    row = state.accounts.row_of.get(asked.account)
    if row is None:
        return Code.UNKNOWN_ACCOUNT
    if state.book.wind_down and asked.target is not None:
        return Code.WINDING_DOWN  # asked before: out of the book money may still go, but nowhere within it (17.25)
    if state.accounts.status_of(row) is Status.CLOSED:
        return Code.ACCOUNT_CLOSED
    if "transfers" in state.book.halts:
        return Code.TRANSFERS_HALTED
    if state.accounts.status_of(row) > Status.MARGIN_CALLED:
        return Code.IN_LIQUIDATION
    holding = state.accounts.take(row)
    if not is_trusted(state.book, holding):
        return Code.MARK_NOT_TRUSTED
    if asked.column is not None:
        gone = sum(one.amount for one in before if one.column == asked.column)
        if holding.positions[asked.column] < asked.amount + gone:
            return Code.NOT_ENOUGH_COLLATERAL
    pending = sum(worth(state, one) for one in before)
    return Code.OVER_FREE if worth(state, asked) > free(state, row) - pending else None


def free(state: ShardState, row: int) -> int:
    """`max(0, equity - IM - unvested)` (17.7), before what is pending."""
    own = state.statement(row)
    vests = state.book.parameters.vest_gains and not state.book.wind_down  # there is no other period to wait for
    unvested = max(0, state.gain(row, own.equity)) if vests else 0
    return max(0, own.equity - own.im - unvested)


def worth(state: ShardState, asked: op.Asked) -> int:
    """What a withdrawal takes from equity; collateral after haircut, rounded up."""
    if asked.column is None:
        return asked.amount
    contract, price = state.book.contracts[asked.column], state.book.price(asked.column)
    return div_up(asked.amount * price * contract.num, contract.den)
