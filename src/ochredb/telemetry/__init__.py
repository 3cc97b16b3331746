"""Chroma's home for its telemetry; Ochre has none and sends nothing to anybody."""

from ochredb.telemetry import product

__all__ = ["product"]
