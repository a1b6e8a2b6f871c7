"""A real Kafka and a real Redis as processes of this machine, on loopback: for tests, demos and a first try."""
