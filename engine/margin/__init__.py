"""Margin models (RULEBOOK 4): the statement of one account, and the same over columns."""
