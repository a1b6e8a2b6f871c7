"""Who trades: members with one or more accounts, cross and isolated, their appetite for size and for leverage."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from streams.scenario.market import Floats, Ints
from streams.scenario.options import Options

ACCOUNTS_OF_MEMBER = (0.75, 0.18, 0.07)  # shares of members with one, two and three accounts
ISOLATED_SIGMA, CROSS_SIGMA = 1.3, 0.8  # of the logarithm of leverage
MAKER_LEVERAGE = 4.0
ACCOUNTS_PER_MAKER = 500
ACCOUNTS_MIN = 4  # two market makers, and two who are none
SIZE_DRAG = 0.1  # leverage falls with this power of size


@dataclass(frozen=True, slots=True)
class Population:
    """Parallel columns, one row an account; the market makers come first.

    `only` is the instrument of an isolated account, -1 for a cross one. `size` has no unit: it is shared out later.
    """

    names: list[str]
    members: list[str]
    member: Ints
    only: Ints
    is_maker: NDArray[np.bool_]
    leverage: Floats
    size: Floats

    @property
    def count(self) -> int:
        return len(self.names)

    @property
    def makers(self) -> int:
        return int(self.is_maker.sum())


def make_population(accounts: int, symbols: list[str], options: Options, rng: Generator) -> Population:
    """`accounts` accounts; at least two of them are market makers."""
    if accounts < ACCOUNTS_MIN:
        raise ValueError(f"a scenario needs at least {ACCOUNTS_MIN} accounts")
    makers = max(2, accounts // ACCOUNTS_PER_MAKER)
    names = [f"maker{number:03d}" for number in range(makers)]
    member, only, members = list(range(makers)), [-1] * makers, list(names)
    while len(names) < accounts:
        wanted = min(int(rng.choice(3, p=ACCOUNTS_OF_MEMBER)) + 1, accounts - len(names))
        found = member_accounts(f"m{len(members):06d}", wanted, symbols, options, rng)
        member += [len(members)] * len(found)
        members.append(found[0][0].split("/")[0])
        names += [name for name, _ in found]
        only += [instrument for _, instrument in found]
    is_maker = np.arange(accounts) < makers
    size = np.where(is_maker, 0.0, rng.pareto(options.size_tail, accounts) + 0.05)
    leverage = draw_leverage(np.array(only) >= 0, size, is_maker, options, rng)
    return Population(
        names, members, np.array(member, dtype=np.int64), np.array(only, dtype=np.int64), is_maker, leverage, size
    )


def member_accounts(
    member: str, wanted: int, symbols: list[str], options: Options, rng: Generator
) -> list[tuple[str, int]]:
    """(name, instrument or -1) of one member's accounts; at most one isolated account an instrument."""
    found: list[tuple[str, int]] = []
    for number in range(1, wanted + 1):
        instrument = int(rng.integers(len(symbols))) if rng.random() < options.isolated_share else -1
        name = f"{member}/{symbols[instrument]}" if instrument >= 0 else f"{member}/{number}"
        if instrument >= 0 and any(other == instrument for _, other in found):
            name, instrument = f"{member}/{number}", -1
        if number == 1 and instrument < 0:
            name = member
        found.append((name, instrument))
    return found


def draw_leverage(
    isolated: NDArray[np.bool_], size: Floats, is_maker: NDArray[np.bool_], options: Options, rng: Generator
) -> Floats:
    """Lognormal around the medians of the options, less for the large, at least 1; margin rules cap it later."""
    median = np.where(isolated, options.isolated_leverage, options.cross_leverage)
    sigma = np.where(isolated, ISOLATED_SIGMA, CROSS_SIGMA)
    middle = float(np.median(size[~is_maker]))
    drag = np.where(is_maker, 1.0, (np.maximum(size, 1e-9) / middle) ** -SIZE_DRAG)
    drawn = median * drag * np.exp(sigma * rng.standard_normal(len(size)))
    return np.where(is_maker, MAKER_LEVERAGE, np.maximum(drawn, 1.0))
