"""Chroma's address of what its clients have in common: here, that they share an engine."""

from ochredb.client.sync import Holder as SharedSystemClient

__all__ = ["SharedSystemClient"]
