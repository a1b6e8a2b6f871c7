"""Initial margin that grows with open interest (RULEBOOK 4): how crowded a market is, in the rate of who enters.

>>> scaled_ppm(200_000, 1_500, 1_000, 2_000)
600000
"""

from __future__ import annotations

from engine.numbers import PPM, div_down


def scaled_ppm(base_ppm: int, interest_units: int, lower_units: int, upper_units: int) -> int:
    """`base + (10^6 - base) * clamp((interest - lower) / (upper - lower), 0, 1)`, in ppm, truncated.

    `interest_units`: open interest of the contract at the mark, one side. The truncation is below one ppm, for the
    member. Both caps zero: no scaling. Maintenance is never scaled: nobody is liquidated for what others do.
    Not the default, since it makes a member's requirement depend on strangers. Source: dYdX v4, liquidity tiers.
    """
    if upper_units <= lower_units:
        return base_ppm
    above = min(max(interest_units - lower_units, 0), upper_units - lower_units)
    return base_ppm + div_down((PPM - base_ppm) * above, upper_units - lower_units)
