"""Random small venues from a seed: numbers read as messages, for long runs, live runs and guards.

A venue is a tuple of settings, an act a tuple of small integers; every tuple means something. Where a failure is to be
shrunk, tests/venue_machine.py says the same words.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from random import Random

from schemas import inputs
from schemas.events import Event
from schemas.message import Input
from tests.venue_fills import fill
from tests.venue_opening import ACCOUNTS, BOOKS, INSTRUMENTS, PLAIN, Settings, opening
from tests.venue_words import Base, VenueWords

MOVES = [-60, -35, -20, -12, -8, -5, -3, -2, -1, -1, 1, 1, 2, 3, 4, 8, 15, 40, 90]
FUNDS = ["@backstop", "@operator", "@operator/op", "@insurance/usd", "@insurance/inv", "@insurance/rat", "@market"]
HALTS = ["liquidation", "transfers", "order_entry", "instrument"]
WAITS = [0, 0, 50, 200, 600, 2_600]
KINDS = 133

Act = tuple[int, int, int, int, int]


def random_venue(seed: int, length: int) -> tuple[Settings, list[Act]]:
    """Settings and acts. A third of the venues has variants, drawn apart, so that the others stay what they are."""
    random, variants = Random(seed), Random(f"{seed}/variants")
    settings = Settings(*(random.randint(0, 3) for _ in range(PLAIN)))
    if seed % 3 == 0:
        settings = replace(settings, **{one.name: variants.randint(0, 3) for one in fields(Settings)[PLAIN:]})
    ends = (KINDS, 11, 11, 40, 5)
    return settings, [tuple(random.randint(0, end) for end in ends) for _ in range(length)]  # type: ignore[misc]


def messages(settings: Settings, acts: list[Act], told: Sequence[Event] = ()) -> Iterator[Input]:
    """The opening of each book, then one message an act."""
    venues = [VenueWords(settings, book, told) for book in BOOKS[: 1 + (settings.books == 3)]]
    for venue in venues:
        yield from opening(settings, venue.book)
    for act in acts:
        venue = venues[act[1] % 4 == 0 and len(venues) - 1]
        base = venue.next(WAITS[act[4]])
        venue.last = _read(venue, base, *act[:4])
        yield venue.last


def _read(venue: VenueWords, base: Base, kind: int, one: int, two: int, size: int) -> Input:
    name, account, other = INSTRUMENTS[(one + two) % 3], ACCOUNTS[one], ACCOUNTS[two]
    if kind < 40:
        return venue.trade(base, account, other, 1 + size, INSTRUMENTS[size % 3], size % 5 - 2)
    if kind < 68:
        return venue.tick(base, name if kind < 64 else "GOLD", MOVES[size % len(MOVES)])
    if kind < 74:
        return venue.deposit(base, account, size, in_gold=two >= 6)
    if kind < 80:
        how = "money" if two < 4 else "gold" if two < 6 else "move" if two < 9 else "contribution"
        return venue.leave(base, account, ACCOUNTS[(one + two) % 12], how, size)
    if kind < 84:
        return venue.funding(base, name, size)
    if kind < 88:
        return venue.orders(base, account, name, size, two)
    if kind < 91:
        return inputs.Period(**base)
    if kind < 95:
        return inputs.Heartbeat(**base)
    if kind == 95 and size > 30:
        return venue.settlement(base, name)
    if kind < 100:
        return _command(venue, base, kind, one, two, size)
    return _rare(venue, base, kind, one, two, size)


def _command(venue: VenueWords, base: Base, kind: int, one: int, two: int, size: int) -> Input:
    if kind == 96:
        return venue.close(base, ACCOUNTS[one], size)
    if kind == 97 and two == 0:
        return venue.restart(base, size)
    return venue.halt(base, HALTS[one % 4], INSTRUMENTS[two % 3], size)


def _rare(venue: VenueWords, base: Base, kind: int, one: int, two: int, size: int) -> Input:
    if kind < 112:
        return fill(venue.told, venue.price, base, one, two, size)
    if kind < 115:
        if venue.settings.large == 2 and size % 3 == 1:
            return venue.recovery(base, one, size)
        cures = venue.settings.large == 2 and size % 3 == 0
        return venue.deposit(base, "@uncovered" if cures else FUNDS[(one + two) % len(FUNDS)], size)
    if kind < 121:
        return _change(venue, base, one, two, size)
    if kind < 125:
        return venue.again(base, size)
    if kind < 129:
        return venue.trade(base, ACCOUNTS[one], ACCOUNTS[two], venue.most_lots >> (size % 5), "LIN", size % 9 - 4)
    if kind < 131 and venue.settings.large == 3:
        return venue.tick(base, "LIN", 100 * 10 ** (size % 7))
    return venue.trade(base, ACCOUNTS[one], ACCOUNTS[one], 1 + size, INSTRUMENTS[two % 3], 0)


def _change(venue: VenueWords, base: Base, one: int, two: int, size: int) -> Input:
    """New parameters, a new waterfall, or new versions of what is listed."""
    if two < 5:
        return venue.parameters(base, one % 5, size)
    if two < 7:
        return venue.waterfall(base, size)
    return venue.listing(base, INSTRUMENTS[one % 3] if two < 11 else "GOLD", size)
