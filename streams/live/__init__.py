"""The live shell (docs/live.md): Faust agents over one journal per book, and state tables in Redis."""
