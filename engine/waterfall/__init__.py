"""The waterfall (RULEBOOK 8, 17.12): `settle` draws the layers of one window; a kind of layer is one function there.

Assessments, deleveraging, backstop tranches and the other residual rules stand here later, each as a kind.
"""
