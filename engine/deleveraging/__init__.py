"""Deleveraging (RULEBOOK 6.7, 15.5): a position that nobody takes goes to the other side, by a published rule.

`price` at what money, `score` in what order, `room` up to how much, `draw` who gets how many lots, `trigger` when.
"""
