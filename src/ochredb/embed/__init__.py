"""Embedding functions: what they promise, how a collection remembers them, and the one that needs no account."""
