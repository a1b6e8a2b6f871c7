"""RULEBOOK 6.7 and 15.5, deleveraging as a layer.

Its place; until it stands, what exits refuse is torn up at the mark.
"""
