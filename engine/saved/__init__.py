"""Saved state (RULEBOOK 14.7): what a reader writes down so that it need not read the log from its start.

Documents are plain JSON values. Accounts are documents of their own, by name, in words and without rows, columns or
shard numbers: a change of P deals them out anew, and a person can read them. Indexes (triggers, columns) are not
saved; they are rebuilt.
"""
