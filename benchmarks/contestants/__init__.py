"""Programs that read one topic and do little: what the live pipeline is measured against. Each is its own process.

    python -m benchmarks.contestants.NAME ADDRESS TOPIC COUNT

prints the seconds from the first record to the last.
"""
