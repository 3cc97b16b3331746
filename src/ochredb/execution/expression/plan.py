"""Chroma's address of the class `Search`."""

from ochredb.chroma.search import Search

__all__ = ["Search"]
