"""RULEBOOK 10, sizing and keys of the guarantee fund. Their place; contributions come as messages until then."""
