"""The clearing house of a book: funds, rounds, grants, windows, the waterfall. `door.Clearing` is the way in."""
