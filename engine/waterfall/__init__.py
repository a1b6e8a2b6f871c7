"""The waterfall (RULEBOOK 8, 17.12, 17.23): `settle` draws a window, `payers` says who stands behind it.

Variants that no layer uses (15.7, 15.8) are pure functions beside them: `index`, `ordered`, `unvested`, `own_cover`.
"""
