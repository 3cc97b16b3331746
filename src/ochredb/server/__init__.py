"""Chroma's wire over any engine: routes, keys, limits, metrics."""
