"""Chroma's file for what is in `ochredb.embed.morph`."""

from ochredb.embed.morph import MorphEmbeddingFunction

__all__ = ["MorphEmbeddingFunction"]
