"""The live shell (ARCHITECTURE 1-4): Faust agents over one journal per book, and state tables in Redis."""
