"""RULEBOOK 4, scan model: scenarios of loss per lot. Its place; nothing stands here yet."""
