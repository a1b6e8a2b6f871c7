"""What a source prints elsewhere than in its example, and the example needs.

L. G. McMillan, Options as a Strategic Investment, 4th ed., ch. 34, pp. 668-669: risk arrays of one lot in dollars, 16
scenarios: price unchanged, +1/3, -1/3, +2/3, -2/3, +3/3, -3/3 of the range, each with volatility up and down; then the
extreme moves. The future: a range of 20 points at $500, an extreme move of 14 points.
"""

SP_FUTURE = [
    0, 0, 3_330, 3_330, -3_330, -3_330, 6_670, 6_670, -6_670, -6_670, 10_000, 10_000, -10_000, -10_000, 7_000, -7_000,
]  # fmt: skip
DECEMBER_410_CALL = [
    460, -610, 2_640, 1_730, -1_270, -2_340, 5_210, 4_540, -2_540, -3_430, 8_060, 7_640, -3_380, -3_990, 3_130, -1_500,
]  # fmt: skip
