"""A margin shard: all accounts of its members, folded from the log. `door.Shard` is the way in; state changes there."""
