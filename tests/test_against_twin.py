"""RULEBOOK 14.11: the engine and the slow twin, written apart from one text, agree on random venues.

Every balance, position, entry value, status, code and event, after every batch: 2,220 venues of 20 to 25 steps.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

from schemas import inputs
from tests.against_twin import Pair
from tests.venue_machine import VenueMachine
from tests.venue_opening import Settings, opening
from tests.venue_words import VenueWords

ANY = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]
FEW = settings(max_examples=20, stateful_step_count=20, suppress_health_check=ANY)
MANY = settings(max_examples=500, stateful_step_count=25, suppress_health_check=ANY)


class Simulated(VenueMachine):
    """The simulated market, rows one by one."""


class SimulatedInVectors(VenueMachine):
    """The simulated market, all rows in vectors."""

    vector = True


class AtTheVenue(VenueMachine):
    """Orders at the venue, rows one by one."""

    execution = (2, 3)


class AtTheVenueInVectors(VenueMachine):
    """Orders at the venue, all rows in vectors."""

    execution, vector = (2, 3), True


class Few(VenueMachine):
    """Either execution: a few of everything, for the fast tier."""

    execution = (0, 2)


class TestFew(Few.TestCase):  # type: ignore[name-defined, misc]
    """As the machine says."""

    settings = FEW


@pytest.mark.slow
class TestSimulated(Simulated.TestCase):  # type: ignore[name-defined, misc]
    """As the machine says."""

    settings = MANY


@pytest.mark.slow
class TestSimulatedInVectors(SimulatedInVectors.TestCase):  # type: ignore[name-defined, misc]
    """As the machine says."""

    settings = MANY


@pytest.mark.slow
class TestAtTheVenue(AtTheVenue.TestCase):  # type: ignore[name-defined, misc]
    """As the machine says."""

    settings = MANY


@pytest.mark.slow
class TestAtTheVenueInVectors(AtTheVenueInVectors.TestCase):  # type: ignore[name-defined, misc]
    """As the machine says."""

    settings = MANY


def test_lots_that_a_charge_tears_up_are_placed_at_once() -> None:
    """17.2: rounds go on until none has anything to do; one that had nothing to place says nothing of a later one.

    What the machine found: at the seq of a sale, defaults and a window's charge, the charge makes b/x liquidatable, and
    the lots torn up then stayed in @liquidation until the next input.
    """
    pair = Pair(2)
    choices = Settings(*[0] * 9, vest=3, large=3)
    for message in opening(choices, "usd"):
        pair.feed(message)
    words = VenueWords(choices, "usd", pair.events)
    lots = words.most_lots
    for said in (
        words.deposit(words.next(0), "e/1", 20, in_gold=True),
        words.trade(words.next(0), "a", "@market", 31, "LIN", 0),
        words.trade(words.next(0), "e/1", "a", 38, "LIN", 0),
        words.trade(words.next(0), "b", "a", lots, "LIN", 1),
        inputs.Heartbeat(**words.next(0)),
        words.trade(words.next(0), "d", "b/x", lots, "LIN", 0),
        *(words.tick(words.next(0), "LIN", -60) for _ in range(3)),
    ):
        assert pair.feed(said) is None
        pair.compare()
    assert not pair.venue.books["usd"].clearing.state.to_place()
