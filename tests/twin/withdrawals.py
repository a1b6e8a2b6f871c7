"""Withdrawals, moves and contributions from an account: asked, judged again, released (7, 17.7)."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor

from schemas.codes import Code
from schemas.inputs import Contribution, Move, Withdrawal
from tests.twin import cure
from tests.twin.calls import pay_calls
from tests.twin.life import check
from tests.twin.margin import free, marks_trusted
from tests.twin.reading import refuse_if, said_amount
from tests.twin.state import MARKET, UNCOVERED, Account, Asked, BookState
from tests.twin.values import haircut_value, post, put


def ask(book: BookState, message: Withdrawal | Move | Contribution) -> None:
    """Asked at its seq; it stays in cash, in equity, and chargeable (17.7)."""
    asked = wording(book, message)
    same = [one for one in book.asked if one.account == asked.account and one.asset == asked.asset]
    code = refusal(book, asked, pending(book, asked.account), sum(one.amount for one in same))
    known = book.accounts.get(asked.account)
    if "transfers" in book.halts and known and known.status != "closed":
        code = Code.TRANSFERS_HALTED
    refuse_if(code, code, asked.account)
    book.asked.append(asked)


def wording(book: BookState, message: Withdrawal | Move | Contribution) -> Asked:
    units = said_amount(book, message.amount, getattr(message, "asset", None))
    match message:
        case Move():
            return Asked(message.source, units, to=message.target)
        case Contribution():
            return Asked(message.account, units, to=f"@guarantee/{message.member}")
    return Asked(message.account, units, asset=message.asset)


def pending(book: BookState, account_id: str) -> int:
    """What is asked and has not yet left, collateral at its worth (17.7)."""
    return sum(worth(book, one) for one in book.asked if one.account == account_id)


def worth(book: BookState, asked: Asked) -> int:
    """Money at its amount, collateral at its value after haircut rounded up (17.7)."""
    return asked.amount if asked.asset is None else ceil(haircut_value(book.assets[asked.asset], asked.amount))


def refusal(book: BookState, asked: Asked, spent: int, spent_asset: int) -> Code | None:
    """Why it may not leave, of the account's state (17.7)."""
    # READING: the order of codes: unknown, (halted), in liquidation, untrusted, balance, free.
    # MARK_NOT_TRUSTED judges marks alone, not the halts of liquidation.
    account = book.accounts.get(asked.account)
    if account is None:
        return Code.UNKNOWN_ACCOUNT
    if book.is_over and asked.to:
        return Code.WINDING_DOWN  # asked before it (17.25)
    if account.status == "closed":
        return Code.ACCOUNT_CLOSED
    if account.status not in ("healthy", "margin_called"):
        return Code.IN_LIQUIDATION
    if not marks_trusted(book, account):
        return Code.MARK_NOT_TRUSTED
    if asked.asset and account.collateral.get(asked.asset, 0) - spent_asset < asked.amount:
        return Code.NOT_ENOUGH_COLLATERAL
    return Code.OVER_FREE if worth(book, asked) > free(book, account, spent) else None


def round_of_releases(book: BookState) -> bool:
    """Outside a window, transfers not halted: all is judged at the marker, in the order asked (17.7)."""
    if not book.asked or book.window or book.winding in ("due", "begun") or "transfers" in book.halts:
        return False
    # READING: what earlier ones of the same account take is counted; what a move of this round brings is not.
    answers, passed = [], []
    for asked in book.asked:
        code = judge_again(book, asked, passed)
        answers.append((asked, code))
        if code is None:
            passed.append(asked)
    book.asked = []
    factor = factor_now(book)
    for asked, code in answers:
        release(book, asked, code, factor)
    check(book)
    return True


def judge_again(book: BookState, asked: Asked, passed: list[Asked]) -> Code | None:
    earlier = [one for one in passed if one.account == asked.account]
    spent_asset = sum(one.amount for one in earlier if one.asset == asked.asset)
    return refusal(book, asked, sum(worth(book, one) for one in earlier), spent_asset)


def factor_now(book: BookState) -> Fraction:
    """`uncovered / (cash held + uncovered)` at the marker (8, 17.24)."""
    if not book.rules.said.withdrawal_factor or book.account(UNCOVERED).cash == 0:
        return Fraction(0)
    held = max(0, book.outside.get(book.settlement_asset, 0) - book.account(MARKET).cash)
    uncovered = -book.account(UNCOVERED).cash
    return Fraction(uncovered, held + uncovered)


def release(book: BookState, asked: Asked, code: Code | None, factor: Fraction) -> None:
    """It leaves the book, credits the receiver, or is refused now (17.6, 17.7)."""
    target = book.accounts.get(asked.to) if asked.to else None
    if code is None and target and target.status == "closed":
        code = Code.ACCOUNT_CLOSED
    if code:
        # READING: a refusal at the release is an event; one at the asking is its code alone.
        book.event("withdrawal-refused", asked.account, amount=asked.amount, code=int(code))
        return
    account = book.account(asked.account)
    if asked.to:
        pass_on(account, book.account(asked.to), asked.amount)
        if asked.to.startswith("@guarantee/"):
            pay_calls(book, asked.to.removeprefix("@guarantee/"), asked.amount)
    else:
        stays = 0 if asked.asset else min(ceil(asked.amount * factor), -book.account(UNCOVERED).cash)
        leave(book, account, asked, stays)
    book.event("withdrawal-released", asked.account, amount=asked.amount)


def pass_on(account: Account, target: Account, units: int) -> None:
    """A move or a contribution: flows of both sides (17.8)."""
    account.cash, account.flows = account.cash - units, account.flows - units
    target.cash, target.flows = target.cash + units, target.flows + units
    if target.status == "settled":
        target.status = "healthy"


def leave(book: BookState, account: Account, asked: Asked, stays: int) -> None:
    """Out of the book, but for what stays: a loss of the leaver, no flow (17.24)."""
    name, gone = asked.asset or book.settlement_asset, asked.amount - stays
    book.outside[name] = book.outside.get(name, 0) - gone
    if asked.asset is None:
        account.cash, account.flows = account.cash - gone, account.flows - gone
        post(book, account.id, UNCOVERED, stays)
        cure.count(book, stays)
        return
    put(account.collateral, name, account.collateral.get(name, 0) - asked.amount)
    account.flows -= floor(haircut_value(book.assets[name], asked.amount))
