"""The words: every message, journal entry and event as a typed struct, and the code of every refusal."""
