"""RULEBOOK 4, add-ons: concentration, liquidity, volatility, wrong-way. Their place; nothing stands here yet."""
