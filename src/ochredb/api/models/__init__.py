"""Chroma's home for its collections, one module each."""

from ochredb.api.models import Collection

__all__ = ["Collection"]
