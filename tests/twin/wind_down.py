"""The wind-down of a book (8, 17.25): what is refused, how positions end, what each claim is paid."""

from __future__ import annotations

from schemas.codes import Code
from schemas.governed import Command
from schemas.inputs import Contribution, Heartbeat, Price, Trade, Withdrawal
from schemas.message import Input
from tests.twin.allocate import allocate
from tests.twin.effects import settle
from tests.twin.life import check
from tests.twin.liquidation import sweep
from tests.twin.reading import refuse_if
from tests.twin.state import BACKSTOP, LIQUIDATION, OPERATOR, UNCOVERED, BookState
from tests.twin.values import post


def judge(book: BookState, message: Input) -> None:
    """WINDING_DOWN, from the entry of the wind-down on."""
    if not book.is_over:
        return
    match message:
        case Heartbeat():
            allowed = True
        case Price():
            allowed = message.instrument is None
        case Command():
            allowed = message.kind in ("close_account", "halt", "resume", "reshard")
        case Withdrawal():
            allowed = book.winding == "paid"
        case Contribution():
            allowed = book.winding == "begun" and message.account is None
        case Trade():
            allowed = book.winding == "begun" and message.instrument in book.assets
        case _:
            allowed = False
    refuse_if(not allowed, Code.WINDING_DOWN, book.name)


def begin(book: BookState) -> bool:
    """Every instrument that is not settled is settled at its mark, all in one entry."""
    if book.winding != "due":
        return False
    book.winding, book.refills = "begun", []
    book.event("wind-down-begun", book.name, uncovered=-book.account(UNCOVERED).cash)
    for instrument in book.instruments.values():
        if not instrument.settled:
            settle(book, instrument, instrument.mark)
    check(book)
    return True


def pay_out(book: BookState) -> bool:
    """When nothing is open any more: each claim keeps its part of what is held."""
    waits = any(account.hole or account.sale for account in book.members_accounts())
    if book.winding != "begun" or book.window or book.calls or waits:
        return False
    sweep(book)
    claims = {a.id: a.cash for a in book.accounts.values() if a.cash > 0 and has_claim(a.id)}
    lacking = [name for name in (UNCOVERED, LIQUIDATION, BACKSTOP) if book.account(name).cash < 0]
    held = max(0, sum(claims.values()) + sum(book.account(name).cash for name in lacking))
    for name, units in allocate(held, claims, claims).items():
        post(book, name, UNCOVERED, claims[name] - units)
        if name.startswith(("@guarantee/", "@estate/")):
            give_back(book, name, units)
    for name in lacking:
        if name != UNCOVERED:
            post(book, UNCOVERED, name, -book.account(name).cash)
    book.winding = "paid"
    book.event("wind-down-paid", book.name, held=held, claims=sum(claims.values()))
    check(book)
    return True


def has_claim(name: str) -> bool:
    """Members' accounts and funds."""
    prefixes = ("@operator/", "@insurance/", "@guarantee/", "@estate/")
    return not name.startswith("@") or name in (OPERATOR, BACKSTOP) or name.startswith(prefixes)


def give_back(book: BookState, fund: str, units: int) -> None:
    """What a contribution or an estate keeps is its member's, a flow."""
    if units:
        account = book.account(fund.partition("/")[2])
        post(book, fund, account.id, units)
        account.flows += units
        account.status = "healthy" if account.status in ("settled", "closed") else account.status
