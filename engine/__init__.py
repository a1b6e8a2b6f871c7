"""The rules: pure folds over integers. No I/O, clock, environment, randomness or floats; rulebook sections name
the rooms.
"""
