"""Who bore a window's loss, what comes back of it, and the estates of defaulters (8, 17.26)."""

from __future__ import annotations

from schemas.codes import Code
from schemas.inputs import Recovery
from tests.twin.allocate import allocate
from tests.twin.calls import pay_refills
from tests.twin.cure import count
from tests.twin.life import check
from tests.twin.reading import amount_units, refuse_if
from tests.twin.state import UNCOVERED, BookState, Borne, Window
from tests.twin.values import post

CHARGED = ("unvested", "gains_haircut", "equity_haircut", "open_interest_charge")
TRANSIT = "@transit"


def judge_recovery(book: BookState, message: Recovery) -> None:
    refuse_if(message.member.startswith("@"), Code.RESERVED_ACCOUNT, message.member)
    refuse_if("/" in message.member, Code.BAD_ID, message.member)
    refuse_if(book.rules.said.recoveries is not True, Code.RECOVERIES_NOT_KEPT, book.name)
    amount_units(message.amount, book.decimals)


def keep(book: BookState, window: Window, borne: list[Borne]) -> None:
    """At the allocation: who bore it, and what is left of the defaulters' contributions."""
    if window.recovers is not True:
        return
    book.borne += borne
    for member in sorted({member for member, _ in window.loss}):
        left = book.account(f"@guarantee/{member}").cash
        if left:
            post(book, f"@guarantee/{member}", f"@estate/{member}", left)
            book.event("estate-held", f"{window.number}/{member}", amount=left)


def recover(book: BookState, message: Recovery) -> None:
    """From outside into the estate, and from there to who bore the losses."""
    units, estate = amount_units(message.amount, book.decimals), f"@estate/{message.member}"
    if book.is_over:
        return
    if message.from_estate:
        units = min(units, book.account(estate).cash)
    else:
        book.account(estate).cash += units
        book.outside[book.settlement_asset] = book.outside.get(book.settlement_asset, 0) + units
    waiting = [(message.member, units)] if units else []
    for member, amount in waiting:  # grows while it is gone through
        onward: dict[str, int] = {}
        left = flow_back(book, estate, member, amount, onward)
        post(book, estate, f"@estate/{member}", left)
        waiting += sorted(onward.items())
        book.recoveries += 1
        book.event("recovery-allocated", f"{member}/{book.recoveries}", amount=amount, left=left)
    if units:
        release(book)


def lacks(book: BookState, one: Borne, member: str) -> int:
    """Of what is uncovered at most what still is."""
    owed = one.owed.get(member, 0)
    return min(owed, -book.account(UNCOVERED).cash) if one.kind == "uncovered" else owed


def is_lacking(book: BookState, member: str) -> bool:
    return any(lacks(book, one, member) for one in book.borne)


def flow_back(book: BookState, source: str, member: str, amount: int, onward: dict) -> int:
    """Oldest window first, last rank first; in a rank by what the layers lack, in a layer by what payers lack."""
    for window in sorted({one.window for one in book.borne}):
        for rank in sorted({one.rank for one in book.borne if one.window == window}, reverse=True):
            group = {one.layer: one for one in book.borne if (one.window, one.rank) == (window, rank)}
            owed = {layer: lacks(book, one, member) for layer, one in group.items()}
            for layer, units in allocate(amount, owed, owed).items():
                amount -= units
                group[layer].owed[member] = group[layer].owed.get(member, 0) - units
                for payer, share in allocate(units, group[layer].paid, group[layer].paid).items():
                    group[layer].paid[payer] -= share
                    give_back(book, source, group[layer], payer, share, onward)
    return amount


def give_back(book: BookState, source: str, one: Borne, payer: str, units: int, onward: dict) -> None:
    """To where it was taken from."""
    if units == 0:
        return
    if payer == UNCOVERED:
        post(book, source, UNCOVERED, units)
        count(book, units)
    elif payer.startswith("@"):
        post(book, source, payer, units)
    elif one.kind in CHARGED:
        credit(book, source, payer, units, False)
    elif is_lacking(book, payer):
        onward[payer] = onward.get(payer, 0) + units
    elif one.kind == "assessment":
        for due in book.calls:
            if (due.member, due.window) == (payer, one.window):
                less = min(due.units, units)
                post(book, source, f"@assessment/{payer}", less)
                due.units, units = due.units - less, units - less
        book.calls = [due for due in book.calls if due.units]
        credit(book, source, payer, units, True)
    else:
        post(book, source, f"@guarantee/{payer}", units)
        pay_refills(book, payer, units)


def credit(book: BookState, source: str, account: str, units: int, is_flow: bool) -> None:
    if units:
        post(book, source, TRANSIT, units)
        book.credits.append((account, units, is_flow))


def release(book: BookState) -> None:
    """Estates whose losses are covered are paid out."""
    open_losses = {member for member, _ in book.window.loss} if book.window else set()
    for name in sorted(name for name, one in book.accounts.items() if name.startswith("@estate/") and one.cash):
        member, units = name.removeprefix("@estate/"), book.account(name).cash
        if member not in open_losses and not is_lacking(book, member):
            credit(book, name, member, units, True)
            book.recoveries += 1
            book.event("estate-paid", f"{member}/{book.recoveries}", amount=units)


def hand_out(book: BookState) -> bool:
    """In a round: what has come for accounts."""
    credits, book.credits = book.credits, []
    for name, units, is_flow in credits:
        account = book.account(name)
        account.status = "healthy" if account.status in ("settled", "closed") else account.status
        post(book, TRANSIT, name, units)
        account.flows += units if is_flow else 0
    check(book)
    return bool(credits)
