"""Chroma's home for its collections, one module each."""

from ochredb.api.models import AsyncCollection, AttachedFunction, Collection

__all__ = ["AsyncCollection", "AttachedFunction", "Collection"]
